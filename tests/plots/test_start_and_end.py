"""Profiles of a comparison before and after training."""

import numpy as np

from gradlab.plots.start_and_end import sentence, start_and_end
from tests.plots.comparisons import comparison


def changed():
    """At the end the arm clip_norm loses twice as many decades, seed 1 one more; seed 0 is exactly zero."""
    run = comparison()
    norms = run.norms["transport"]
    norms.loc[{"arm": "clip_norm", "when": "end"}] *= 2
    norms.loc[{"arm": "clip_norm", "when": "end", "seed": 1}] -= 1
    norms.loc[{"arm": "clip_norm", "when": "end", "seed": 0}] = -np.inf
    return run


def test_curves_are_medians_at_the_longest_T_and_an_exact_zero_is_the_least():
    figure = start_and_end(changed(), w_rec=0.4)
    none, clipped = figure.axes
    assert [panel.get_title() for panel in figure.axes] == ["none", "clip_norm"]
    lag = np.arange(101)
    expected = ((none, 0, 1, 0), (none, 1, 1, 0), (clipped, 0, 1, 0), (clipped, 1, 2, -0.5))
    for panel, line, factor, shift in expected:
        x, y = panel.lines[line].get_data()
        np.testing.assert_array_equal(x, lag)
        # Of -inf, one decade less and twice the rest, half a decade less is in the middle.
        np.testing.assert_allclose(y, factor * lag * np.log10(0.5) + shift)
    assert "w_rec = 0.5" in figure.get_suptitle()


def test_the_sentence_names_both_ends_of_every_arm():
    assert sentence(changed()) == (
        "The transport over 100 steps at w_rec = 0.5, median over seeds, start -> end of training: none "
        "10^-30.1 -> 10^-30.1; clip_norm 10^-30.1 -> 10^-60.7."
    )


def test_what_is_exactly_zero_in_most_seeds_has_no_power_of_ten():
    run = changed()
    run.norms["transport"].loc[{"arm": "clip_norm", "when": "end", "seed": [1, 2]}] = -np.inf
    assert sentence(run).endswith("clip_norm 10^-30.1 -> exactly 0.")


def test_an_adjoint_that_is_cut_ends_where_it_is():
    run = changed()
    run.norms["adjoint"][..., 11:] = -np.inf
    panel = start_and_end(run, quantity="adjoint").axes[0]
    assert np.isfinite(panel.lines[0].get_ydata()).sum() == 11
