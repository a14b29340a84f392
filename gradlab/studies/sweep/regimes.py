"""Which word the rates of a point come to, and where along `w_rec` they change sign."""

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradlab.profiles import HALF
from gradlab.stats import Interval, mean_interval

REGIMES = ("VANISH", "STABLE", "EXPLODE", "UNDECIDED", "NONFINITE", "UNDEFINED")
"""Every word that may stand for a regime."""
EQUIVALENT = 0.90
"""Level of the interval that must lie within the band for `STABLE`: two one-sided tests at 5 %."""


def regime(rates: ArrayLike, T: int, *, given: bool = False) -> str:
    """`VANISH`, `EXPLODE`, `STABLE` or `UNDECIDED`, from the rates of networks drawn alike, NaNs left out.

    The band is |rate| <= log10(2)/T: over the sequence the transport changes by less than a factor 2. Of the
    mean rate is said

        VANISH, EXPLODE   if its whole 95 % t-interval lies below, above the band
        STABLE            if its whole 90 % t-interval lies within it: two one-sided tests at 5 %
        UNDECIDED         else: with one network, which has no interval, or with too few

    and `UNDEFINED` without a rate. That errs in one of twenty runs at most where rates are normal, or not far
    from it; a mean that few of the networks make is missed more often. One `given` network is no sample, and
    is judged by its rate.

    Reference: Schuirmann 1987, A comparison of the two one-sided tests procedure and the power approach for
    assessing the equivalence of average bioavailability.
    """
    limit = HALF / T
    found, near = mean_interval(rates), mean_interval(rates, EQUIVALENT)
    if math.isnan(found.middle):
        return "UNDEFINED"
    if math.isnan(found.level):
        if not given:
            return "UNDECIDED"
        found = near = Interval(found.middle, found.middle, found.middle, 1.0)
    if found.high < -limit or found.low > limit:
        return "VANISH" if found.high < -limit else "EXPLODE"
    return "STABLE" if -limit <= near.low and near.high <= limit else "UNDECIDED"


def trajectory_dependent(rates: ArrayLike, T: int, linear: bool) -> NDArray[np.bool_]:
    """Which networks are chaotic: their transport grows by more than a factor 2, and depends on the state.

    Their numbers belong to this one trajectory, and another precision follows another. Of each network by its
    own rate, in decades per step of lag: a mean over networks hides those that are.
    """
    above: NDArray[np.bool_] = np.asarray(rates, np.float64) > (math.inf if linear else HALF / T)
    return above


def border(w_rec: ArrayLike, rates: ArrayLike) -> float:
    """The `w_rec` at which the mean rate first changes sign, by linear interpolation; NaN if it never does.

    >>> border([0.8, 1.2], [-0.1, 0.3])
    0.9
    """
    order = np.argsort(np.asarray(w_rec, np.float64))
    w, r = np.asarray(w_rec, np.float64)[order], np.asarray(rates, np.float64)[order]
    w, r = w[~np.isnan(r)], r[~np.isnan(r)]
    signed = np.flatnonzero(r)
    for i, j in itertools.pairwise(signed.tolist()):
        if (r[i] < 0) != (r[j] < 0):
            if j > i + 1:
                return float(w[i + 1 : j].mean())
            return round(float((w[i] * r[j] - w[j] * r[i]) / (r[j] - r[i])), 12)
    return math.nan
