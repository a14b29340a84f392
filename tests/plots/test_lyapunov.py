"""Exponents over w_rec, or over steps."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gradlab.errors import GradlabError
from gradlab.plots.lyapunov import lyapunov, sentence
from gradlab.studies.sweep import columns, results
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
    return lyapunov(results.Run({}, pd.DataFrame(), norms), **settings)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def words(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_a_run_without_the_measurement_says_so():
    with pytest.raises(GradlabError, match="Lyapunov") as error:
        draw(samples.norms())
    assert error.value.where == "plot"


def exponents(**settings):
    history = np.array([0.1, -0.5, -2.0]) + 1 / np.arange(1, 11.0)[:, None]
    total = history.sum(1)
    variables = {
        "lyapunov": (("index",), history[-1]),
        "lyapunov_history": (("step", "index"), history),
        "lyapunov_sum": (("step",), total),
        "log_determinant": (("step",), total + 1e-6),
    }
    return dataset(variables, **settings)


def test_over_w_rec_when_there_are_several_and_over_steps_when_not():
    (over_w,) = panels(draw(exponents()))
    assert over_w.get_xlabel() == "w_rec"
    np.testing.assert_allclose(over_w.lines[-1].get_ydata(), 0.2)
    figure = draw(exponents(w_rec=(0.9,)))
    (over_steps,) = panels(figure)
    assert over_steps.get_xlabel() == "step"
    np.testing.assert_allclose(over_steps.lines[-1].get_ydata(), 0.1 + 1 / np.arange(1, 11))
    assert "w_rec = 0.9" in figure.get_suptitle()


def test_the_title_says_how_well_the_sum_rule_is_met():
    assert "sum rule met to 1e-06" in panels(draw(exponents()))[0].get_title()


def test_minus_infinity_and_unknown_are_not_drawn():
    norms = exponents()
    norms["lyapunov"][..., 2] = -np.inf
    (panel,) = panels(draw(norms))
    assert len(panel.lines) == 3
    norms["lyapunov"][...] = np.nan
    assert "nothing to draw" in words(panels(draw(norms))[0])
    assert len(panels(draw(exponents(cells=SIX)))) == 6


def test_of_the_first_alone_there_is_no_sum_rule():
    norms = exponents().drop_vars("log_determinant")
    assert panels(draw(norms))[0].get_title() == "elman\nthe first 3"


@pytest.mark.parametrize(("seeds_at_rest", "words"), [(2, "no state leaves"), (1, "in 3 of 6 networks no")])
def test_a_fixed_point_is_said_to_be_one(seeds_at_rest, words):
    rest = np.zeros((1, 1, 3, 2, 2))
    assert "fixed point" not in panels(draw(exponents()))[0].get_title()
    rest[..., :seeds_at_rest] = 1
    norms = exponents().assign(lyapunov_at_rest=(("cell", "init", "w_rec", "T", "seed"), rest))
    title = panels(draw(norms))[0].get_title()
    assert words in title
    assert title.endswith("exponents of a fixed point,\nnot of an attractor")
    said = sentence(results.Run({}, pd.DataFrame(), norms))
    assert said.startswith("The first exponent lies between 0.2 and 0.2 per step (ln)")
    assert words in said


def test_the_sentence_of_a_run_where_nothing_is_known():
    norms = exponents()
    assert "fixed" not in sentence(results.Run({}, pd.DataFrame(), norms))
    norms["lyapunov"][...] = np.nan
    assert sentence(results.Run({}, pd.DataFrame(), norms)) == "No Lyapunov exponent is known."


def test_some_of_the_exponents_are_drawn_as_what_they_are():
    whole = draw(exponents(w_rec=(0.9,)))
    part = draw(columns.chosen(exponents(w_rec=(0.9,)), {"index": [2, 3]}))
    (before,), (after,) = panels(whole), panels(part)
    first, *others = before.lines[1:][::-1]
    assert len(after.lines[1:]) == len(others) == 2
    for one, other in zip(after.lines[1:][::-1], others, strict=True):
        np.testing.assert_array_equal(one.get_ydata(), other.get_ydata())
        assert one.get_color() == other.get_color() != first.get_color()
    some = columns.chosen(exponents(w_rec=(0.9,)), {"index": [2, 3]}).drop_vars("log_determinant")
    (panel,) = panels(draw(some))
    assert "index 2, 3" in panel.get_title()
