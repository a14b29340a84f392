"""Which programs the compile cache holds: known without tracing them, so that a plan can tell."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

_FOLDER = "known"


def note(**key: Any) -> None:
    """Remember that the program of these settings has been compiled, and is kept."""
    place = _place(key)
    if place is None:
        return
    try:
        place.parent.mkdir(mode=0o700, exist_ok=True)
        place.touch()
    except OSError:
        # A plan that is too long by some seconds is all that it costs.
        return


def known(**key: Any) -> bool:
    """Whether the program of these settings need not be compiled again."""
    place = _place(key)
    return place is not None and place.exists()


def _place(key: dict[str, Any]) -> Path | None:
    """The mark of a program; None where no programs are kept, or not in our folder."""
    import jax

    from gradlab import digests, programs

    cache = programs.folder()
    if cache is None:
        return None

    # What else decides which program it is: our code, that of JAX, and how XLA is told to compile.
    whole = key | {"source": digests.source(), "jax": jax.__version__, "flags": os.environ.get("XLA_FLAGS")}
    text = json.dumps(whole, sort_keys=True)
    return cache / _FOLDER / hashlib.sha256(text.encode()).hexdigest()[:32]
