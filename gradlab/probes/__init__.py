"""Measurements, one file per probe: `(step, params, state, xs, setup) -> NamedTuple of columns`.

A column is a `Norm` of shape (lag,) or (lag, part), the whole state first, then its named parts or none of
them; it becomes the variable of that name in `norms.nc`.
Probes are unbatched: one network, one input sequence.

Beside `AXES` the file may state `check(**settings)`, which refuses settings; `notes(norms)`, what must be
read beside a column, by its name; and `shortest(units, **settings)`, by column, the least T that it has a
value at, of a readout of so many numbers: a run says so where a sequence is shorter.
"""
