"""Measurements, one file per probe: `(step, params, state, xs, setup) -> NamedTuple of columns`.

A column is a `Norm` of shape (lag,) or (lag, part), the whole state first, then its named parts or none of
them; it becomes the variable of that name in `norms.nc`.
Probes are unbatched: one network, one input sequence.
"""
