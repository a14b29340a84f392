"""Samples made by hand: the middle and interval of each point."""

import math

import numpy as np

from gradlab.findings.estimates import Estimate, Estimates
from gradlab.stats import median_interval, share_interval


def point(middle, low=None, high=None, seeds=5, word="", lost="", level=0.95, **where):
    low, high = middle if low is None else low, middle if high is None else high
    return Estimate(where, seeds, middle, low, high, word, lost, level)


def share(successes, of, **where):
    """A share with Clopper and Pearson's interval."""
    found = share_interval(successes, of)
    return Estimate(where, of, *found[:3], level=0.95, successes=successes)


def median(*each, **where):
    """The median of the values of seeds."""
    found = median_interval(np.array(each))
    return Estimate(where, len(each), *found[:3], level=found.level, each=each)


def few(seeds, middle, low, high, **where):
    """As the median of so many seeds: with the level that order statistics attain."""
    return point(middle, low, high, seeds, level=1 - 2.0 ** (1 - seeds) if seeds > 1 else math.nan, **where)


def lost(why="lost", **where):
    return point(math.nan, lost=why, **where)


def samples(*points, metric="rate"):
    return Estimates(metric, tuple(points[0].where), points)


def line(*middles, spread=0.01, seeds=5, axis="w_rec"):
    """Points along one axis, at 1, 2, 3, ..."""
    return samples(
        *(point(m, m - spread, m + spread, seeds, **{axis: i + 1.0}) for i, m in enumerate(middles))
    )
