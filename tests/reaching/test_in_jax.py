"""`gradlab.reach` of functions of JAX: values against float64 autodiff, and planted zeros named rightly."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.reaching.result import spoken
from gradlab.states import (
    BACKWARD_NONFINITE,
    BELOW_PRECISION,
    EXACT_ZERO,
    FORWARD_NONFINITE,
    NOT_COMPUTED,
    OK,
)

T, D = 12, 2
XS = np.random.default_rng(0).normal(size=(T, D))
SINGLE = XS.astype(np.float32)
W = np.random.default_rng(1).normal(size=(3, 3)) * 0.5


def rnn(xs):
    """States of an Elman network; its numbers take the inputs' format."""
    w = jnp.asarray(W, xs.dtype)
    step = lambda h, x: (jnp.tanh(w @ h + jnp.pad(x, (0, 1))),) * 2
    return jax.lax.scan(step, jnp.zeros(3, xs.dtype), xs)[1]


def test_norms_are_those_of_the_jacobian():
    found = gradlab.reach(rnn, XS)
    J = np.asarray(jax.jacrev(lambda xs: rnn(xs)[-1])(jnp.asarray(XS)))
    for lag in range(T):
        one = J[:, T - 1 - lag]
        assert abs(found.norms.reach.values[lag] - math.log10(np.linalg.norm(one, 2))) < 1e-9
        assert abs(found.norms.reach_frobenius.values[lag] - math.log10(np.linalg.norm(one))) < 1e-9
    assert (found.norms.reach_state.values == OK).all()
    assert found.reasons == ("ok",) * T
    table = found.table()
    assert (table.lag.tolist()[-1], table.step.tolist()[-1], table.state.unique().tolist()) == (11, 1, ["ok"])
    first, last = (f"10^{found.norms.reach.values[lag]:.1f} at lag {lag}" for lag in (0, 11))
    assert found.verdict == f"rnn, T = 12, float64: the last output feels lags 0 to 11 ({first}, {last})."


def powers(w, T):
    """A linear model whose gradient at each lag is w^lag, in float32."""
    xs = jnp.zeros((T, 1), jnp.float32)
    scan = lambda xs: jax.lax.scan(lambda h, x: (jnp.float32(w) * h + x, None), xs[0], xs[1:])[0]
    return gradlab.reach(scan, xs)


@pytest.mark.parametrize("w", [2.0**-8, 2.0**8])
def test_gradients_beyond_the_format_are_shown_by_other_cotangents(w):
    found = powers(w, 30)
    np.testing.assert_allclose(found.norms.reach.values, np.arange(30) * math.log10(w), rtol=0, atol=1e-9)
    # The normal numbers of float32 are 2^-126 to 2^127.
    assert found.reasons == ("ok",) * 16 + ("rescaled",) * 14
    assert "a cotangent of 1 under- or overflows at lag 16 and all further ones, others show" in found.verdict


def test_what_no_cotangent_shows_is_rounding_and_not_a_zero():
    found = powers(2.0**-8, 60)
    assert found.reasons[45:] == ("rounded",) * 15
    assert (found.norms.reach_state.values[45:] == BELOW_PRECISION).all()
    assert "there is a gradient that float32 does not hold" in found.verdict


def band(xs, width=4):
    """Attention that looks back over a few steps alone."""
    i = jnp.arange(len(xs))
    seen = (i[None] <= i[:, None]) & (i[None] > i[:, None] - width)
    scores = jnp.where(seen, xs @ xs.T, jnp.asarray(-jnp.inf, xs.dtype))
    return jax.nn.softmax(scores, axis=-1) @ xs


def detached(xs):
    """Attention whose older keys are no part of the graph."""
    keys = jnp.concatenate([jax.lax.stop_gradient(xs[:8]), xs[8:]])
    return jax.nn.softmax(xs[-1] @ keys.T) @ keys


