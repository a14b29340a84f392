"""What holds of every metric, and what one without facts of its own is taken for."""

import numpy as np
import pytest

from gradlab import metrics
from gradlab.metrics import Measured, Metric
from gradlab.states import FORWARD_NONFINITE, OK, STATES, UNDEFINED
from tests import samples

NAMES = [metric.name for metric in metrics.every()]
NAN = float("nan")


@pytest.mark.parametrize("name", NAMES)
def test_a_value_is_a_number_where_its_state_is_ok_and_nowhere_else(name):
    norms = samples.norms(("elman(activation=identity)", "lstm"), (0.0, 0.9, 1.9), nonfinite_above=1.5)
    value, state = metrics.named(name).measure(norms)
    assert value.shape == state.shape == (2, 1, 3, 2, 3)
    np.testing.assert_array_equal(np.isfinite(value), state == OK)
    assert set(np.unique(state)) <= set(range(len(STATES)))


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_dimensions_does_not_matter(name):
    norms = samples.norms(("lstm",), (0.0, 0.9, 1.1))
    turned = norms.transpose("lag", "seed", "part", ...)
    for one, other in zip(*(metrics.named(name).measure(some) for some in (norms, turned)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_table_says_fits_and_the_words_are_there(name):
    metric = metrics.named(name)
    for value in (0.0, 1.0, 64.25, 999.96, 123456.0, 1e9):
        assert len(metric.shown(value, 100)) <= metric.width
    assert metric.shown(NAN, 200) == (">200" if metric.undefined == "beyond" else "-")
    assert metric.meaning[0].isupper()
    assert not metric.meaning.endswith(".")
    assert metric.unit


def test_a_rate_is_given_for_every_part_and_the_rest_for_the_whole_state():
    found = metrics.measured(samples.norms(("elman", "lstm")))
    assert {key for key in found if key[0] == "rate"} == {("rate", part) for part in ("state", "h", "c")}
    assert [key[0] for key in found if key[1] == "state"] == NAMES
    assert (found["rate", "h"].state[0] == UNDEFINED).all()
    assert (found["rate", "h"].state[1] == OK).all()
    assert set(metrics.measured(samples.norms(), without=NAMES[1:])) == {("rate", "state")}


def test_an_overflow_is_said_by_its_step_and_by_the_state_of_all_else():
    norms = samples.norms(("elman(activation=identity)",), (1.9,), (200,), seeds=1, nonfinite_above=1.5)
    found = {name: metric.state.item() for (name, _), metric in metrics.measured(norms).items()}
    steps = {"nonfinite_step": OK, "backward_nonfinite_step": UNDEFINED}
    assert found == dict.fromkeys(NAMES, FORWARD_NONFINITE) | steps
    assert metrics.named("nonfinite_step").measure(norms).value.item() == 54


class Peak(Metric):
    """Lag at which the transport is largest."""

    unit = "steps"

    def measure(self, norms):
        steps = np.zeros([norms.sizes[axis] for axis in ("cell", "init", "w_rec", "T", "seed")])
        return Measured(steps, np.zeros(steps.shape, np.int8))


def test_a_metric_of_a_meaning_and_a_unit_has_all_else_by_default():
    peak = Peak()
    assert peak.meaning == "Lag at which the transport is largest"
    assert peak.label == f"{peak.words} (steps)"
    assert (peak.panel_title, peak.bounded) == (peak.words, True)
    assert (peak.shown(-0.00012345, 10), peak.shown(NAN, 10)) == ("-0.0001", "-")
    assert peak.of_part(samples.norms(), "h") is None


def test_a_metric_that_is_not_installed_is_known_by_its_name():
    unknown = metrics.named("spread_of_units")
    assert (unknown.name, unknown.meaning, unknown.unit) == ("spread_of_units", "spread of units", "")
    assert not unknown.bounded
