"""Names that things had before: settings files and runs that still use them are read."""

import re
from typing import Any

from gradlab import schemas

SCHEMA = schemas.newest("run")
"""Of a `run.json` that is written now; those since `gradlab.run/1` are read."""
SETTINGS = {"eval_every": "every", "eval_size": "judged", "lr": "rates"}
"""Settings of a training, and what they were called in `gradlab.run/1`."""
ARGUMENTS = {"probe": "probes"}
"""Arguments of `gradlab.measure`, and what they were called up to 0.1."""
LEARNING_RATE = {"gradlab.run/1": "rate"}
"""The column of `remedies.csv` that is called `lr` now."""


def current(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings under today's names.

    >>> current({"task": "copy", "rates": [0.01]})
    {'task': 'copy', 'lr': [0.01]}
    """
    today = {was: name for name, was in SETTINGS.items() if name not in settings}
    return {today.get(name, name): value for name, value in settings.items()}


def version(schema: Any) -> int | None:
    """The number of a run's schema; None if it is no such schema.

    >>> version("gradlab.run/1"), version("other/1")
    (1, None)
    """
    found = re.fullmatch(r"gradlab\.run/(\d{1,9})", str(schema), re.ASCII)
    return int(found[1]) if found else None
