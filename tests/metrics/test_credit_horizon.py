"""Where 95 % of the weight gradient has been collected, counted by hand."""

import numpy as np
import pytest

from gradlab.metrics.credit_horizon import collected
from gradlab.states import EXACT_ZERO, FORWARD_NONFINITE
from tests.test_profiles import only, profile


@pytest.mark.parametrize("offset", [0.0, -30000.0, 30000.0])
@pytest.mark.parametrize("slope", [-0.5, -0.03, 0.0, 0.02])
def test_it_collects_95_percent(offset, slope):
    logs = slope * np.arange(100)
    shares = np.cumsum(10**logs) / np.sum(10**logs)
    expected = float(np.argmax(shares >= 0.95))
    assert only(collected(*profile(offset + logs))) == (expected, "ok")


def test_of_nothing_it_is_undefined():
    nothing = np.full(5, np.nan)
    assert only(collected(*profile(nothing)))[1] == "undefined"
    assert only(collected(*profile(nothing, [EXACT_ZERO] * 5)))[1] == "undefined"
    assert only(collected(*profile(nothing, [FORWARD_NONFINITE] * 5)))[1] == "forward_nonfinite"
