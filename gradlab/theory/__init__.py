"""What theory says of random networks, without running one."""
