"""Predicates of claims, one file each: `name(samples, where, wanted, *, settings) -> Verdict`."""
