"""Horizons of networks that follow the linear law, or end."""

import numpy as np
import pytest

from gradlab import metrics
from gradlab.states import OK, UNDEFINED
from tests import samples

GAIN, T = 0.5, 60
LINEAR = samples.norms(("elman(activation=identity)",), (GAIN,), (T,), seeds=1)


@pytest.mark.parametrize(("name", "factor"), [("half_life", 2), ("soft_horizon", 1000)])
def test_the_law_of_a_linear_network_is_met(name, factor):
    value, state = metrics.named(name).measure(LINEAR)
    assert value.item() == pytest.approx(np.log10(factor) / -np.log10(GAIN), rel=1e-12)
    assert state.item() == OK


def test_the_rate_of_a_linear_network_is_the_logarithm_of_its_gain():
    assert metrics.named("rate").measure(LINEAR).value.item() == pytest.approx(np.log10(GAIN), rel=1e-12)


def test_what_ends_has_a_hard_horizon_and_what_does_not_has_none():
    ended = samples.norms(("elman",), (GAIN,), (T,), seeds=1, zero_beyond=7)
    assert metrics.named("hard_horizon").measure(ended).value.item() == 7
    assert metrics.named("hard_horizon").measure(LINEAR).state.item() == UNDEFINED
