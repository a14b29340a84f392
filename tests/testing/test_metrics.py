"""The contracts of metrics: a right one keeps them, and each is broken by one that breaks it."""

import numpy as np
import pytest

from gradlab import testing
from gradlab.metrics import Measured, Metric
from gradlab.profiles import stored
from gradlab.states import OK, UNDEFINED
from tests.members import told


class Peak(Metric):
    """Lag at which the transport is largest."""

    unit = "steps"

    def measure(self, norms):
        log, state = stored(norms, "transport", "state")
        top = np.argmax(np.where(state == OK, log, -np.inf), axis=-1).astype(float)
        some = (state == OK).any(axis=-1)
        code = np.where(some, OK, UNDEFINED).astype(np.int8)
        return Measured(np.where(some, top, np.nan), code)


class Mute(Peak):
    __doc__ = None


class Small(Peak):
    """lag at which it is."""


class Bare(Peak):
    """Lag at which it is."""

    unit = ""


class Loose(Peak):
    """Lag at which it is."""

    limits = (0.1, -1.0)


class Relative(Peak):
    """Logarithm of something."""

    logarithm = True


class Wide(Peak):
    """Lag at which it is."""

    form = "{:.6f}"


class Flat(Peak):
    """Lag at which it is."""

    def measure(self, norms):
        return Measured(*(one.ravel() for one in super().measure(norms)))


class Guessing(Peak):
    """Lag at which it is, or 0 where there is none."""

    def measure(self, norms):
        found = super().measure(norms)
        return found._replace(value=np.nan_to_num(found.value))


class Comparing(Peak):
    """Lag less that of the other networks."""

    def measure(self, norms):
        found = super().measure(norms)
        return found._replace(value=found.value - np.nanmean(found.value))


class Positional(Peak):
    """Lag at which the last axis ends."""

    def measure(self, norms):
        found = super().measure(norms)
        return found._replace(value=found.value + norms["transport"].shape[-1])


def test_a_right_metric_keeps_them():
    testing.check_metric(Peak())
    names = [repr(check) for check in testing.metric_checks("rate")]
    assert names == [contract.__name__ for contract in testing.METRIC]


@pytest.mark.parametrize(
    ("metric", "contract", "said"),
    [
        (Mute, "says_what_it_is", "no docstring"),
        (Small, "says_what_it_is", "does not begin with a capital"),
        (Bare, "says_what_it_is", "no unit"),
        (Loose, "says_what_it_is", "not two numbers of 0 or more"),
        (Relative, "says_what_it_is", "relative to a logarithm"),
        (Wide, "a_value_fits_its_column", "'0.000000', where width is 7"),
        (Flat, "gives_each_network_a_value_or_says_why_not", "shapes ((36,), (36,))"),
        (Guessing, "gives_each_network_a_value_or_says_why_not", "without the state ok"),
        (Comparing, "a_network_is_measured_by_itself", "alone: elman, w_rec = 0, T = 6"),
        (Positional, "the_order_of_axes_does_not_matter", "in another order"),
    ],
)
def test_a_metric_that_breaks_one_is_told(metric, contract, said):
    assert said in told(testing.metric_checks(metric()), contract)


def test_states_that_are_none_and_what_is_no_measured_are_told():
    class Odd(Peak):
        """Lag at which it is."""

        def measure(self, norms):
            found = super().measure(norms)
            return found._replace(state=found.state + 50)

    class Pair(Peak):
        """Lag at which it is."""

        def measure(self, norms):
            return tuple(super().measure(norms))

    contract = "gives_each_network_a_value_or_says_why_not"
    assert "states other than" in told(testing.metric_checks(Odd()), contract)
    assert "gives tuple" in told(testing.metric_checks(Pair()), contract)
