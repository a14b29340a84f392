"""One step function, forward and back: scaled numbers, loops over time, pullbacks, singular values.

`backward` sends a gradient back through a sequence without losing it to underflow; `forward` goes the other
way. Both run in the loops of `scan`. The other files serve these, or tell a derivative that is zero by
definition from one that rounding has lost.
"""
