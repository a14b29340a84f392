"""A network against the updates of its training: dots and lines are its numbers, from closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.monitoring import keeping
from gradlab.monitoring.looks import Call, How, look
from gradlab.plots import over_training
from gradlab.report import captions

WEIGHTS, T = (0.5, 1.0, 1.25), 12


@pytest.fixture(scope="module")
def run():
    """A linear scalar at three updates of its training: its rate is log10 of its weight."""

    def scalar(w, h, x):
        return w * h + x

    xs = jnp.ones((2, T, 1), np.float32)
    calls = [
        Call(100 * i, scalar, jnp.float32(w), jnp.zeros(1, np.float32), xs, (), None)
        for i, w in enumerate(WEIGHTS)
    ]
    return gradlab.Run(keeping.run([look(call, [0, 1], How()) for call in calls], [], 0))


def test_the_lines_are_the_numbers(run):
    rate, half, soft = over_training.over_training(run.stored).axes
    for panel, wanted in (
        (rate, np.log10(WEIGHTS)),
        (half, [1.0, T, T]),
        (soft, [3 / np.log10(2), T, T]),
    ):
        line = next(one for one in panel.lines if one.get_linestyle() == "-" and len(one.get_xdata()) == 3)
        assert line.get_xdata().tolist() == [0, 100, 200]
        np.testing.assert_allclose(line.get_ydata(), wanted, rtol=0, atol=1e-3)
    # Decades and steps have scales of their own.
    assert rate.get_ylim()[1] < 1 < T < half.get_ylim()[1]
    assert (rate.get_ylabel(), half.get_ylabel()) == ("decades per step", "steps")


def test_the_sentence_names_the_ends(run):
    said = captions.caption(run.stored, "over_training", over_training)
    low, high = np.log10(WEIGHTS[0]), np.log10(WEIGHTS[-1])
    assert said == f"Rates of 3 looks lie between {low:+.3g} and {high:+.3g} decades per step of lag."


def test_it_is_what_a_training_draws_and_nothing_else_does(run):
    from gradlab.plots import _default

    assert _default.fitting(run.stored) == ["over_training"]
    assert run.plot().axes[0].get_title() == over_training.over_training(run.stored).axes[0].get_title()


def test_the_verdict_goes_through_the_updates(run):
    ends = [f"{value:+.4g}".replace("-", "−") for value in np.log10(WEIGHTS)[[0, 2]]]
    assert run.verdict == (
        f"At T = {T} (each look at 2 sequences), scalar vanishes at update 0, is stable at update 100 and "
        f"explodes at update 200; its rate is {ends[0]} decades per step at update 0 and {ends[1]} at "
        "update 200."
    )


def test_rows_are_updates_of_one_network(run):
    from gradlab.studies.sweep import table

    lines = table.render(run.stored, 110, unicode=False, color=False).plain.splitlines()
    assert [line.split()[:2] for line in lines[:5]] == [
        ["scalar"],
        ["update", "regime"],
        ["0", "VANISH"],
        ["100", "STABLE"],
        ["200", "EXPLODE"],
    ]
