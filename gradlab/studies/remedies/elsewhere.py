"""What was trained at one T, evaluated at other lengths."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from gradlab.studies.remedies import readout
from gradlab.studies.remedies.networks import Network, Setting
from gradlab.studies.remedies.other_lengths import metric
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.networks import stream


def evaluated(
    comparison: Training, setting: Setting, networks: Network, seen: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Loss and error of trained networks at each multiple of T, by their names in `training.csv`.

    The axes are those of `seen`, the losses at T by (evaluation, seed): a network's are at its last
    evaluation, NaN elsewhere, and nowhere for one that has diverged. All networks are judged on the same
    fresh sequences of that length.
    """
    found = {}
    fine = (np.asarray(networks.broken) == 0) & ~np.isnan(seen).all(axis=0)
    last = len(seen) - 1 - np.argmax(~np.isnan(seen)[::-1], axis=0)
    for times in comparison.evaluate_at:
        at = dataclasses.replace(setting, T=times * setting.T)
        key = stream(comparison.seed, "judging", task=comparison.task, times=times)
        for what, values in zip(("loss", "error"), readout.evaluated(at)(networks, key), strict=True):
            found[metric(what, times)] = np.full(seen.shape, np.nan)
            seeds = np.flatnonzero(fine)
            found[metric(what, times)][last[seeds], seeds] = np.asarray(values, np.float64)[seeds]
    return found
