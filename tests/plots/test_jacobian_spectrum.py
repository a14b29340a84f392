"""The fan of singular values."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.plots.jacobian_spectrum import jacobian_spectrum
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
    return jacobian_spectrum(results.Run({}, pd.DataFrame(), norms), **settings)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def words(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_a_run_without_the_measurement_says_so():
    with pytest.raises(GradlabError, match="jacobian_spectrum") as error:
        draw(samples.norms())
    assert error.value.where == "plot"


LAGS = np.arange(11.0)[:, None]


def spectrum(count=3, **settings):
    values = -LAGS * np.arange(1, count + 1)
    return dataset({"product_singular_values": (("lag", "index"), values)}, **settings)


def test_a_curve_is_a_singular_value():
    (panel,) = panels(draw(spectrum()))
    assert panel.get_title() == "elman\n3 values, 20.0 decades apart"
    curves = panel.collections[0].get_segments()
    for index, curve in enumerate(curves):
        np.testing.assert_allclose(curve[:, 1], -LAGS[:, 0] * (index + 1))


def test_many_values_are_thinned_to_both_ends():
    (panel,) = panels(draw(spectrum(100)))
    ends = [curve[-1, 1] for curve in panel.collections[0].get_segments()]
    assert (max(ends), min(ends), len(ends)) == (-10, -1000, 24)


def test_hidden_values_leave_gaps_and_none_at_all_is_said():
    norms = spectrum()
    norms["product_singular_values"][..., 5:, 2] = np.nan
    (panel,) = panels(draw(norms))
    assert [len(curve) for curve in panel.collections[0].get_segments()] == [11, 11, 5]
    assert "2 values" in panel.get_title()
    norms["product_singular_values"][...] = np.nan
    assert "nothing to draw" in words(panels(draw(norms))[0])


def test_six_cells_and_a_named_seed():
    figure = draw(spectrum(cells=SIX), seed=1, w_rec=0.6)
    assert len(panels(figure)) == 6
    assert "w_rec = 0.5, T = 10, seed 1" in figure.get_suptitle()
    with pytest.raises(GradlabError, match="0, 1"):
        draw(spectrum(), seed=7)
