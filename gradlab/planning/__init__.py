"""What a command will take, told before it starts: time, memory, programs to compile."""
