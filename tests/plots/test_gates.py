"""Saturation, unit by unit."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.plots.gates import gates
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
    return gates(results.Run({}, pd.DataFrame(), norms), **settings)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def words(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_a_run_without_the_measurement_says_so():
    with pytest.raises(GradlabError, match="gates") as error:
        draw(samples.norms())
    assert error.value.where == "plot"


LEFT, RIGHT = np.array([[0.1, 0.2, 0.3], [0.0, 0.0, 0.5]]), np.array([[0.6, 0.5, 0.4], [1.0, 0.9, 0.5]])


def saturated(**settings):
    variables = {
        "time_left_saturated": (("gate", "unit"), LEFT),
        "time_right_saturated": (("gate", "unit"), RIGHT),
        "retention_half_life": (("unit",), np.array([2.0, 8.0, np.inf])),
    }
    return dataset(variables, gates=("f", "i"), **settings)


def test_a_dot_is_a_unit_of_a_seed():
    figure = draw(saturated())
    (panel,) = panels(figure)
    for g, dots in enumerate(panel.collections):
        np.testing.assert_allclose(dots.get_offsets(), np.tile(np.column_stack([LEFT[g], RIGHT[g]]), (2, 1)))
    assert "8 steps" in panel.get_title()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["f", "i"]


def test_cells_without_gates_say_so_and_gates_of_no_cell_have_no_entry():
    norms = saturated(cells=SIX)
    for name in ("time_left_saturated", "time_right_saturated", "retention_half_life"):
        norms[name][1:] = np.nan
    norms["time_left_saturated"][..., 1, :] = np.nan
    figure = draw(norms)
    first, *others = panels(figure)
    assert "nothing" not in words(first)
    assert all("no gates" in words(panel) and "no memory gate" in panel.get_title() for panel in others)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["f"]
