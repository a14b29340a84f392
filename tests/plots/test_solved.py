"""Solved shares."""

import numpy as np
import pytest

from gradlab.plots.solved import solved
from gradlab.studies.remedies.rows import share
from tests import drawn
from tests.plots.comparisons import comparison


def test_shares_and_wilson_intervals_against_T():
    run = comparison(("none",), (20, 50), (1.0,), 4, lambda arm, T, w, s: 100 * (T == 20 or s == 0))
    (panel,) = solved(run).axes
    (bars,) = panel.containers
    np.testing.assert_allclose(bars.lines[0].get_ydata(orig=False), [1.0, 0.25])
    low_high = [segment[:, 1] for segment in bars.lines[2][0].get_segments()]
    np.testing.assert_allclose(
        np.array(low_high, float), [[found.low, found.high] for found in (share(4, 4), share(1, 4))]
    )


def test_one_T_gives_one_row_an_arm():
    (panel,) = solved(comparison(("none", "clip_norm"), (20,), (1.0,))).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["clip_norm", "none"]
    assert [bars.lines[0].get_ydata()[0] for bars in panel.containers] == [1, 0]


def test_a_panel_a_w_rec_and_equal_shares_stand_beside_each_other():
    figure = solved(comparison())
    assert [axes.get_title() for axes in figure.axes] == ["w_rec = 0.5", "w_rec = 1", "w_rec = 1.5"]
    first, second = figure.axes[1].containers
    assert (first.lines[0].get_xdata() < second.lines[0].get_xdata()).all()


@pytest.mark.slow
def test_a_stroke_is_where_the_transport_had_fallen_before_training():
    seen = 0
    for seed in range(40):
        run = drawn.comparison(np.random.default_rng(seed)).run
        rows = run.outcomes()
        if len({row.T for row in rows}) == 1:
            continue
        gains, longest = dict.fromkeys(row.w_rec for row in rows), max(row.T for row in rows)
        for panel, w_rec in zip(solved(run).axes, gains, strict=True):
            mine = [row.horizon[0] for row in rows if (row.T, row.w_rec) == (longest, w_rec)]
            known = [horizon for horizon in mine if not np.isnan(horizon)]
            found = [line.get_xdata()[0] for line in panel.lines if line.get_marker() == "|"]
            np.testing.assert_allclose(sorted(found), sorted(known))
            seen += len(known)
    assert seen > 5
