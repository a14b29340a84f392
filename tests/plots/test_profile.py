"""Norm against lag."""

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.plots.profile import profile
from gradlab.states import BELOW_PRECISION, OK
from gradlab.studies.sweep import results
from tests import samples


def draw(norms, **settings):
    return profile(results.Run({}, results.metrics(norms), norms), **settings)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title()]


def words(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_one_panel_a_cell_and_init():
    figure = draw(samples.norms(("elman", "lstm"), inits=("orthogonal", "gaussian")))
    titles = [axes.get_title() for axes in panels(figure)]
    assert titles == ["elman, orthogonal", "elman, gaussian", "lstm, orthogonal", "lstm, gaussian"]
    assert "T = 50, 3 seeds" in figure.get_suptitle()


def test_curves_are_means_over_seeds_and_the_law_starts_where_they_do():
    norms = samples.norms(("elman(activation=identity)",), (0.5, 1.5), (50,))
    (panel,) = panels(draw(norms))
    curves, laws = (collection for collection in panel.collections if hasattr(collection, "get_segments"))
    for w, (curve, law) in enumerate(zip(curves.get_segments(), laws.get_segments(), strict=True)):
        mean = norms["transport"].isel(cell=0, init=0, w_rec=w, T=0, part=0).mean("seed").values
        np.testing.assert_allclose(curve[:, 1], mean)
        np.testing.assert_allclose(law[[0, -1]], curve[[0, -1]], atol=1e-9)


@pytest.mark.parametrize(
    "quantity",
    ["transport", "transport_frobenius", "adjoint", "weight_gradient", "reach", "readout_transport"],
)
def test_every_quantity(quantity):
    figure = draw(samples.norms(("lstm",), probed=True), quantity=quantity)
    (panel,) = panels(figure)
    assert panel.get_ylabel().lower() in figure.get_suptitle().lower()


def test_what_cannot_be_drawn_is_said():
    cells = ("elman(activation=identity)", "elman")
    left, right = panels(draw(samples.norms(cells, (1.5, 1.9), (200,), nonfinite_above=1.0)))
    assert "nothing to draw" in words(left)
    assert "forward pass" in words(left)
    assert words(right) == ""
    (panel,) = panels(draw(samples.norms(cells[:1], (0.5, 1.5, 1.9), (200,), nonfinite_above=1.0)))
    assert "w_rec 1.5, 1.9" in words(panel)
    assert "step 54" in words(panel)
    (panel,) = panels(draw(samples.norms(("esn",)), quantity="weight_gradient"))
    assert "nothing to draw" in words(panel)


def test_exact_zeros_are_marked_at_the_last_lag_that_is_not():
    (panel,) = panels(draw(samples.norms(w_rec=(0.5, 0.9), zero_beyond=30)))
    assert {line.get_xdata()[0] for line in panel.lines} == {30}
    legend = [text.get_text() for text in panel.figure.legends[0].get_texts()]
    assert "exactly zero beyond" in legend


@pytest.mark.parametrize("between", ["a seed goes on", "rounding hides one", "zeros in the middle"])
def test_no_zero_is_promised_where_one_of_the_norms_beyond_is_none(between):
    run = samples.norms(w_rec=(0.5,), zero_beyond=30)
    states = run["transport_state"]
    if between == "a seed goes on":
        states[{"seed": 0}] = OK
        run["transport"][{"seed": 0}] = -1.0
    elif between == "rounding hides one":
        states[{"lag": 40}] = BELOW_PRECISION
    else:
        states[{"lag": slice(35, None)}] = OK
        run["transport"][{"lag": slice(35, None)}] = -1.0
    (panel,) = panels(draw(run))
    assert not panel.lines
    assert "exactly zero" not in "".join(text.get_text() for text in panel.figure.legends[0].get_texts())


@pytest.mark.parametrize(("w_rec", "T"), [((0.9,), (1,)), (np.linspace(0, 2, 41), (3,)), ((0.99,), (10**5,))])
def test_any_size(w_rec, T):
    (panel,) = panels(draw(samples.norms(w_rec=w_rec, T=T, seeds=1)))
    points = [len(s) for c in panel.collections if hasattr(c, "get_segments") for s in c.get_segments()]
    assert max(points) <= 500
    assert panel.get_xlim() == (0, max(T))


def test_a_quantity_that_was_not_measured_is_refused():
    with pytest.raises(GradlabError, match="reach was not measured in this run; ask for it by --probe reach"):
        draw(samples.norms(("lstm",)), quantity="reach")
