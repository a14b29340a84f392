"""Theory beside measurement."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.plots.mean_field import mean_field, sentence
from gradlab.studies.sweep import results
from tests import samples

SIX = ("elman", "elman(activation=identity)", "lstm", "gru", "esn", "elman(activation=relu)")


T = (20, 50)


def run(shift=0.1, exact=None, about=None, **settings):
    """The profiles of samples.norms, and a theory `shift` above what a linear cell measures."""
    norms = samples.norms(T=T, **settings)
    with np.errstate(divide="ignore"):
        theory = np.log(norms["w_rec"].values) + shift
    shape = tuple(norms.sizes[name] for name in ("cell", "init", "w_rec", "T", "seed"))
    values = np.broadcast_to(theory[None, None, :, None, None, None], (*shape, max(T)))
    axes = ("cell", "init", "w_rec", "T", "seed", "step")
    norms = norms.assign(mean_field_exponent=xr.DataArray(values, dims=axes))
    if exact is not None:
        each = np.broadcast_to(np.reshape(exact, (-1, 1, 1, 1, 1)), shape)
        norms = norms.assign(mean_field_exact=xr.DataArray(each, dims=axes[:-1]))
    return results.Run({} if about is None else {"settings": about}, results.metrics(norms), norms)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def test_a_run_without_the_measurement_says_so():
    with pytest.raises(GradlabError, match="mean_field"):
        mean_field(results.Run({}, pd.DataFrame(), samples.norms()))


def test_both_rates_and_both_borders():
    cell, w_rec = "elman(activation=identity)", tuple(np.linspace(0.5, 1.5, 21))
    (panel,) = panels(mean_field(run(cells=(cell,), w_rec=w_rec)))
    curves = [line for line in panel.lines if len(line.get_xdata()) == 21]
    np.testing.assert_allclose(curves[0].get_ydata(), np.log(w_rec) + 0.1)
    np.testing.assert_allclose(curves[1].get_ydata(), np.log(w_rec), atol=1e-9)
    title = f"{cell}\nborder: theory 0.905, measured 1\ntheory: weights redrawn each step"
    assert panel.get_title() == title


def test_without_a_border_the_time_scales():
    (panel,) = panels(mean_field(run(0, cells=("elman(activation=identity)",), w_rec=(0.5, 0.7))))
    assert ":\ntheory 1.44, measured 1.44" in panel.get_title()
    assert "time scale at w_rec = " in panel.get_title()


def test_what_the_theory_is_not_stands_beside_it():
    """Of each cell by its own fact; of the drive by its inputs, where theory assumes one."""
    facts = {"exact": [1.0, 0.0, np.nan], "cells": ("elman", "gru", "esn"), "w_rec": (0.5, 0.7)}
    of = lambda **about: [p.get_title() for p in panels(mean_field(run(**facts, about=about)))]
    elman, gru, esn = of(inputs=1, input_std=0.1)
    assert elman.endswith("theory: random weights, N large")
    assert "weights redrawn each step;\nfixed ones differ, maybe in sign" in gru
    assert "of fixed ones nothing is known" in esn
    for title in (gru, esn):
        assert title.endswith("D = 1: drive not steady (± 141 %)")
    assert of(inputs=8, input_std=0.1)[1].endswith("D = 8: drive not steady (± 50 %)")
    assert "drive" not in of(inputs=1, input_std=0.0)[1]


def test_the_sentence_counts_where_the_signs_differ():
    """A theory 0.5 above ln w_rec has another sign at 0.7 and 0.9 of 0.5, 0.7, 0.9 and 1.5."""
    cell = "elman(activation=identity)"
    said = sentence(run(0.5, exact=[0.0], cells=(cell,), w_rec=(0.5, 0.7, 0.9, 1.5)))
    assert said.startswith("Theory and measurement differ in sign at 2 of 4 points. ")
    assert f"{cell}: theory: weights redrawn each step" in said


def test_no_weight_has_no_rate_and_six_cells_fit():
    (panel,) = panels(mean_field(run(cells=("elman",), w_rec=(0.0,))))
    assert "nothing to draw" in " ".join(text.get_text() for text in panel.texts)
    assert len(panels(mean_field(run(cells=SIX)))) == 6
