"""What the networks of a drawn sweep did, worked out again from the slopes that they were drawn with."""

import itertools
import math
import re
from types import SimpleNamespace

import numpy as np
from scipy import stats

from gradlab.states import BELOW_PRECISION, EXACT_ZERO
from tests.spoken import NUM, is_printed


def interval(x, level):
    if len(x) < 2:
        return math.nan, math.nan
    half = stats.t.ppf((1 + level) / 2, len(x) - 1) * stats.sem(x)
    return np.mean(x) - half, np.mean(x) + half


def fell(one, T, decades):
    """The lag by which a straight profile has fallen so far; infinite if it does not within T."""
    reached = decades / -one.slope if one.slope < 0 else math.inf
    if reached <= one.last and math.ceil(reached) <= one.last:
        return reached
    # A zero is a fall, whether it is one by definition or by rounding.
    return one.last + 1 if one.beyond in (EXACT_ZERO, BELOW_PRECISION) and one.last < T else math.inf


def credit(one, T):
    """The lag within which 95 % of the weight gradient lie; it has no norm at lag T."""
    size = 10.0 ** (0.97 * one.slope * np.arange(min(one.last, T - 1) + 1))
    return int(np.argmax(size.cumsum() >= 0.95 * size.sum() * (1 - 1e-12)))


def middle(x):
    x = sorted(x)
    value = (x[(len(x) - 1) // 2] + x[len(x) // 2]) / 2 if x else math.nan
    return value if math.isfinite(value) else math.nan


def facts(row, T, linear):
    """What the networks of one (cell, init, w_rec) are together."""
    alive = [one for one in row if not one.step]
    rates = np.array([one.slope for one in alive if one.last > 0])
    band, n = math.log10(2) / T, len(row)
    gone = [one.beyond == EXACT_ZERO and one.last < T for one in alive]
    silent = [one.last < 1 for one in alive]
    low, high = interval(rates, 0.95)
    near = interval(rates, 0.90)
    word = "UNDECIDED" if len(rates) else "UNDEFINED"
    if high < -band or low > band:
        word = "VANISH" if high < -band else "EXPLODE"
    elif -band <= near[0] and near[1] <= band:
        word = "STABLE"
    if len(alive) < n:
        word = "NONFINITE"
    elif all(gone):
        word = "UNDECIDED" if n < 2 else "EXPLODE" if word == "EXPLODE" else "VANISH"
    elif word not in ("UNDEFINED", "VANISH") or any(s and not g for s, g in zip(silent, gone, strict=True)):
        word = "UNDECIDED" if word != "UNDEFINED" and (any(gone) or any(silent)) else word
    return SimpleNamespace(
        n=n,
        T=T,
        regime=word,
        rate=float(rates.mean()) if len(rates) else math.nan,
        low=low,
        high=high,
        rated=len(rates),
        lost=n - len(alive),
        step=min((one.step for one in row if one.step), default=0),
        chaotic=0 if linear else int((rates > band).sum()),
        half=middle([fell(one, T, math.log10(2)) for one in alive]),
        soft=middle([fell(one, T, 3) for one in alive]),
        hard=middle([one.last if g else math.inf for one, g in zip(alive, gone, strict=True)]),
        credit=middle([credit(one, T) for one in alive]),
        end=max((one.last for one in alive), default=-1),
        ends=[one.slope for one in alive],
        dim=all(one.beyond == BELOW_PRECISION and one.last < T for one in alive),
    )


class Raw:
    """The rows of a sweep at its longest T, by label and w_rec."""

    def __init__(self, found):
        self.found, self.T = found, found.T
        inits = found.run.norms["init"].values.tolist()
        self.rows, self.names, self.gain, self.cells = {}, {}, {}, {}
        for (cell, init, w, T), row in found.raw.items():
            label = f"{cell} ({init})" if len(inits) > 1 else cell
            self.gain[label] = found.has_gain[cell]
            self.cells[label] = (cell, init)
            if T != self.T or (not found.has_gain[cell] and any(key[0] == label for key in self.rows)):
                continue
            self.rows[label, w] = facts(row, T, "identity" in cell)
            self.names[f"{label} at w_rec = {w:g}" if found.has_gain[cell] else label] = (label, w)
        self.labels = list(dict.fromkeys(label for label, _ in self.rows))
        self.seeds = found.run.norms.sizes["seed"]

    def of(self, label):
        return {w: row for (other, w), row in self.rows.items() if other == label}

    def rates(self, label, T):
        """The mean rates at one T, by w_rec; NaN where a network is lost."""
        cell, init = self.cells[label]
        found = {}
        for (c, i, w, t), row in self.found.raw.items():
            if (c, i, t) == (cell, init, T):
                one = facts(row, T, False)
                found[w] = math.nan if one.lost else one.rate
        return found


def crossing(rates):
    """How often the sign changes, and where first, by (w_rec, rate)."""
    known = [(w, r) for w, r in sorted(rates.items()) if not math.isnan(r)]
    signed = [(w, r) for w, r in known if r]
    changes = [(a, b) for a, b in itertools.pairwise(signed) if (a[1] < 0) != (b[1] < 0)]
    if not changes:
        return 0, math.nan
    (a, r), (b, s) = changes[0]
    between = [w for w, rate in known if a < w < b]
    return len(changes), float(np.mean(between)) if between else a - r * (b - a) / (s - r)


def check_crossing(text, rates):
    """`2 times, first at w_rec = 1.5` against the rates; an empty text says that there is none."""
    count, place = crossing(rates)
    found = re.fullmatch(rf"(?:(\d+) times, first )?at w_rec = ({NUM})", text or "")
    assert (count > 0) == bool(found), (text, rates)
    if found:
        assert count == int(found[1] or 1), (text, rates)
        assert is_printed(found[2], place), (text, rates)
