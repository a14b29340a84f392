"""What the task's own loss sends back before and after training: how much from afar, how much is told."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gradlab.resampling import rare
from gradlab.studies.norms import SIGNAL
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.settings import NONE

if TYPE_CHECKING:
    import xarray

NOTE = (
    "Lag k of the gradient from beyond it: by which the transport of the arm none had fallen by 10^3 before "
    "training, half of T where it had not. Statistical horizon: as far back as the gradient's dependence on "
    "the target stands out of its noise, lag by lag from the last step on. Both are of the task's own loss; "
    "the first goes through the remedy's backward pass, the second, like the transport, is the network's own."
)


def added(rows: Sequence[ArmRow], profiles: "xarray.Dataset") -> list[ArmRow]:
    """The rows with what came from beyond lag k and the statistical horizon; as they are without a profile.

    k is one for all arms at a place, so that they compare: the lag by which the transport of the plain arm
    had fallen by 10^3 before training, half of T where it had not fallen so far. A search has plain arms at
    some T: of others that of the longest is taken.
    """
    if any(name not in profiles for name in SIGNAL):
        return list(rows)
    made = []
    for row in rows:
        at = {"arm": row.arm, "T": row.T, "w_rec": row.w_rec, "lag": slice(0, row.T - 1)}
        share, chance = (np.asarray(profiles.sel(at)[name].values) for name in SIGNAL)
        if np.isnan(share).all() and np.isnan(chance).all():
            made.append(row)
            continue
        k = _lag(row, [one for one in rows if one.arm == NONE and one.w_rec == row.w_rec])
        far = share[..., k + 1 :].sum(axis=-1)
        sequences = int(profiles.attrs["sequences"])
        made.append(
            row._replace(lag=float(k), beyond=_ends(far), told=_ends(_told(chance)), sequences=sequences)
        )
    return made


def _lag(row: ArmRow, plain: Sequence[ArmRow]) -> int:
    known = sorted(plain, key=lambda one: (one.T == row.T, one.T))
    horizon = known[-1].horizon[0] if known else row.horizon[0]
    return int(horizon) if horizon < row.T - 1 else row.T // 2


def _told(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """By seed and end the last lag that is told, -1 if none is; NaN where lag 0 has no gradient."""
    last = np.logical_and.accumulate(rare(chance), axis=-1).sum(axis=-1) - 1.0
    return np.where(np.isnan(chance[..., 0]), np.nan, last)


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """The medians over seeds, at the start and at the end."""
    known = [column[~np.isnan(column)] for column in values.T]
    first, last = (float(np.median(column)) if len(column) else math.nan for column in known)
    return first, last


def said(row: ArmRow) -> list[str]:
    """Both in words; empty where they were not measured."""
    parts = []
    if not any(map(math.isnan, row.beyond)):
        before, after = map(_percent, row.beyond)
        parts.append(f"{before} -> {after} of the recurrent weights' gradient from beyond lag {row.lag:g}")
    if not any(map(math.isnan, row.told)):
        before, after = (f"{lag:.0f}" if lag >= 0 else "none" for lag in row.told)
        more = " (none: it takes more)" if "none" in (before, after) else ""
        parts.append(f"statistical horizon {before} -> {after} with {row.sequences} sequences{more}")
    return parts


def _percent(share: float) -> str:
    """A share of the whole; a negative one pulls against it."""
    if share == 0:
        return "0%"
    if abs(share) < 0.001:
        return "<0.1%"
    return f"{100 * share:.{1 if abs(share) < 0.095 else 0}f}%"
