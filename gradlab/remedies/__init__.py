"""Remedies, one file each: `name(*, settings) -> Remedy`, acting in one of the five places where one can."""
