"""Zeros by definition, and zeros of rounding: each kind of step by name, with the factor that was lost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.recurrence import activations, rounding
from gradlab.recurrence.generic import generic
from gradlab.recurrence.zeros import told_apart
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, FORWARD_NONFINITE, OK
from tests.tiers import optimised

T = 6
WHERE = 3
"""The step at which the examples are saturated: of 6, so that lags 4 to 6 are behind it."""


def profile(step, x, *, w=0.5, dtype=np.float32, size=1, **options):
    """The dataset of a scalar (or `size` equal) network whose input is x at one step and 0 elsewhere."""
    xs = np.zeros((T, size), dtype)
    xs[WHERE - 1] = x
    h = np.full(size, 0.25, dtype)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return gradlab.measure(step, dtype(w), h, xs, **options)


def codes(found, quantity="transport", part="state"):
    column = found[f"{quantity}_state"].squeeze(("cell", "init", "w_rec", "T", "seed"))
    return (column if quantity == "weight_gradient" else column.sel(part=part)).values.tolist()


def after(code):
    """What the states of a transport are that is lost at the example's step."""
    return [OK] * (T - WHERE + 1) + [code] * WHERE


def spike(surrogate):
    """A threshold, with a derivative of its own."""

    @jax.custom_jvp
    def fires(a):
        return (a > 0).astype(a.dtype)

    @fires.defjvp
    def _(primals, tangents):
        return fires(*primals), surrogate(primals[0]) * tangents[0]

    return fires


@jax.custom_vjp
def straight(a):
    return jnp.round(a)


straight.defvjp(lambda a: (jnp.round(a), a), lambda a, g: (g * jnp.exp(-a * a),))


def looped(a):
    return jax.lax.scan(lambda c, _: (jnp.tanh(c), None), a, None, length=2)[0]


ROUNDED = {
    "tanh": (jnp.tanh, 10.5),
    "tanh, below": (jnp.tanh, -10.5),
    "our tanh": (activations.tanh, 45),
    "our sigmoid": (activations.sigmoid, 90),
    "sigmoid": (jax.nn.sigmoid, 20),
    "sigmoid, below": (jax.nn.sigmoid, -110),
    "a sigmoid by hand": (lambda a: 1 / (1 + jnp.exp(-a)), 110),
    "erf": (jax.lax.erf, 11),
    "erfc": (lambda a: jax.lax.erfc(a), 11),
    "exp": (jnp.exp, -110),
    "exp2": (jnp.exp2, -160),
    "expm1": (jnp.expm1, -20),
    "gelu": (lambda a: jax.nn.gelu(a, approximate=False), -15),
    "gelu by tanh": (jax.nn.gelu, -15),
    "silu": (jax.nn.silu, -120),
    "softplus": (jax.nn.softplus, -110),
    "softmax": (lambda a: jax.nn.softmax(jnp.concatenate([a, jnp.zeros_like(a)]))[:1], 120),
    "a gate that is shut": (lambda a: a * jax.nn.sigmoid(jax.lax.stop_gradient(-120 * a)), 1),
    "one minus a gate": (lambda a: a * (1 - jax.nn.sigmoid(jax.lax.stop_gradient(20 * a))), 1),
    "small factors": (lambda a: jnp.where(a > 1, 1e-30 * (1e-30 * a), a), 2),
    "half precision": (lambda a: jnp.where(a > 1, 1e-9 * a.astype(jnp.float16).astype(a.dtype), a), 2),
    "a surrogate": (spike(lambda a: jnp.exp(-a * a)), 20),
    "a derivative of one's own": (straight, 20),
    "inside jit": (jax.jit(jnp.tanh), 10.5),
    "inside checkpoint": (jax.checkpoint(jnp.tanh), 10.5),
    "inside scan": (looped, 10.5),
    "inside cond": (lambda a: jax.lax.cond(a[0] > 1, jnp.tanh, lambda a: a, a), 10.5),
    "inside vmap": (jax.vmap(jnp.tanh), 10.5),
}
DEFINED = {
    "relu": (jax.nn.relu, -1),
    "maximum": (lambda a: jnp.maximum(a, 0), -1),
    "clip": (lambda a: jnp.clip(a, -1, 1), 2),
    "hard tanh": (jax.nn.hard_tanh, 2),
    "relu6": (jax.nn.relu6, 7),
    "a mask": (lambda a: jnp.where(a > 1, 0.0, jnp.tanh(a)), 2),
    "a mask by product": (lambda a: jnp.tanh(a) * (a < 1).astype(a.dtype), 2),
    "a stopped gradient": (lambda a: jnp.where(a > 1, jax.lax.stop_gradient(jnp.tanh(a)), a), 2),
    "a threshold": (lambda a: jnp.where(a > 1, spike(lambda a: 0 * a)(a), a), 2),
    "rounding on purpose": (lambda a: jnp.where(a > 1, jnp.floor(a), a), 2),
    "a point of rest": (lambda a: jnp.where(a > 1, (a - jax.lax.stop_gradient(a)) ** 2, a), 2),
    "relu behind tanh": (lambda a: jnp.tanh(jax.nn.relu(a)), -20),
    "tanh behind relu": (lambda a: jax.nn.relu(jnp.tanh(a)), -20),
    "sin at its top": (lambda a: jnp.where(a > 1, jnp.cos(0 * a), a), 2),
    "one of one": (lambda a: jnp.where(a > 1, jax.nn.softmax(a), a), 2),
}


