"""The last lag of an unbroken row, from lag 0 on, that the test has seen at 5 %."""

import numpy as np
import pytest

from gradlab import metrics
from gradlab.states import NOT_COMPUTED, OK, UNDEFINED
from tests import samples

NAN = float("nan")


@pytest.mark.parametrize(
    ("chance", "last"),
    [
        ([0.01, 0.05, 0.05, 0.06, 0.01], 2),
        # What float32 makes of 5 in 100.
        ([0.01, np.float32(0.05), 0.5], 1),
        ([0.01] * 5, 4),
        ([0.06, 0.01, 0.01], None),
        ([0.01, NAN, 0.01], 0),
        ([NAN, 0.01], None),
    ],
)
def test_lags_are_tested_in_their_order(chance, last):
    norms = samples.norms(("elman",), (0.5,), (20,), seeds=1, probed=True)
    values = np.full(21, 1.0)
    values[: len(chance)] = chance
    state = np.where(np.isnan(values), NOT_COMPUTED, OK)
    state[20] = UNDEFINED
    norms["target_chance"][...] = np.where(state == OK, values, NAN)
    norms["target_chance_state"][...] = state
    value, code = metrics.named("statistical_horizon").measure(norms)
    if last is None:
        assert np.isnan(value.item())
        assert code.item() in (UNDEFINED, NOT_COMPUTED)
    else:
        assert (value.item(), code.item()) == (last, OK)
