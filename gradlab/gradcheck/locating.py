"""Which step's part of a parameter's gradient is wrong."""

import numpy as np
from numpy.typing import NDArray

from gradlab.gradcheck.compare import Check
from gradlab.gradcheck.methods import Vector

WORDS = {-1.0: "whose part is missing", 1.0: "whose part counts twice"}
"""The one wrong step by what its part is multiplied with too much."""


def from_parts(check: Check, found: Vector, true: Vector, shape: tuple[int, ...]) -> Check:
    """The check with the first wrong step on the way back, from a parameter's part of each, (T, entries)."""
    gap = np.abs(found - true)
    wrong = _notable(gap.max(axis=1))
    if not wrong.size or int(wrong[-1]) + 1 < check.step:
        return check
    last = int(wrong[-1])
    part = _times(found[last] - true[last], true[last]) if wrong.size == 1 else ""
    words = [_entries(np.abs((found - true).sum(axis=0)), shape), part]
    return check._replace(step=last + 1, note=check.note or ", ".join(filter(None, words)))


def _entries(gap: Vector, shape: tuple[int, ...]) -> str:
    """Which entries are off, if not most of them."""
    wrong = _notable(gap)
    if not wrong.size or 2 * wrong.size > gap.size:
        return ""
    first = [int(i) for i in np.unravel_index(wrong[0], shape)]
    several = f"{wrong.size} of {gap.size} entries from {first} on"
    return f"entry {first} alone" if wrong.size == 1 else several


def _notable(gap: Vector) -> NDArray[np.int64]:
    """Where the gap is not small beside the largest."""
    return np.flatnonzero(~(gap <= FRACTION * gap.max())) if gap.any() else np.zeros(0, np.int64)


FRACTION = 1e-3
"""A step or entry that is off by this much of the largest such gap is wrong, too."""


def from_sum(check: Check, off: Vector, parts: Vector) -> Check:
    """The check with the wrong steps, from the sum of all that is off and the right parts, (T, entries).

    off = sum_t c_t part_t: one step alone if that explains it, else all where there are entries enough.
    """
    for t, part in enumerate(parts, start=1):
        scale = float(part @ part)
        factor = float(off @ part) / scale if scale else 0.0
        if factor and np.abs(off - factor * part).max() <= 1e-5 * np.abs(off).max():
            return check._replace(step=t, note=_word(factor))
    if len(parts) >= parts.shape[1]:
        return check
    factors, *_ = np.linalg.lstsq(parts.T, off, rcond=1e-8)
    left = np.abs(off - factors @ parts).max()
    wrong: NDArray[np.int64] = np.flatnonzero(np.abs(factors) > 1e-3 * np.abs(factors).max())
    if left > 1e-5 * np.abs(off).max() or np.linalg.matrix_rank(parts, rtol=1e-6) < len(parts):
        return check
    return check._replace(step=int(wrong[-1]) + 1, note=f"{wrong.size} steps whose parts are off")


def _times(off: Vector, part: Vector) -> str:
    """What happened to a part, in words."""
    scale = float(part @ part)
    factor = float(off @ part) / scale if scale else 0.0
    fits = factor and np.abs(off - factor * part).max() <= 1e-5 * np.abs(part).max()
    return _word(factor) if fits else ""


def _word(factor: float) -> str:
    for known, words in WORDS.items():
        if abs(factor - known) <= 1e-5:
            return words
    return f"whose part counts {1 + factor:.6g} times"
