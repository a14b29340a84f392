"""A series of somebody's own, as inputs of networks: read, scaled, cut into windows."""
