"""Predicates of claims, one file each: `name(estimates, where, wanted, *, settings) -> Decision`."""
