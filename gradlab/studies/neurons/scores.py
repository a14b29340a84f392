"""Units scored as detectors of labels, each beside three controls.

The score of a unit for a binary label is 2 AUC - 1, that for a count the rank correlation: both are -1..1,
and no monotone change of the unit (such as tanh) moves them. Both are linear in the label once the unit is
replaced by its ranks, so that a label shifted round the text is scored at all shifts by one correlation.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gradlab.studies.neurons.labels import Label

SHIFTS = 999
"""Of the label round the text."""
NEAREST = 0.02
"""The least of them, as a share of the text."""

Rows = NDArray[np.float32]
"""By (unit, character)."""


class Scored(NamedTuple):
    """Every unit for every label: arrays by (label, unit), or by label."""

    score: NDArray[np.float64]
    first: NDArray[np.float64]
    """In the first half of the text."""
    second: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    """Balanced, of the threshold that is best in the first half, in the second; NaN for counts."""
    same: NDArray[np.float64]
    """Of the same unit before training."""
    shifted: NDArray[np.float64]
    """By label: what the best of all units exceeds at 5 % of the shifts."""
    p: NDArray[np.float64]
    """Share of the shifts at which the best of all units scores so high, times the number of labels."""
    untrained: NDArray[np.float64]
    """By label: the best of all units before training."""
    random: NDArray[np.float64]
    """By label: the best of as many random directions."""

    @property
    def bound(self) -> NDArray[np.float64]:
        """By label: the highest of the three controls."""
        return np.maximum(np.maximum(self.shifted, self.untrained), self.random)

    @property
    def above(self) -> NDArray[np.bool_]:
        """Whether a unit is above all three controls, in the text and either half of it, and p below 5 %."""
        sizes = [np.abs(self.score), np.abs(self.first), np.abs(self.second)]
        alike = np.sign(self.first) == np.sign(self.second)
        found: NDArray[np.bool_] = (np.min(sizes, axis=0) > self.bound[:, None]) & alike & (self.p < 0.05)
        return found


def scored(trained: Rows, untrained: list[Rows], labels: list[Label], seed: int) -> Scored:
    """Score units, read before and after training on the same text.

    `untrained` are the same units before training, then those of other networks that were not trained.
    """
    half = trained.shape[1] // 2
    # A part of the text has ranks of its own, as the label has.
    values, early, late = (_wanted(labels, part) for part in (slice(None), slice(half), slice(half, None)))
    binary = np.array([one.kind == "binary" for one in labels])
    ranked = ranks(trained)
    score = _scores(ranked, values, binary)
    first = _scores(ranks(trained[:, :half]), early, binary)
    second = _scores(ranks(trained[:, half:]), late, binary)
    before = [np.abs(_scores(ranks(one), values, binary)) for one in untrained]
    same = _scores(ranks(untrained[0]), values, binary)
    chance = _shifted(ranked, values, binary)
    reached = 1 + (chance[:, None, :] >= np.abs(score)[:, :, None]).sum(axis=2)
    p = np.minimum(1, reached / (1 + chance.shape[1]) * len(labels))
    directions = ranks(_directions(trained, seed))
    return Scored(
        score,
        first,
        second,
        _accuracies(trained, labels, half),
        same,
        np.quantile(chance, 0.95, axis=1, method="higher"),
        p,
        np.max([one.max(axis=1) for one in before], axis=0),
        np.abs(_scores(directions, values, binary)).max(axis=1),
    )


def ranks(rows: Rows) -> Rows:
    """The ranks of each unit's values along the text, ties at their mean, from -1 to 1.

    >>> ranks(np.array([[3, 1, 3, 2]], np.float32)).tolist()
    [[0.5, -0.75, 0.5, -0.25]]
    """
    count = rows.shape[1]
    found = np.empty(rows.shape, np.float32)
    for row, out in zip(rows, found, strict=True):
        order = np.argsort(row)
        ordered = row[order]
        # Where a run of equal values begins, and where it ends.
        begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        ends = np.append(begins[1:], count)
        out[order] = np.repeat((begins + ends - count) / count, ends - begins)
    return found


def _wanted(labels: list[Label], part: slice) -> Rows:
    """Labels along a part of the text as they are correlated with ranks: a count by its own ranks."""
    some = [(one.kind, one.values[part]) for one in labels]
    return np.stack([row if kind == "binary" else ranks(row[None])[0] for kind, row in some])


def _scale(
    ranked: Rows, values: Rows, binary: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What makes scores of `sum (r - mean) (l - mean)`: by unit for counts, by label for all."""
    count = ranked.shape[1]
    positive = values.sum(axis=1, dtype=np.float64)
    # 2 AUC - 1 = mean rank inside - mean rank outside, of ranks from -1 to 1.
    pairs = positive * (count - positive) / count
    spread = np.sqrt(((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1, dtype=np.float64))
    per_label = np.where(binary, _inverse(pairs), _inverse(spread))
    own = np.sqrt((ranked.astype(np.float64) ** 2).sum(axis=1))
    return per_label, _inverse(own)


def _inverse(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / x, and 0 where nothing varies."""
    found: NDArray[np.float64] = np.divide(1.0, values, out=np.zeros_like(values), where=values > 1e-9)
    return found


def _scores(ranked: Rows, values: Rows, binary: NDArray[np.bool_]) -> NDArray[np.float64]:
    """By (label, unit)."""
    per_label, per_unit = _scale(ranked, values, binary)
    centred = values - values.mean(axis=1, keepdims=True)
    product = (centred @ ranked.T).astype(np.float64) * per_label[:, None]
    found: NDArray[np.float64] = np.clip(np.where(binary[:, None], product, product * per_unit), -1, 1)
    return found


def _shifted(ranked: Rows, values: Rows, binary: NDArray[np.bool_]) -> NDArray[np.float64]:
    """By (label, shift): the best score of all units for the label shifted round the text."""
    count = ranked.shape[1]
    per_label, per_unit = _scale(ranked, values, binary)
    least = max(1, int(NEAREST * count))
    shifts = np.unique(np.linspace(least, count - least, SHIFTS).astype(int))
    centred = values - values.mean(axis=1, keepdims=True)
    of_labels = fft.rfft(centred, axis=1)
    units = np.conj(fft.rfft(ranked, axis=1, workers=-1))
    best = []
    for i, of_label in enumerate(of_labels):
        found = np.abs(fft.irfft(of_label * units, count, axis=1, workers=-1)[:, shifts]) * per_label[i]
        best.append((found if binary[i] else found * per_unit[:, None]).max(axis=0))
    return np.stack(best)


def _directions(rows: Rows, seed: int) -> Rows:
    """As many random directions as units: sums of all units, each brought to mean 0 and variance 1."""
    spread = rows.std(axis=1, keepdims=True)
    alike = np.divide(
        rows - rows.mean(axis=1, keepdims=True), spread, out=np.zeros_like(rows), where=spread > 0
    )
    weights = np.random.default_rng([seed, 13]).standard_normal((len(rows), len(rows))).astype(np.float32)
    found: Rows = (weights @ alike).astype(np.float32)
    return found


def _accuracies(rows: Rows, labels: list[Label], half: int) -> NDArray[np.float64]:
    """By (label, unit): balanced accuracy in the second half of the threshold that is best in the first.

    NaN for counts, and for labels that are missing or everywhere in a half.
    """
    found = np.full((len(labels), len(rows)), np.nan)
    known = [
        (i, wanted[:half], wanted[half:])
        for i, wanted in enumerate(one.values > 0 for one in labels)
        if labels[i].kind == "binary" and len({*wanted[:half]}) == len({*wanted[half:]}) == 2
    ]
    for k, row in enumerate(rows):
        order = np.argsort(row[:half])
        ordered = row[:half][order]
        same = ordered[1:] == ordered[:-1]
        for i, early, late in known:
            mine = early[order]
            # Of a threshold behind each value: the share of true ones up to it, less that of the others.
            below = np.cumsum(mine) / early.sum() - np.cumsum(~mine) / (~early).sum()
            below[:-1][same] = 0
            at = int(np.abs(below).argmax())
            above = row[half:] > ordered[at]
            said = above if below[at] < 0 else ~above
            found[i, k] = 0.5 * (said[late].mean() + (~said[~late]).mean())
    return found
