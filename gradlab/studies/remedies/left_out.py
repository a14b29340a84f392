"""Which cell learns at which gain and T, foretold from starts alone, and judged on cells left out."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.resampling import jackknife
from gradlab.stats import LEVEL, Interval, errors, percent
from gradlab.studies.remedies.forecast import starts_of
from gradlab.studies.remedies.rows import ArmRow

Numbers = NDArray[np.float64]
FEWEST = 3
"""Cells, so that one which is left out leaves two to learn from."""
STARTS = 10
"""The fewest whose interval is trusted."""
RIDGE = 1.0
"""Of the logistic regression, on standardised features."""
LIMITS = (
    "It sees whether a gradient arrives, and not what a cell can express, such as that no linear "
    "diagonal recurrence with positive weights learns parity."
)


class Judged(NamedTuple):
    """How well it was foretold which networks learn, in cells whose outcomes were not looked at."""

    auc: float
    baselines: dict[str, float]
    """The AUC of what takes no model, by its name."""
    margins: dict[str, Interval]
    """How much more the AUC is than that of each, with an interval by starts."""
    cells: int
    starts: int
    points: int

    @property
    def skill(self) -> bool:
        """Whether it is better than each of them by more than chance."""
        return all(margin.low > 0 for margin in self.margins.values())


def judge(rows: Sequence[ArmRow]) -> Judged | None:
    """Foretell for each (cell, w_rec, T) whether half of the seeds learn, from the other cells' outcomes.

    A logistic regression on ln T, the decades that the transport changes over T, their size, and the share of
    T that the statistical horizon spans; its intercept and slopes are those of all cells but the row's own.
    Its AUC, that of 1/T and that of `soft horizon > T` are over all rows together. Rows that begin
    with the same networks, at whatever T, share a start: an interval is the estimate with Student's t at
    starts - 1 and the jackknife over starts.

    None without at least three cells, ten starts and two T, where all or none learn, and of a search or a
    race, which leave out what was not learned.

    Reference: Hanley, McNeil 1982, The meaning and use of the area under a ROC curve.
    """
    known = [row for row in rows if not (math.isnan(row.slope[0]) or row.closed_form)]
    if any(row.most or row.race is not None for row in rows) or not known:
        return None
    learned = np.array([2 * row.solved.successes >= row.solved.of for row in known])
    cells = np.array([row.cell for row in known])
    starts = np.unique(starts_of(known), return_inverse=True)[1]
    lengths = np.array([float(row.T) for row in known])
    enough = len(set(cells)) >= FEWEST and starts.max() + 1 >= STARTS and len(set(lengths)) > 1
    if not enough or learned.all() or not learned.any():
        return None
    scores = {"": _foretold(np.stack([_features(row) for row in known]), learned, cells)}
    scores |= {"1/T": 1 / lengths, "soft horizon > T": np.array([float(_beyond(row)) for row in known])}
    aucs = {name: auc(score, learned) for name, score in scores.items()}
    without = {
        name: np.array([auc(score[starts != i], learned[starts != i]) for i in range(starts.max() + 1)])
        for name, score in scores.items()
    }
    own, rest = aucs.pop(""), without.pop("")
    margins = {name: _interval(own - aucs[name], rest - without[name]) for name in aucs}
    return Judged(own, aucs, margins, len(set(cells)), int(starts.max()) + 1, len(known))


def auc(score: Numbers, learned: NDArray[np.bool_]) -> float:
    """How often one that learns has the larger score than one that does not; a tie is half of one.

    >>> auc(np.array([1.0, 2.0, 3.0, 3.0]), np.array([False, True, False, True]))
    0.625
    """
    if learned.all() or not learned.any():
        return math.nan
    return float(np.mean(1 + np.sign(score[learned][:, None] - score[~learned][None])) / 2)


def said(rows: Sequence[ArmRow]) -> str:
    """How well it was foretold, in a sentence or two; empty where nothing can be judged."""
    found = judge(rows)
    if found is None:
        return ""
    name, margin = min(found.margins.items(), key=lambda pair: pair[1].low)
    alone = ", ".join(f"{what} alone {auc:.2f}" for what, auc in found.baselines.items())
    return (
        f"Who learns, foretold from the start for cells left out ({found.cells} cells, "
        f"{found.starts} starts, {found.points} points): AUC {found.auc:.2f}, {alone}; {margin.middle:+.2f} "
        f"beyond {name} ({percent(LEVEL)} interval {margin.low:+.2f} to {margin.high:+.2f})"
        f"{'' if found.skill else ': no skill'}. {LIMITS}"
    )


def document(rows: Sequence[ArmRow]) -> dict[str, Any] | None:
    """The same for JSON: None where nothing can be judged; an end that an interval has not is None, too."""
    found = judge(rows)
    if found is None:
        return None
    ends = {
        name: {key: one if math.isfinite(one) else None for key, one in margin._asdict().items()}
        for name, margin in found.margins.items()
    }
    beside = [{"name": name, "auc": auc, "margin": ends[name]} for name, auc in found.baselines.items()]
    counts = {name: getattr(found, name) for name in ("cells", "starts", "points", "skill")}
    return {"auc": found.auc, "baselines": beside} | counts | {"limits": LIMITS}


def _features(row: ArmRow) -> Numbers:
    """Of a start at one T; a horizon beyond T counts as T."""
    decades = row.slope[0] * (row.T - 1)
    # The hard horizon is where a gradient ends, however it goes until there.
    reach = 1.0 if math.isnan(row.hard) else min(row.hard / row.T, 1.0)
    told = 0.0 if math.isnan(row.told[0]) else max(row.told[0], 0.0) / row.T
    return np.array([math.log(row.T), np.clip(decades, -30, 30), min(abs(decades), 30.0), reach, told])


def _beyond(row: ArmRow) -> bool:
    """Whether the soft horizon before training lies beyond T."""
    return bool(math.isnan(row.horizon[0]) or row.horizon[0] >= row.T)


def _foretold(features: Numbers, learned: NDArray[np.bool_], cells: NDArray[Any]) -> Numbers:
    """The log odds of each row to learn, from the rows of all other cells."""
    odds = np.empty(len(learned))
    for cell in set(cells):
        out = cells == cell
        mean, size = features[~out].mean(0), features[~out].std(0)
        scaled = np.c_[np.ones(len(out)), (features - mean) / np.where(size > 0, size, 1.0)]
        odds[out] = scaled[out] @ _logistic(scaled[~out], learned[~out])
    return odds


def _logistic(x: Numbers, learned: NDArray[np.bool_]) -> Numbers:
    """Intercept and slopes of a logistic regression with a ridge on its slopes, by Newton's steps.

    The ridge keeps all steps finite where the classes can be told apart; the intercept's own is tiny.
    """
    ridge = np.diag([1e-3, *[RIDGE] * (x.shape[1] - 1)])
    slopes = np.zeros(x.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(x @ slopes, -30, 30)))
        down = x.T @ (learned - chance) - ridge @ slopes
        step = np.linalg.solve((x * (chance * (1 - chance))[:, None]).T @ x + ridge, down)
        slopes = slopes + step
        if np.abs(step).max() < 1e-8:
            break
    return slopes


def _interval(middle: float, without: Numbers) -> Interval:
    """An estimate with Student's t and the jackknife's error; without ends where a value is missing."""
    if np.isnan(without).any():
        return Interval(middle, -math.inf, math.inf, LEVEL)
    half = errors(len(without)) * float(jackknife(without))
    return Interval(middle, middle - half, middle + half, LEVEL)
