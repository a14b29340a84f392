"""What the networks of a drawn comparison did, worked out again from its table and their profiles."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
from scipy import stats

from gradlab.significance import rank_test
from tests.spoken import NUM, is_printed

FEW = 4


def median(x):
    x = sorted(x)
    return (x[(len(x) - 1) // 2] + x[len(x) // 2]) / 2


def median_interval(x):
    """The median, the narrowest pair of sorted values that holds it in 95 % of all cases, and its level."""
    x, n = sorted(x), len(x)
    if n < 2:
        return SimpleNamespace(middle=median(x), low=math.nan, high=math.nan, level=math.nan)
    levels = [1 - 2 * stats.binom.cdf(k, n, 0.5) for k in range((n + 1) // 2)]
    k = max((k for k, level in enumerate(levels) if level >= 0.95), default=0)
    return SimpleNamespace(middle=median(x), low=x[k], high=x[n - 1 - k], level=levels[k])


def of_shares(row, other):
    """Fisher's exact test of two shares, by scipy."""
    return stats.fisher_exact([[one.solved, one.n - one.solved] for one in (row, other)]).pvalue


def of_losses(row, other):
    """Mann and Whitney's test; 1 where the medians and the ranks do not say the same."""
    above = sum(int(a > b) - int(a < b) for a in row.each for b in other.each)
    side = int(row.loss.middle > other.loss.middle) - int(row.loss.middle < other.loss.middle)
    if above * side <= 0:
        return 1.0
    if len({*row.each, *other.each}) < row.n + other.n:
        return rank_test(np.array(row.each), np.array(other.each))
    return stats.mannwhitneyu(row.each, other.each, method="exact").pvalue


def adjusted(found):
    """Holm's correction: each p, by its rank, and no less than those of lower ranks."""
    order = np.argsort(found, kind="stable")
    raised = np.maximum.accumulate([(len(found) - k) * found[i] for k, i in enumerate(order)])
    return np.array(raised)[np.argsort(order, kind="stable")]


def told(best, rows, test):
    """The others that the best is told from: all by 5 % each, or some by 5 % over all pairs of the rows."""
    others = [row for row in rows if row is not best]
    if all(test(best, row) <= 0.05 + 1e-12 for row in others):
        return others
    pairs = list(itertools.combinations(rows, 2))
    least = adjusted([test(*pair) for pair in pairs])
    apart = [pair for pair, p in zip(pairs, least, strict=True) if p <= 0.05 + 1e-12]
    return [row for row in others if any({id(best), id(row)} == set(map(id, pair)) for pair in apart)]


def beside(rows):
    """What arms are set beside: the plain one of their place, whether they are told from it, of how many."""
    plain = {(row.T, row.w): row for row in rows.values() if row.arm == "none"}
    pairs = [
        (row, plain[at]) for row in rows.values() if row.arm != "none" and (at := (row.T, row.w)) in plain
    ]
    found = [(of_shares if one.solved or other.solved else of_losses)(one, other) for one, other in pairs]
    known = {id(row): p <= 0.05 + 1e-12 for (row, _), p in zip(pairs, adjusted(found), strict=True)}
    some = {id(row): (plain, known[id(row)], len(pairs)) for row, plain in pairs}
    return [some.get(id(row)) for row in rows.values()]


def seeds_needed(pairs):
    """All against none is the rarest outcome of Fisher's test, and of the ranks."""
    few = range(1, 30)
    return next(n for n in few if pairs * stats.fisher_exact([[n, 0], [0, n]]).pvalue <= 0.05 + 1e-12)


def percent(level):
    return f"{math.floor(100 * level + 1e-6)} %"


def horizon(logs, T):
    """The median lag by which a transport has fallen by 10^3; infinite if it has not, or nothing is known."""
    found = []
    for log in logs:
        known = np.flatnonzero(~np.isnan(log))
        at = [k for k in known if log[0] - log[k] >= 3]
        if not at:
            found.append(math.inf)
            continue
        k = at[0]
        a, b = log[0] - log[k - 1], log[0] - log[k]
        found.append(float(k) if math.isinf(b) else k - (b - 3) / (b - a))
    return median(found)


