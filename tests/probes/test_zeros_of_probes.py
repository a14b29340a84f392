"""A zero by definition and a zero of rounding in each probe that measures a derivative."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
import gradlab.probes
from gradlab import registry
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, NOT_COMPUTED, OK, UNDEFINED
from tests.members import further_probes
from tests.tiers import few, optimised

T, WHERE, START, W = 6, 3, 0.25, 0.5
"""The step at which the one number of the state is saturated, or shut, with its start and its weight."""
LOST = {
    "error_flow": {
        "error_flow": [
            [OK if k > t or k >= WHERE or t < WHERE else None for k in range(1, T + 1)]
            for t in range(1, T + 1)
        ]
    },
    "jacobian_spectrum": {
        "step_singular_values": [OK, OK, None, OK, OK, OK],
        "product_singular_values": [OK] * (T - WHERE + 1) + [None] * WHERE,
    },
    "lyapunov": {
        "lyapunov": [None],
        "lyapunov_history": [OK, OK] + [None] * 4,
        "lyapunov_sum": [OK, OK] + [None] * 4,
        "log_determinant": [OK, OK] + [None] * 4,
    },
    "lyapunov(top=1)": {"lyapunov": [None], "lyapunov_history": [OK, OK] + [None] * 4},
    "reach": {
        # What x does at the step itself passes through it, too; no input is read at lag T.
        "reach": [OK] * (T - WHERE) + [None] * WHERE + [UNDEFINED],
        "reach_frobenius": [OK] * (T - WHERE) + [None] * WHERE + [UNDEFINED],
        "readout_transport": [OK] * (T - WHERE + 1) + [None] * WHERE,
        "readout_transport_frobenius": [OK] * (T - WHERE + 1) + [None] * WHERE,
    },
    "part_transport": {
        "part_transport": [OK] * (T - WHERE + 1) + [None] * WHERE,
        "part_transport_frobenius": [OK] * (T - WHERE + 1) + [None] * WHERE,
    },
    "mean_field": {"mean_field_growth": [OK, OK] + [None] * 4, "mean_field_exponent": [OK, OK] + [None] * 4},
}
"""By probe and column which entries are zero (None)."""
ELSEWHERE = {"gates", "memory_capacity", "saturation", "target_signal"}
"""Probes whose columns are shares, times and capacities, and one that needs examples."""


def measured(f, x, *probes, dtype=np.float32, size=1):
    """A network whose input is x at one step and 0 elsewhere."""
    xs = np.zeros((T, size), dtype)
    xs[WHERE - 1] = x
    start = np.full(size, START, dtype)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return gradlab.measure(lambda w, h, x: f(w * h + x), dtype(W), start, xs, probes=probes)


LONG = ("error_flow", "jacobian_spectrum", "lyapunov", "lyapunov(top=1)")
"""Whose programs take seconds to compile."""


@functools.cache
def together(f, x):
    """All quick probes of `LOST` at once: the network and its way back are compiled once for them."""
    return measured(f, x, *(probe for probe in LOST if probe not in LONG))


def found_by(probe, f, x):
    return measured(f, x, probe) if probe in LONG else together(f, x)


def codes(found, column):
    return found[f"{column}_state"].squeeze(("cell", "init", "w_rec", "T", "seed")).values


def shut_once(a):
    """Zero by definition at the example's step alone."""
    return jnp.where(a < -5, jax.nn.relu(a), jnp.tanh(a))


def assert_lost(probe, found, code):
    for column, wanted in LOST[probe].items():
        states = codes(found, column)
        states = states.reshape(states.shape if probe == "error_flow" else len(states))
        wanted = [[code if one is None else one for one in np.ravel(row)] for row in wanted]
        wanted = np.reshape(wanted, states.shape)
        # Errors say nothing of steps after their own.
        later = np.triu(np.ones((T, T), bool), 1) if probe == "error_flow" else np.zeros(states.shape, bool)
        np.testing.assert_array_equal(states, np.where(later, UNDEFINED, wanted), err_msg=column)


def test_every_probe_is_of_one_kind():
    assert {probe.partition("(")[0] for probe in LOST} | ELSEWHERE == set(further_probes())


@pytest.mark.parametrize("x", [pytest.param(10.5, marks=optimised), 25])
@pytest.mark.parametrize("probe", few(LOST, lambda probe: probe not in LONG))
def test_a_derivative_that_rounds_to_zero_is_below_precision(probe, x):
    assert_lost(probe, found_by(probe, jnp.tanh, x), BELOW_PRECISION)


