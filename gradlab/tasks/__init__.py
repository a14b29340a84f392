"""Tasks, one file each: `name(settings)` draws sequences, and says how answers are judged."""
