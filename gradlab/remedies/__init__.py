"""Remedies, one file each: `name(*, settings) -> Remedy`, acting in one of the seven places where one can."""
