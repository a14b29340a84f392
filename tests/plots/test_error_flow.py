"""Maps of all pairs of steps, and one error."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.plots.error_flow import error_flow
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
    return error_flow(results.Run({}, pd.DataFrame(), norms), **settings)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def words(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_a_run_without_the_measurement_says_so():
    with pytest.raises(GradlabError, match="error_flow") as error:
        draw(samples.norms())
    assert error.value.where == "plot"


def pairs(**settings):
    """An error of size 10 at its own step that loses half a decade per step."""
    t, k = np.arange(1, 11.0)[:, None], np.arange(1, 11.0)[None]
    flow = np.where(k <= t, 1 - 0.5 * (t - k), np.nan)
    return dataset({"error_flow": (("from_step", "to_step"), flow)}, **settings)


def test_a_map_is_relative_to_the_error_at_its_own_step():
    (panel,) = panels(draw(pairs()))
    shown = panel.collections[-1].get_array().reshape(10, 10)
    np.testing.assert_allclose(np.diag(shown), 0)
    assert shown[9, 0] == -4.5
    np.testing.assert_array_equal(shown.mask, ~np.tri(10, dtype=bool))
    low, high = panel.collections[-1].get_clim()
    assert (low, high) == (-4.5, 4.5)


def test_one_error_is_a_curve():
    figure = draw(pairs(), step=6)
    (panel,) = panels(figure)
    x, y = panel.lines[0].get_data()
    np.testing.assert_array_equal(x, np.arange(1, 7))
    np.testing.assert_allclose(y, -0.5 * (6 - x))
    assert "step 6" in figure.get_suptitle()
    for step in (0, 11):
        with pytest.raises(GradlabError, match="1 to 10"):
            draw(pairs(), step=step)


def test_zeros_and_unknown_values_are_gaps():
    norms = pairs()
    norms["error_flow"][..., 5, :3] = np.nan
    (panel,) = panels(draw(norms))
    blank = panel.collections[0].get_array().reshape(10, 10)
    assert (~blank.mask).sum() == 3
    norms["error_flow"][...] = np.nan
    assert "nothing to draw" in words(panels(draw(norms))[0])
    assert len(panels(draw(pairs(cells=SIX)))) == 6
