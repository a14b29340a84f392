"""Why the reach of a model as a whole has a norm or none, by lag: the column `reason` as tables show it."""

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.text import Text

from gradlab.escaping import plain
from gradlab.states import REASONS, STATES, UNDEFINED
from gradlab.studies.norms import REASON
from gradlab.studies.sweep.results import Run

if TYPE_CHECKING:
    import xarray

MOST = 20
"""Rows of one kind of sequences that a terminal shows."""
MEANINGS = {
    "ok": "a cotangent of 1 shows the gradient",
    "rescaled": "a cotangent of 1 under- or overflows, others show the gradient",
    "cut": "the gradient is exactly zero while the output follows the input, as behind a detach, a no_grad "
    "or truncated back-propagation",
    "unused": "exactly zero, and the output does not move with the input: a mask, a reset, a unit that no "
    "step wakes up, a weight that rounds to zero or no way at all",
    "flat": "zero, and large steps of the input alone move the output: a dead or saturated unit, a rounding, "
    "a comparison or a derivative that is zero there",
    "rounded": "zero by rounding, there is a gradient that the format does not hold",
    "unknown": "zero, and why cannot be told",
    "nonfinite": "the derivative is NaN or infinite",
}
"""Of each reason that a lag with an input can have."""


class Row(NamedTuple):
    """Neighbouring lags with one reason, in all of these sequences."""

    cell: str
    sequences: tuple[int, ...]
    first: int
    last: int
    reason: str

    @property
    def state(self) -> str:
        """That of the norms there."""
        return STATES[REASONS[self.reason]]

    @property
    def lags(self) -> str:
        """As in `8..11`."""
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"


def rows(norms: "xarray.Dataset") -> list[Row]:
    """The rows of a dataset, by cell and sequence, those alike together; none where it keeps no reasons."""
    if REASON not in norms:
        return []
    words = np.array(list(REASONS), object)
    codes = norms[REASON].isel(init=0, w_rec=0, T=0).transpose("cell", "seed", "lag").values
    found = []
    for cell, of_cell in zip(norms["cell"].values.tolist(), codes, strict=True):
        alike: dict[bytes, list[int]] = {}
        for sequence, of_sequence in enumerate(of_cell):
            alike.setdefault(of_sequence.tobytes(), []).append(sequence)
        for sequences in alike.values():
            told = words[of_cell[sequences[0]]].tolist()
            at = 0
            for reason, some in groupby(told):
                first, at = at, at + len(list(some))
                if REASONS[reason] != UNDEFINED:
                    found.append(Row(str(cell), tuple(sequences), first, at - 1, reason))
    return found


def legend(found: list[Row]) -> str:
    """What the reasons in some rows mean; one of zeros may hold for neighbours of what was tried."""
    words = [word for word in MEANINGS if any(row.reason == word for row in found)]
    return "; ".join(f"{word}: {MEANINGS[word]}" for word in words)


def document(run: Run) -> list[dict[str, Any]]:
    """The rows as JSON values."""
    return [
        {
            "cell": row.cell,
            "sequences": list(row.sequences),
            "first": row.first,
            "last": row.last,
            "reason": row.reason,
            "state": row.state,
        }
        for row in rows(run.norms)
    ]


def render(run: Run, width: int, *, color: bool) -> Text:
    """The rows as a table for a terminal; empty where no reasons are kept."""
    text = Text(no_wrap=True, overflow="ignore", end="")
    found = rows(run.norms)
    quiet = "dim" if color else ""
    several = run.norms.sizes["seed"] > 1
    for (cell, sequences), some in groupby(found, lambda row: row[:2]):
        own = list(some)
        text.append(f"\n{plain(cell)}", "bold" if color else "")
        text.append(f", {_sequences(sequences)}" if several else "")
        wide = max(len("lag"), *(len(row.lags) for row in own[:MOST]))
        text.append(f"\n{'lag':>{wide}} reason\n", quiet)
        for row in own[:MOST]:
            text.append(f"{row.lags:>{wide}} {row.reason}\n")
        if len(own) > MOST:
            text.append(f"and {len(own) - MOST} more; norms.nc has all\n")
    if found:
        note = f"reason: why there is a gradient or none, by lag. {legend(found)}."
        lines = textwrap.wrap(note, width, break_long_words=False, break_on_hyphens=False)
        text.append("\n" + "\n".join(lines) + "\n", quiet)
    return text


def _sequences(places: tuple[int, ...]) -> str:
    """`sequences 0, 2`, a few of them."""
    more = f" and {len(places) - 8} more" if len(places) > 8 else ""
    return f"sequence{'s' * (len(places) > 1)} {', '.join(map(str, places[:8]))}{more}"
