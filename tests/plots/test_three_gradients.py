"""Three quantities of one network, side by side."""

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.plots.three_gradients import three_gradients
from gradlab.studies.sweep import results
from tests import samples


def draw(norms, **settings):
    return three_gradients(results.Run({}, results.metrics(norms), norms), **settings)


def test_three_named_panels_share_the_lags():
    norms = samples.norms(("elman", "lstm"))
    figure = draw(norms)
    assert [axes.get_title().strip() for axes in figure.axes] == ["adjoint", "transport", "weight gradient"]
    assert figure.axes[0].get_shared_x_axes().joined(figure.axes[0], figure.axes[2])
    assert figure.get_suptitle() == "elman, orthogonal, w_rec = 0.9, T = 50, seed 0"
    network = norms.isel(cell=0, init=0, w_rec=1, T=1, seed=0)
    for axes, name in zip(figure.axes, ("adjoint", "transport"), strict=False):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), network[name].isel(part=0).values)
    np.testing.assert_array_equal(figure.axes[2].lines[0].get_ydata(), network["weight_gradient"].values[:50])


def test_settings_choose_the_network_and_the_title_says_which():
    norms = samples.norms(("elman", "lstm"), (0.5, 0.7))
    figure = draw(norms, cell="lstm", w_rec=0.66, T=20, seed=2)
    assert figure.get_suptitle() == "lstm, orthogonal, w_rec = 0.7 (nearest to 0.66), T = 20, seed 2"
    assert len(figure.axes[0].lines) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "whole state",
        "h alone",
        "c alone",
    ]


@pytest.mark.parametrize(
    ("setting", "words"), [({"cell": "lstn"}, "lstm"), ({"T": 21}, "20, 50"), ({"seed": 9}, "0, 1, 2")]
)
def test_what_the_run_does_not_have_is_said(setting, words):
    with pytest.raises(GradlabError, match=words):
        draw(samples.norms(("elman", "lstm")), **setting)


def test_nothing_to_draw_and_exact_zeros_are_said():
    figure = draw(samples.norms(("esn",), zero_beyond=30))
    texts = [" ".join(text.get_text() for text in axes.texts) for axes in figure.axes]
    assert "exactly zero beyond lag 30" in texts[1]
    assert "nothing to draw" in texts[2]
    figure = draw(samples.norms(("elman(activation=identity)",), (1.9,), (200,), nonfinite_above=1.5))
    for axes in figure.axes:
        assert "forward pass" in " ".join(text.get_text() for text in axes.texts)
