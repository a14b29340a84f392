"""Shares of units over w_rec, or over steps."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.plots.saturation import saturation
from gradlab.studies.sweep import results
from tests import samples

SIX = ("elman", "elman(activation=identity)", "lstm", "gru", "esn", "elman(activation=relu)")


def dataset(variables, cells=("elman",), w_rec=(0.5, 0.9, 1.5), T=(4, 10), seeds=2, gates=()):
    """Variables {name: (own axes, values of those axes)}, the same for every network."""
    coords = {"cell": list(cells), "init": ["orthogonal"], "w_rec": list(w_rec), "T": list(T)}
    coords |= {"seed": list(range(seeds))} | ({"gate": list(gates)} if gates else {})
    shape = (len(cells), 1, len(w_rec), len(T), seeds)
    spread = {
        name: (("cell", "init", "w_rec", "T", "seed", *own), np.broadcast_to(v, shape + v.shape).copy())
        for name, (own, v) in variables.items()
    }
    return xr.Dataset(spread, coords)


def draw(norms, **settings):
    return saturation(results.Run({}, pd.DataFrame(), norms), **settings)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def words(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_a_run_without_the_measurement_says_so():
    with pytest.raises(GradlabError, match="saturation") as error:
        draw(samples.norms())
    assert error.value.where == "plot"


def shares(**settings):
    steps = np.arange(1, 11.0) / 20
    variables = {"near_bound": steps, "small_derivative": steps / 2, "dead": 0 * steps}
    return dataset({name: (("step",), share) for name, share in variables.items()}, **settings)


def test_over_w_rec_the_mean_over_steps_and_for_one_w_rec_every_step():
    (panel,) = panels(draw(shares()))
    assert panel.get_xlabel() == "w_rec"
    np.testing.assert_allclose(panel.lines[0].get_ydata(), 5.5 / 20)
    (panel,) = panels(draw(shares(w_rec=(0.9,))))
    assert panel.get_xlabel() == "step"
    np.testing.assert_allclose(panel.lines[1].get_ydata(), np.arange(1, 11) / 40)


def test_a_cell_without_a_bound_says_so_and_one_without_numbers_too():
    norms = shares(cells=SIX)
    norms["near_bound"][1:] = np.nan
    for name in ("small_derivative", "dead"):
        norms[name][2:] = np.nan
    drawn, unbounded, *others = panels(draw(norms))
    assert words(drawn) == ""
    assert "no bound" in words(unbounded)
    assert len(unbounded.lines) == 2
    assert all("nothing to draw" in words(panel) for panel in others)
