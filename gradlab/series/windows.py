"""Where windows of a series begin, drawn for each network and each of its sequences by itself."""

import hashlib
import json

import numpy as np
from numpy.typing import NDArray


def starts(seed: int, seeds: int, batch: int, room: int) -> NDArray[np.int64]:
    """The first rows, (seeds, batch), of windows of which a series has `room`: each is as likely.

    They know nothing of how many networks, sequences or lengths there are, so a grid that grows changes none.
    """
    return np.array([[_drawn(seed, s, b) * room >> 64 for b in range(batch)] for s in range(seeds)])


def _drawn(seed: int, s: int, b: int) -> int:
    """A whole number below 2**64."""
    content = json.dumps([seed, "windows", {"seed": s, "sequence": b}], sort_keys=True)
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "little")
