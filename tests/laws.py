"""Laws that samples are drawn from."""

import math

LAWS = {
    "normal": (lambda rng, size: rng.standard_normal(size), 0.0),
    "lognormal": (lambda rng, size: rng.lognormal(size=size), 1.0),
    "exponential": (lambda rng, size: rng.exponential(size=size), math.log(2)),
    "cauchy": (lambda rng, size: rng.standard_cauchy(size), 0.0),
}
"""Each with its median."""