def step_of(f):
    return lambda w, h, x: f(w * h + x)


def pulled(f, x):
    """What one step sends back of a 1, as it is computed, and with what rounds to zero replaced."""
    pull = lambda h, v: jax.vjp(lambda h: f(0.5 * h + x), h)[1](v)[0]
    given = jnp.full(1, 0.25, jnp.float32), jnp.ones(1, jnp.float32)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return float(jax.jit(pull)(*given)[0]), float(jax.jit(generic(pull))(*given)[0])


@optimised
@pytest.mark.parametrize("name", ROUNDED)
def test_a_zero_of_rounding_is_none_in_the_generic_derivative(name):
    computed, found = pulled(*ROUNDED[name])
    assert computed == 0
    assert 1e-30 < abs(found) < 1e30


@pytest.mark.ends
@pytest.mark.parametrize("name", DEFINED)
def test_a_zero_by_definition_stays_one(name):
    assert pulled(*DEFINED[name]) == (0, 0)


@optimised
@pytest.mark.parametrize("name", ["tanh", "our sigmoid", "inside checkpoint"])
def test_a_zero_of_rounding_is_below_precision(name):
    f, x = ROUNDED[name]
    found = profile(step_of(f), x)
    assert codes(found) == codes(found, "adjoint") == after(BELOW_PRECISION)
    assert found.attrs["rounded_lag"] == T - WHERE + 1


@pytest.mark.parametrize("name", ["a mask", "a stopped gradient"])
def test_a_zero_by_definition_is_exact(name):
    f, x = DEFINED[name]
    found = profile(step_of(f), x)
    assert codes(found) == codes(found, "adjoint") == after(EXACT_ZERO)
    assert "rounded" not in found.attrs


# Closed forms: tanh'(a) = 1 / cosh(a)^2 at the a of the step, by numpy in float64.
@optimised
@pytest.mark.parametrize(
    ("dtype", "f", "x", "code"),
    [
        (np.float32, jnp.tanh, 10.5, BELOW_PRECISION),
        (np.float64, jnp.tanh, 10.5, OK),
        (np.float64, jnp.tanh, 20.5, BELOW_PRECISION),
        (np.float32, activations.tanh, 43.0, OK),
        (np.float32, activations.tanh, 44.5, BELOW_PRECISION),
        (np.float64, activations.tanh, 44.5, OK),
    ],
)
def test_tanh_is_lost_where_its_dtype_loses_it(dtype, f, x, code):
    found = profile(lambda w, h, x: f(0 * w + w * h + x), x, w=1, dtype=dtype)
    assert codes(found)[-1] == code
    a = x + float(np.tanh(np.tanh(0.25)))
    if code == BELOW_PRECISION:
        assert found.attrs["rounded_factor"] == pytest.approx(-2 * np.log10(np.cosh(a)), abs=1e-6)
        assert found.attrs["rounded_step"] == WHERE
        factor = f"tanh' = 10^{-2 * np.log10(np.cosh(a)):.1f} at step 3"
        assert found.attrs["rounded"].startswith(f"the transport is rounded to zero from lag 4 on: {factor}")
        assert found.attrs["rounded"].endswith("; float64 keeps it") == (dtype == np.float32)
        assert found.attrs["rounded"][1:] in gradlab.verdict(found)
    else:
        assert not {key for key in found.attrs if key.startswith("rounded")}


@pytest.mark.parametrize(
    ("name", "f"), [("tanh", np.tanh), ("exp", np.exp), ("exp2", np.exp2), ("expm1", np.expm1)]
)
def test_the_log_of_a_derivative_is_that_of_a_difference_quotient(name, f):
    a = np.array([-2.0, -0.3, 0.1, 1.7])
    quotient = (f(a + 1e-6) - f(a - 1e-6)) / 2e-6
    np.testing.assert_allclose(rounding.log10_derivative(name, a), np.log10(quotient), atol=1e-8)


def test_the_log_of_the_logistic_derivative():
    a = np.array([-3.0, 0.0, 2.0])
    s = 1 / (1 + np.exp(-a))
    np.testing.assert_allclose(rounding.log10_derivative("logistic", a), np.log10(s * (1 - s)), atol=1e-12)
    # Far out the derivative is exp(-|a|), which no float64 holds.
    assert rounding.log10_derivative("logistic", np.array(-2000.0)) == pytest.approx(-2000 / np.log(10))


