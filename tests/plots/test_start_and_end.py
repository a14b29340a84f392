"""Profiles of a comparison before and after training."""

import numpy as np

from gradlab.plots.start_and_end import sentence, start_and_end
from tests.plots.comparisons import comparison


def changed():
    """At the end the arm clip_norm loses twice as many decades, seed 1 one more; seed 0 is lost."""
    run = comparison()
    norms = run.norms["transport"]
    norms.loc[{"arm": "clip_norm", "when": "end"}] *= 2
    norms.loc[{"arm": "clip_norm", "when": "end", "seed": 1}] -= 1
    norms.loc[{"arm": "clip_norm", "when": "end", "seed": 0}] = -np.inf
    return run


def test_curves_are_medians_of_what_is_finite_at_the_longest_T():
    figure = start_and_end(changed(), w_rec=0.4)
    none, clipped = figure.axes
    assert [panel.get_title() for panel in figure.axes] == ["none", "clip_norm"]
    lag = np.arange(101)
    for panel, line, factor in ((none, 0, 1), (none, 1, 1), (clipped, 0, 1), (clipped, 1, 2)):
        x, y = panel.lines[line].get_data()
        np.testing.assert_array_equal(x, lag)
        np.testing.assert_allclose(y, factor * lag * np.log10(0.5))
    assert "w_rec = 0.5" in figure.get_suptitle()


def test_the_sentence_names_both_ends_of_every_arm():
    assert sentence(changed()) == (
        "The transport over 100 steps, start -> end of training: none 10^-30.1 -> 10^-30.1; "
        "clip_norm 10^-30.1 -> 10^-60.2."
    )


def test_an_adjoint_that_is_cut_ends_where_it_is():
    run = changed()
    run.norms["adjoint"][..., 11:] = -np.inf
    panel = start_and_end(run, quantity="adjoint").axes[0]
    assert np.isfinite(panel.lines[0].get_ydata()).sum() == 11