STOPPED = lambda xs: rnn(jnp.concatenate([jax.lax.stop_gradient(xs[:-5]), xs[-5:]]))
PLANTED = {
    "stop_gradient": (STOPPED, 5, "cut", EXACT_ZERO),
    "attention over a window": (band, 4, "unused", EXACT_ZERO),
    "attention with detached keys": (detached, 4, "cut", EXACT_ZERO),
    "a reset": (lambda xs: rnn(xs[-5:])[-1], 5, "unused", EXACT_ZERO),
    "a dead unit": (lambda xs: rnn(xs[-5:])[-1, 0] + jax.nn.relu(xs - 9).sum(), 5, "flat", NOT_COMPUTED),
    "a comparison": (lambda xs: rnn(xs[-5:])[-1, 0] + (xs > 9).sum(dtype=xs.dtype), 5, "flat", NOT_COMPUTED),
    "a saturated unit": (
        lambda xs: rnn(xs[-5:])[-1, 0] + jnp.tanh(xs[:-5] + 50).sum(),
        5,
        "rounded",
        BELOW_PRECISION,
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_zero_is_named(name):
    fn, first, word, state = PLANTED[name]
    found = gradlab.reach(fn, SINGLE)
    assert set(found.reasons[:first]) == {"ok"}
    assert set(found.reasons[first:]) == {word}
    assert (found.norms.reach_state.values[first:] == state).all()
    assert np.isnan(found.norms.reach.values[first:]).all()
    where = f"at lag {first} and all further ones"
    said = {
        "cut": f"cut exactly at lag {first}: from there on the gradient is exactly zero while the output",
        "unused": f"exactly zero {where}: the output does not move with the input",
        "flat": f"zero {where}, where large steps of the input alone move the output",
        "rounded": f"zero by rounding {where}",
    }
    assert said[word] in found.verdict


def test_a_unit_that_is_dead_beyond_all_steps_is_one_of_what_it_may_be():
    found = gradlab.reach(lambda xs: jax.nn.relu(xs.sum() - 1e4), SINGLE)
    assert set(found.reasons) == {"unused"}
    assert "a mask, a reset, a unit that no step wakes up, a weight" in found.verdict


def test_a_mask_of_single_steps_is_no_reset():
    kept = np.ones((T, 1), np.float32)
    kept[[2, 6, 7]] = 0
    found = gradlab.reach(lambda xs: rnn(xs * kept), SINGLE)
    assert [lag for lag, word in enumerate(found.reasons) if word == "unused"] == [4, 5, 9]
    assert "exactly zero at lags 4 to 5, 9: the output does not move" in found.verdict


def test_behind_a_cut_a_gradient_that_has_vanished_is_not_explained():
    """Far behind the cut the output moves by less than its rounding: no word is said of why."""
    fast = lambda xs: jax.lax.scan(lambda h, x: (0.01 * h + x.sum(), None), jnp.zeros((), xs.dtype), xs)[0]
    found = gradlab.reach(lambda xs: fast(jnp.concatenate([jax.lax.stop_gradient(xs[:-2]), xs[-2:]])), SINGLE)
    assert found.reasons[:3] == ("ok", "ok", "cut")
    assert found.reasons[-1] == "unknown"
    assert set(found.reasons[2:]) == {"cut", "unknown"}
    assert (found.norms.reach_state.values[np.array(found.reasons) == "unknown"] == NOT_COMPUTED).all()
    assert "and why cannot be told" in found.verdict


def test_what_is_not_finite_is_told_by_pass():
    forward = gradlab.reach(lambda xs: jnp.exp(xs.sum() * 0 + 1000), SINGLE)
    assert (forward.norms.reach_state.values == FORWARD_NONFINITE).all()
    assert forward.verdict.endswith("the last output is not finite, and has no gradient.")
    backward = gradlab.reach(lambda xs: jnp.sqrt(xs[3, 0] * 0) + xs[4:].sum(), SINGLE)
    assert backward.norms.reach_state.values[T - 4] == BACKWARD_NONFINITE
    assert backward.reasons[T - 4] == "nonfinite"
    assert f"the derivative is NaN or infinite at lag {T - 4}" in backward.verdict


def test_half_precision_is_measured_as_the_model_computes_it():
    found = gradlab.reach(lambda xs: xs[-1].sum() * 2**-10 * 2**-10, jnp.ones((3, 1), jnp.float16))
    assert found.precision == "float16"
    assert (found.reasons[0], found.norms.reach.values[0]) == ("rescaled", -20 * math.log10(2))


def test_python_control_flow_runs_without_compiling():
    found = gradlab.reach(lambda xs: xs[-1].sum() if xs.sum() > 1e9 else 3 * xs[-2].sum(), SINGLE)
    assert found.reasons[1] == "ok"
    assert found.reasons[0] in ("unused", "flat")


def test_many_lags_are_tried_in_part_and_the_border_is_found():
    xs = np.random.default_rng(2).normal(size=(80, 1)).astype(np.float32)
    fn = lambda xs: jax.lax.stop_gradient(xs[20:60]).sum() + xs[60:].sum()
    found = gradlab.reach(fn, xs)
    assert found.reasons == ("ok",) * 20 + ("cut",) * 40 + ("unused",) * 20
    assert 0 < found.table().tried.sum() < 40
    assert "lags of a zero were tried, the others lie between equal ones" in found.verdict
    assert "cut exactly at lag 20: from there to lag 59" in found.verdict


def test_lags_in_words():
    assert spoken([1, 3, 5, 7, 9, 11], 20) == "lags 1, 3, 5, 7 and 2 more"
    assert spoken([0, 1], 2, last="") == "lags 0 to 1"


@pytest.mark.parametrize(
    ("fn", "xs", "said"),
    [
        (3, SINGLE, "fn: is of type int; pass a callable of one sequence"),
        (rnn, [1.0], "xs: is a list; pass an array or a tensor (T, d)"),
        (rnn, np.ones((0, 2)), "xs: has shape (0, 2); pass an array (T, d)"),
        (rnn, np.ones((3, 2), int), "xs: is of int64, which has no gradient; pass floating-point inputs"),
        (rnn, np.full((3, 2), np.nan), "xs[0, 0]: is nan; inputs are finite numbers"),
        (lambda xs: xs @ np.ones((5, 5), np.float32), SINGLE, "fn: fails: TypeError"),
        (lambda xs: xs.sum() > 0, SINGLE, "fn: gives bool; a gradient needs real floating-point numbers"),
        (
            lambda xs: jnp.zeros((T, 300), xs.dtype),
            SINGLE,
            "fn: gives 300 numbers as its last output; 1 to 256",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_line(fn, xs, said):
    with pytest.raises(GradlabError) as refused:
        gradlab.reach(fn, xs)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
