"""Theory beside measurement."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab import tables
from gradlab.plots.mean_field import mean_field
from gradlab.status import GradlabError
from tests import samples

SIX = ("elman", "elman(activation=identity)", "lstm", "gru", "esn", "elman(activation=relu)")


T = (20, 50)


def run(shift=0.1, **settings):
    """The profiles of samples.norms, and a theory `shift` above what a linear cell measures."""
    norms = samples.norms(T=T, **settings)
    with np.errstate(divide="ignore"):
        theory = np.log(norms["w_rec"].values) + shift
    shape = tuple(norms.sizes[name] for name in ("cell", "init", "w_rec", "T", "seed"))
    values = np.broadcast_to(theory[None, None, :, None, None, None], (*shape, max(T)))
    axes = ("cell", "init", "w_rec", "T", "seed", "step")
    norms = norms.assign(mean_field_exponent=xr.DataArray(values, dims=axes))
    return tables.Run({}, tables.metrics(norms), norms)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def test_a_run_without_the_measurement_says_so():
    with pytest.raises(GradlabError, match="mean_field"):
        mean_field(tables.Run({}, pd.DataFrame(), samples.norms()))


def test_both_rates_and_both_borders():
    cell, w_rec = "elman(activation=identity)", tuple(np.linspace(0.5, 1.5, 21))
    (panel,) = panels(mean_field(run(cells=(cell,), w_rec=w_rec)))
    curves = [line for line in panel.lines if len(line.get_xdata()) == 21]
    np.testing.assert_allclose(curves[0].get_ydata(), np.log(w_rec) + 0.1)
    np.testing.assert_allclose(curves[1].get_ydata(), np.log(w_rec), atol=1e-9)
    assert panel.get_title() == f"{cell}\nborder: theory 0.905, measured 1"


def test_without_a_border_the_time_scales():
    (panel,) = panels(mean_field(run(0, cells=("elman(activation=identity)",), w_rec=(0.5, 0.7))))
    assert panel.get_title().endswith(": theory 1.44, measured 1.44")
    assert "time scale at w_rec = " in panel.get_title()


def test_no_weight_has_no_rate_and_six_cells_fit():
    (panel,) = panels(mean_field(run(cells=("elman",), w_rec=(0.0,))))
    assert "nothing to draw" in " ".join(text.get_text() for text in panel.texts)
    assert len(panels(mean_field(run(cells=SIX)))) == 6
