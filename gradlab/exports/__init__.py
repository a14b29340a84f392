"""Formats of other programs, one file each: `FILE`, the name to write to, and `name(run) -> bytes`."""
