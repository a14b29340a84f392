"""Recurrent initialisers, one file each: `name(key, n)` draws one matrix of unit gain.

Drawn in float64 where JAX has it enabled, else in float32; a caller casts afterwards. With one unit the
recurrent matrix is the scalar weight, so every initialiser with a fixed spectrum gives [[1]] there.
`UNIT` says which measure of the matrix is 1: its norm (Frobenius / sqrt(n), over many draws), its spectral
radius, or all its singular values. An initialiser whose settings put another number there has it as `gain`.
"""
