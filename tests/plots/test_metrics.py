"""Any column against any other."""

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.plots.metrics import metrics
from gradlab.studies.sweep import results
from tests import samples

NORMS = samples.norms(("lstm", "elman"), (0.5, 0.9, 1.0), (20, 50), inits=("orthogonal", "gaussian"))
RUN = results.Run({}, results.metrics(NORMS), NORMS)


def test_the_mean_over_what_is_not_named():
    figure = metrics(RUN)
    (panel,) = figure.axes
    rates = results.grid(RUN.metrics, NORMS, "rate").value
    for c, line in enumerate(line for line in panel.lines if len(line.get_xdata()) == 3):
        np.testing.assert_allclose(line.get_ydata(), rates[c].mean(axis=(0, 2, 3)))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lstm", "elman"]


def test_two_metrics_give_a_dot_a_network():
    figure = metrics(RUN, x="rate", y="half_life", panels="T", color="init")
    assert [axes.get_title() for axes in figure.axes] == ["T = 20", "T = 50"]
    dots = [line for line in figure.axes[1].lines if line.get_marker() in "os"]
    half = results.grid(RUN.metrics, NORMS, "half_life").value[:, 0, :, 1]
    assert len(dots[0].get_xdata()) == np.isfinite(half).sum()


def test_words_stand_in_the_order_of_the_alphabet_and_a_part_can_be_named():
    figure = metrics(RUN, x="cell", color="init")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["elman", "lstm"]
    assert "of c alone" in metrics(RUN, part="c").get_suptitle()


@pytest.mark.parametrize(
    ("settings", "where", "words"),
    [
        ({"x": "w_rex"}, "--x", "did you mean w_rec"),
        ({"y": "rat"}, "--y", "did you mean rate"),
        ({"color": "sel"}, "--color", "known: T, cell"),
        ({"panels": "rate"}, "panels", "known: T, cell"),
        ({"part": "d"}, "part", "known: c, h, state"),
    ],
)
def test_an_unknown_column_is_a_mistake_with_a_suggestion(settings, where, words):
    with pytest.raises(GradlabError, match=words) as error:
        metrics(RUN, **settings)
    assert (error.value.where, error.value.code) == (where, 2)