def rates(logs):
    """The Theil-Sen slope of every profile that has two finite norms."""
    found = []
    for log in logs:
        lags = np.flatnonzero(np.isfinite(log))
        if len(lags) > 1:
            steps = np.diff(log[lags])
            # What is straight needs no fit.
            straight = np.ptp(steps) < 1e-12 and np.ptp(np.diff(lags)) == 0
            found.append(
                steps[0] / (lags[1] - lags[0]) if straight else stats.theilslopes(log[lags], lags).slope
            )
    return np.array(found)


class Row:
    """One (arm, T, w_rec), from the table and the profiles alone."""

    def __init__(self, run, arm, T, w, fitted):
        table = run.table
        some = table[(table["arm"] == arm) & (table["T"] == T) & (table["w_rec"] == w)]
        self.arm, self.T, self.w, self.n, self.fitted = arm, T, w, len(some), fitted
        self.cell = some["cell"].iloc[0]
        self.solved, self.broken = int((some["solved_at"] > 0).sum()), some["broken_at"].to_numpy() > 0
        self.share = stats.binomtest(self.solved, self.n).proportion_ci(0.95, "exact")
        self.updates = median(some["solved_at"][some["solved_at"] > 0]) if self.solved else math.nan
        self.each = np.where(self.broken, math.inf, some["loss"])
        self.loss = median_interval(self.each)
        self.chance = run.about.get("chance", {}).get(str(T), math.nan)
        self.what = set(some["broken_what"][self.broken])
        self.changed, self.cosine = some["changed"].mean(), some["cosine"].mean()
        log = run.norms["transport"].sel(arm=arm, T=T, w_rec=w).values[..., : T + 1]
        self.logs = log[:, 0], log[:, 1]
        self.horizons = [horizon(one, T) for one in self.logs]
        self.slopes = rates(self.logs[1])
        adjoint = run.norms["adjoint"].sel(arm=arm, T=T, w_rec=w).values[:, 0, : T + 1]
        hard = [
            np.flatnonzero(np.isfinite(a)).max()
            for a in adjoint
            if a[-1] == -math.inf and np.isfinite(a).any()
        ]
        self.hard = median(hard) if hard else math.nan
        self.place, self.norms = {"arm": arm, "T": T, "w_rec": w}, run.norms

    def signal(self, name):
        """What the task's loss sent back, by seed and lag, at the start and at the end."""
        values = self.norms[name].sel(self.place).values[..., : self.T]
        return values[:, 0], values[:, 1]


def raw(found):
    """The rows in the order of the table, by (arm, T, w_rec)."""
    keys = found.run.table[["arm", "T", "w_rec"]].drop_duplicates().itertuples(index=False)
    return {tuple(key): Row(found.run, *key, key[0] in found.fitted) for key in keys}


def names_of(rows):
    """Each row by the name under which sentences speak of it."""
    Ts, gains = ({getattr(row, what) for row in rows.values()} for what in ("T", "w"))
    found = {}
    for row in rows.values():
        place = [f"T = {row.T:g}"] * (len(Ts) > 1) + [f"w_rec = {row.w:g}"] * (len(gains) > 1)
        found[f"{row.arm} ({', '.join(place)})" if place else row.arm] = row
    return found


def check_median(found, middle, level, low, high):
    """A printed median with the interval beside it, which is there if there is one."""
    assert is_printed(middle, found.middle), (middle, found)
    assert (low is None) == math.isnan(found.level)
    if low is not None:
        assert f"{level} %" == percent(found.level)
        assert is_printed(low, found.low)
        assert is_printed(high, found.high)


def median_form(name):
    ends = rf"(?P<{name}_low>{NUM}) to (?P<{name}_high>{NUM})"
    return rf"(?P<{name}>{NUM})(?: \((?P<{name}_level>\d+) % interval {ends}\))?"