@pytest.mark.slow
@pytest.mark.parametrize("probe", LOST)
def test_a_derivative_that_is_zero_by_definition_is_exactly_zero(probe):
    found = found_by(probe, shut_once, -10)
    if probe == "jacobian_spectrum":
        # A norm as it is, and not its logarithm, has a 0.
        values = found["step_singular_values"].values.ravel()
        assert codes(found, "step_singular_values").tolist() == [[OK]] * T
        assert (values == 0).tolist() == [t == WHERE for t in range(1, T + 1)]
        assert codes(found, "product_singular_values").ravel().tolist() == [OK] * 4 + [EXACT_ZERO] * 3
    else:
        assert_lost(probe, found, EXACT_ZERO)


@pytest.mark.slow
def test_float64_has_the_number_that_float32_has_lost():
    """tanh'(a) = 1/cosh(a)^2 by numpy: 10^-8.5 at the saturated step."""
    a = [W * START]
    while len(a) < T:
        a.append(W * np.tanh(a[-1]) + 10.5 * (len(a) == WHERE - 1))
    factor = np.log10(W) - 2 * np.log10(np.cosh(a))
    assert factor[WHERE - 1] == pytest.approx(-8.84, abs=0.2)
    found = measured(
        jnp.tanh, 10.5, "error_flow", "jacobian_spectrum", "lyapunov", "mean_field", dtype=np.float64
    )
    # 1 - tanh^2 keeps some 7 digits at 10.5.
    close = {"rtol": 0, "atol": 1e-6}
    products = found["product_singular_values"].values.ravel()
    np.testing.assert_allclose(products, [0, *np.cumsum(factor[::-1])], **close)
    steps = found["step_singular_values"].values.ravel()
    np.testing.assert_allclose(np.log10(steps), factor, **close)
    np.testing.assert_allclose(found["error_flow"].values.reshape(T, T)[-1, 0], factor[1:].sum(), **close)
    np.testing.assert_allclose(found["mean_field_growth"].values.ravel(), factor, **close)
    history = found["lyapunov_history"].values.ravel()
    np.testing.assert_allclose(history, np.log(10) * np.cumsum(factor) / np.arange(1, T + 1), **close)


@pytest.mark.parametrize(("f", "x", "dead"), [(jnp.tanh, 25, 0), (shut_once, -10, 1)])
def test_a_unit_that_is_rounded_to_zero_is_not_dead(f, x, dead):
    found = measured(f, x, "saturation")
    assert found["dead"].values.ravel().tolist() == [dead * (t == WHERE) for t in range(1, T + 1)]
    assert found["small_derivative"].values.ravel()[WHERE - 1] == 1
    assert set(codes(found, "dead").tolist()) == {OK}


@pytest.mark.slow
def test_of_two_units_each_has_its_own_kind_of_zero():
    """One row of the Jacobian shut, one rounded: the product is lost by rounding, one unit is dead."""
    f = lambda a: jnp.where(jnp.array([True, False]), jax.nn.relu(a), jnp.tanh(a))
    found = measured(f, np.array([-30, 30]), "saturation", "jacobian_spectrum", size=2)
    assert found["dead"].values.ravel()[WHERE - 1] == 0.5
    steps = codes(found, "step_singular_values")[WHERE - 1].tolist()
    assert sorted(steps) == [OK, BELOW_PRECISION]
    assert codes(found, "product_singular_values")[-1, 0] == BELOW_PRECISION


@pytest.mark.slow
def test_a_sweep_tells_them_apart():
    """Inputs of 10^4 saturate tanh beyond float32; a recurrent weight of 0 is one by definition."""
    found = gradlab.sweep(
        cell="elman", w_rec=(0.0, 1.0), T=4, hidden=1, seeds=2, input_std=1e4, probe=("mean_field",)
    )
    states = found.norms["mean_field_growth_state"].squeeze(("cell", "init", "T")).values
    assert set(states[0].ravel()) == {EXACT_ZERO}
    assert BELOW_PRECISION in states[1]
    assert EXACT_ZERO not in states[1]


FOREIGN = '''"""The slope of a step, pushed forward."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

AXES = {"slope": ("step",)}


class Columns(NamedTuple):
    slope: Any


def pushed(step, params, state, xs, setup) -> Columns:
    def body(state, x):
        after, tangent = jax.jvp(lambda s: step(params, s, x), (state,), (jnp.ones_like(state),))
        return after, jnp.log10(jnp.abs(tangent).max())

    return Columns(jax.lax.scan(body, state, xs)[1])
'''


def test_a_zero_of_a_probe_that_cannot_run_again_is_not_told(tmp_path, monkeypatch):
    (tmp_path / "pushed.py").write_text(FOREIGN)
    monkeypatch.setattr(gradlab.probes, "__path__", [*gradlab.probes.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "is_foreign", lambda kind, name: name == "pushed")
    found = measured(shut_once, -10, "pushed")
    assert codes(found, "slope").tolist() == [OK, OK, NOT_COMPUTED, OK, OK, OK]
