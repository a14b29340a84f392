"""What holds of every metric, and what one without facts of its own is taken for."""

import numpy as np
import pytest

from gradlab import metrics
from gradlab.metrics import Measured, Metric
from gradlab.states import EXACT_ZERO, FORWARD_NONFINITE, OK, STATES, UNDEFINED
from tests import samples

NAMES = [metric.name for metric in metrics.every()]
ALWAYS = [metric.name for metric in metrics.every() if not metric.needs]
NAN = float("nan")


@pytest.mark.parametrize("name", NAMES)
def test_a_value_is_a_number_where_its_state_is_ok_and_nowhere_else(name):
    norms = samples.norms(
        ("elman(activation=identity)", "lstm"), (0.0, 0.9, 1.9), nonfinite_above=1.5, probed=True
    )
    value, state = metrics.named(name).measure(norms)
    assert value.shape == state.shape == (2, 1, 3, 2, 3)
    np.testing.assert_array_equal(np.isfinite(value), state == OK)
    assert set(np.unique(state)) <= set(range(len(STATES)))


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_dimensions_does_not_matter(name):
    norms = samples.norms(("lstm",), (0.0, 0.9, 1.1), probed=True)
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
    assert [key[0] for key in found if key[1] == "state"] == ALWAYS
    assert (found["rate", "h"].state[0] == UNDEFINED).all()
    assert (found["rate", "h"].state[1] == OK).all()
    assert set(metrics.measured(samples.norms(), without=NAMES[1:])) == {("rate", "state")}


def test_what_a_probe_has_measured_gives_the_metrics_that_need_it():
    found = metrics.measured(samples.norms(("elman", "lstm"), probed=True))
    assert [key[0] for key in found if key[1] == "state"] == NAMES
    assert {key for key in found if key[0].startswith("part_")} == {
        (f"part_{what}", part)
        for what in ("rate", "half_life", "soft_horizon")
        for part in ("state", "h", "c")
    }
    # Made to fall as the transport does, two decades below it.
    one, other = (found[name, "state"] for name in ("half_life", "readout_half_life"))
    np.testing.assert_array_equal(one.value, other.value)
    known = np.isfinite(found["rate", "state"].value)
    np.testing.assert_allclose(
        found["reach_rate", "state"].value[known], found["rate", "state"].value[known], atol=0.02
    )


def test_a_fall_begins_at_lag_0_and_is_undefined_where_that_has_no_norm():
    norms = samples.norms(("elman",), (0.5,), probed=True)
    late = norms.copy(deep=True)
    late["reach_state"][..., 0], late["reach"][..., 0] = EXACT_ZERO, NAN
    assert (metrics.named("reach_half_life").measure(norms).state == OK).all()
    assert (metrics.named("reach_half_life").measure(late).state == UNDEFINED).all()
    assert (metrics.named("reach_rate").measure(late).state == OK).all()


def test_an_overflow_is_said_by_its_step_and_by_the_state_of_all_else():
    norms = samples.norms(("elman(activation=identity)",), (1.9,), (200,), seeds=1, nonfinite_above=1.5)
    found = {name: metric.state.item() for (name, _), metric in metrics.measured(norms).items()}
    steps = {"nonfinite_step": OK, "backward_nonfinite_step": UNDEFINED}
    assert found == dict.fromkeys(ALWAYS, FORWARD_NONFINITE) | steps
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
