"""A sweep: the gradients of every network of a grid of cells, initialisers, `w_rec` and `T`."""