@optimised
def test_a_dead_unit_is_exactly_zero_and_a_saturated_one_beside_it_is_not():
    """Two units that do not meet: one behind a relu, one behind a tanh, both lost at the same step."""
    two = lambda w, s, x: {"a": jax.nn.relu(w * s["a"] - x + 1), "b": jnp.tanh(w * s["b"] + x)}
    xs = np.zeros((T, 1), np.float32)
    xs[WHERE - 1] = 11
    start = {"a": np.ones(1, np.float32), "b": np.zeros(1, np.float32)}
    found = gradlab.measure(two, np.float32(0.5), start, xs)
    assert codes(found, "transport_frobenius", "a") == after(EXACT_ZERO)
    assert codes(found, "transport_frobenius", "b") == after(BELOW_PRECISION)
    assert codes(found) == after(BELOW_PRECISION)


@pytest.mark.parametrize("meet", [False, True])
def test_a_part_that_falls_out_of_the_range_beside_another_is_not_exactly_zero(meet):
    """0.001 per step is 10^-39 of its neighbour after 13 steps: float32 flushes it.

    Not of a transport that is followed unit by unit, as where two of them do not meet.
    """
    deep = (lambda s: jnp.roll(s, 1)) if meet else (lambda s: s)
    two = lambda w, s, x: {"deep": w * deep(s["deep"]) + x, "top": 0.001 * s["top"] + x}
    start = {"deep": np.ones(2, np.float32), "top": np.ones(2, np.float32)}
    with jax.numpy_dtype_promotion("standard"):
        found = gradlab.measure(two, np.float32(1), start, np.zeros((20, 1), np.float32))
    lost = ("adjoint", "transport_frobenius") if meet else ("adjoint",)
    for quantity in ("adjoint", "transport_frobenius"):
        assert codes(found, quantity, "deep") == [OK] * 21
        top = codes(found, quantity, "top")
        assert set(top) == ({OK, BELOW_PRECISION} if quantity in lost else {OK})
        assert quantity not in lost or top.index(BELOW_PRECISION) in (12, 13)
    assert codes(found) == [OK] * 21
    which = "transport" if meet else "adjoint"
    assert found.attrs["rounded"].startswith(f"the {which} of part top is rounded to zero from lag 1")
    assert "rounded_factor" not in found.attrs
    if not meet:
        exact = np.log10(2) / 2 - 3 * np.arange(21)
        top = found["transport_frobenius"].sel(part="top").squeeze().values
        np.testing.assert_allclose(top, exact, rtol=0, atol=1e-5)


@optimised
def test_the_weight_gradient_of_a_state_of_zero_is_exactly_zero_and_that_of_a_lost_one_is_not():
    found = profile(lambda w, h, x: jnp.tanh(0 * h + w * h + x), 10.5, w_rec=lambda w: w)
    assert codes(found, "weight_gradient")[: T - WHERE + 1] == [OK] * (T - WHERE) + [BELOW_PRECISION]
    still = gradlab.measure(
        lambda w, h, x: jnp.tanh(w * h + x),
        np.float32(0.5),
        np.zeros(1, np.float32),
        np.zeros((T, 1), np.float32),
        w_rec=lambda w: w,
    )
    assert codes(still, "weight_gradient")[:T] == [EXACT_ZERO] * T


def test_a_readout_that_saturates_is_below_precision_and_one_that_does_not_read_is_zero():
    step = lambda w, s, x: {"a": w * s["a"] + x, "b": w * s["b"] + x}
    start = {"a": np.full(1, 30, np.float32), "b": np.ones(1, np.float32)}
    found = gradlab.measure(
        step,
        np.float32(1),
        start,
        np.zeros((T, 1), np.float32),
        objective="last",
        readout=lambda s: jnp.tanh(s["a"]),
    )
    assert codes(found, "adjoint", "a") == [BELOW_PRECISION] * (T + 1)
    assert codes(found, "adjoint", "b") == [EXACT_ZERO] * (T + 1)


def test_a_state_that_is_not_finite_is_no_zero():
    found = gradlab.measure(
        lambda w, h, x: h * h * x, np.float32(1), np.full(1, 1e30, np.float32), np.ones((4, 1), np.float32)
    )
    assert set(codes(found)) == {FORWARD_NONFINITE}


def test_states_are_told_apart():
    states = np.array([OK, EXACT_ZERO, EXACT_ZERO, FORWARD_NONFINITE], np.int8)
    found = told_apart(states, np.array([False, True, False, True]))
    assert found.tolist() == [OK, EXACT_ZERO, BELOW_PRECISION, FORWARD_NONFINITE]
