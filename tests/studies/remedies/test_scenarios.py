"""Two starts chosen by the transport of untrained networks, and by nothing else."""

import dataclasses
import math
from unittest import mock

import numpy as np
import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.studies.remedies import scenarios, train
from gradlab.studies.remedies.settings import PRESETS, Training
from gradlab.studies.remedies.study import STUDY

# A scalar linear unit: its transport over T steps is w_rec^T exactly, whatever goes in.
LINEAR = Training("latch", cell="elman(activation=identity)", init="identity", hidden=1, T=(24,), match=False)


@pytest.fixture(scope="module")
def linear():
    with mock.patch.object(train, "run", side_effect=AssertionError("nothing is trained to choose")):
        return scenarios.choose(LINEAR)


@pytest.mark.slow
def test_the_profile_is_that_of_the_networks(linear):
    _, chosen = linear
    assert chosen.kept == pytest.approx(tuple(24 * np.log10(scenarios.GAINS)), abs=1e-5)


@pytest.mark.slow
def test_the_mildest_starts_that_rounding_loses_are_chosen(linear):
    """0.5^24 is 6e-8, below the 1.2e-7 of float32; 2^24 is above 8.4e6, and 1.4^24 is not."""
    asked, chosen = linear
    assert asked == dataclasses.replace(LINEAR, w_rec=(0.5, 2.0))
    assert "0.5: 10^-7.2, 0.7: 10^-3.7, 1: 10^+0.0, 1.4: 10^+3.5, 2: 10^+7.2," in chosen.said()
    assert "Vanishing: w_rec = 0.5, the largest that keeps at most 10^-6.9" in chosen.said()
    assert "Exploding: w_rec = 2, the smallest that grows to at least 10^+6.9." in chosen.said()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_limit_is_where_a_sum_no_longer_sees_the_smaller_part(precision):
    one, eps = np.ones((), precision), np.array(10.0 ** -scenarios.limit(precision), precision)
    assert one + eps / 4 == one
    assert one + 2 * eps > one


@pytest.mark.parametrize(
    ("kept", "said", "longer"),
    [
        (
            (-2.0, -1.0, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0, 8.0, 9.0),
            "nothing vanishes at T = 20: at w_rec = 0.25 the transport keeps 10^-2.0, and 10^-6.9 is asked",
            90,
        ),
        (
            (-9.0, -4.0, -1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0),
            "nothing explodes at T = 20: at w_rec = 2.8 the transport grows to 10^+3.0, and 10^+6.9 is asked",
            60,
        ),
    ],
)
def test_what_does_not_go_so_far_is_said_with_a_longer_T(kept, said, longer):
    with (
        mock.patch.object(scenarios, "_kept", return_value=kept),
        pytest.raises(GradlabError) as refused,
    ):
        scenarios.choose(dataclasses.replace(LINEAR, T=(20,)))
    assert refused.value.what == f"{said} for; try -T {longer}"
    assert refused.value.code == Exit.INCONCLUSIVE


def test_no_length_makes_a_gradient_vanish_that_grows():
    grows = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, math.inf)
    with (
        mock.patch.object(scenarios, "_kept", return_value=grows),
        pytest.raises(GradlabError, match="try another --cell or --init"),
    ):
        scenarios.choose(LINEAR)


def test_one_length_is_asked_for():
    with pytest.raises(GradlabError, match="several are given"):
        scenarios.choose(dataclasses.replace(LINEAR, T=(20, 40)))


def test_the_preset_is_planned_below_ten_minutes_with_seeds_that_can_tell_arms_from_none():
    asked = Training(**PRESETS["scenarios"] | {"w_rec": (1.0, 2.0)})
    with mock.patch("gradlab.runtime.cores", return_value=2):
        planned = STUDY.plan(asked)
    assert planned.seconds < 600
    assert not [note for note in planned.notes if "from none" in note]
    arms = {"none", "clip_norm", "truncate", "orthogonal", "omega", "esn", "lstm", "gru"}
    assert set(asked.remedies) == arms
