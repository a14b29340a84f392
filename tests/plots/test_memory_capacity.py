"""Capacity over w_rec, or recall over delays."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.plots.memory_capacity import memory_capacity
from gradlab.studies.sweep import results
from tests import samples

AXES = ("cell", "init", "w_rec", "T", "seed")


def run(w_rec=(0.5, 0.9, 1.5), cells=("elman",)):
    """r^2 = w_rec / 2^k over 4 delays, a tenth more in the second seed."""
    coords = {
        "cell": list(cells),
        "init": ["orthogonal"],
        "w_rec": list(w_rec),
        "T": [40, 90],
        "seed": [0, 1],
    }
    one = np.array(w_rec)[:, None] * 0.5 ** np.arange(4)
    each = np.stack([one, 1.1 * one], axis=1)[None, None, :, None]
    recall = np.broadcast_to(each, (len(cells), 1, len(w_rec), 2, 2, 4)).copy()
    variables = {"memory_function": ((*AXES, "delay"), recall), "memory_capacity": (AXES, recall.sum(-1))}
    return results.Run({}, pd.DataFrame(), xr.Dataset(variables, coords, {"hidden": 8}))


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def test_a_run_without_the_measurement_says_so():
    with pytest.raises(GradlabError, match="memory_capacity"):
        memory_capacity(results.Run({}, pd.DataFrame(), samples.norms()))


def test_over_w_rec_with_the_most_that_is_possible():
    (panel,) = panels(memory_capacity(run()))
    np.testing.assert_allclose(panel.lines[0].get_ydata(), 1.05 * 1.875 * np.array([0.5, 0.9, 1.5]))
    np.testing.assert_allclose(panel.lines[1].get_ydata(), 8)
    assert panel.get_title() == "elman\ncapacity 0.938 to 3.09"


def test_of_one_w_rec_over_delays():
    figure = memory_capacity(run(w_rec=(0.8,)))
    (panel,) = panels(figure)
    np.testing.assert_allclose(panel.lines[0].get_ydata(), 1.05 * 0.8 * 0.5 ** np.arange(4))
    assert panel.get_xlabel() == "delay"
    assert "w_rec = 0.8" in figure.get_suptitle()


def test_what_is_not_known_is_not_drawn():
    unknown = run()
    unknown.norms["memory_capacity"][...] = np.nan
    (panel,) = panels(memory_capacity(unknown))
    assert panel.get_title() == "elman\ncapacity unknown"
    assert "too short" in panel.texts[0].get_text()
