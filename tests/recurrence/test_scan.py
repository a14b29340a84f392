"""The loop forward and back: segments, traced lengths and the step that breaks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.profiles import bound
from gradlab.recurrence import outer
from gradlab.recurrence.backward import backpropagate
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import log10_norm, norms, rescale
from gradlab.recurrence.scan import reverse_scan
from gradlab.registry import make
from gradlab.types import Objective, ProbeContext
from tests.probes.networks import network, target
from tests.tiers import optimised


def test_bound_grows_with_length_and_precision():
    assert bound("float32", 100) > bound("float64", 100)
    assert bound("float64", 1000) > bound("float64", 100) > np.finfo(np.float64).eps


SPEC, LONG = "lstm", 300


def scan(net, cotangent, length, segment):
    """Adjoint norms and per-step weight gradients of a network, through `reverse_scan` itself."""
    one = pullback(make("cells", SPEC).step, net.params, net.state, net.xs[0], weights=True)

    def back(adjoint, kept):
        of_params, of_state = one.pull(kept, adjoint.value)
        return rescale(of_state, adjoint.exponent), norms(rescale(of_params.w_rec, adjoint.exponent))

    return reverse_scan(
        lambda state, x, t: one.forward(state, x),
        lambda final: rescale(jax.tree.map(lambda u, h: u * (1 + h * h), cotangent, final)),
        back,
        lambda adjoint, lag: (adjoint, (norms(adjoint), lag)),
        net.state,
        net.xs,
        length,
        segment,
    )[:2]


@pytest.fixture(scope="module")
def long():
    net = network(SPEC, LONG, n=5)
    return net, target(net)


def same_bytes(a, b, upto=None):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert np.asarray(x)[:upto].tobytes() == np.asarray(y)[:upto].tobytes()


@pytest.fixture(scope="module")
def whole(long):
    """The run with one segment that holds everything, of a length known when it was compiled."""
    return jax.jit(lambda n, g: scan(n, g, LONG, LONG))(*as_arrays(long))


def as_arrays(long):
    """The network as a pytree of arrays: its cell, a part of the program, is left to `scan`."""
    net, goal = long
    return net._replace(cell=None), goal


@optimised
@pytest.mark.parametrize("segment", [1, 3, 7, 256])
def test_the_segment_size_changes_no_bit(segment, long, whole):
    found = jax.jit(lambda n, g: scan(n, g, LONG, segment))(*as_arrays(long))
    same_bytes(found, whole)


def test_lags_are_numbered_from_the_end(whole):
    (_, lag), _ = whole
    np.testing.assert_array_equal(lag, np.arange(LONG + 1))


@pytest.mark.parametrize(("segment", "lengths"), [(7, (2, 7, 8)), (256, (257,))])
def test_a_traced_length_gives_what_the_exact_length_gives(segment, lengths, long):
    """One program at every length, against a program a length; beyond the length all is zero.

    Length 1 is left out: XLA replaces a loop that is known to run once by its body, and rounds otherwise.
    """
    net, goal = as_arrays(long)
    traced = jax.jit(lambda n, g, length: scan(n, g, length, segment))
    for length in lengths:
        observed, passed = traced(net, goal, jnp.int32(length))
        exact = jax.jit(lambda n, g, length=length: scan(n, g, length, segment))(
            net._replace(xs=net.xs[:length]), goal
        )
        same_bytes(observed, exact[0], length + 1)
        same_bytes(passed, exact[1], length)
        for leaf in jax.tree.leaves(observed):
            assert not np.asarray(leaf)[length + 1 :].any()
        for leaf in jax.tree.leaves(passed):
            assert not np.asarray(leaf)[length:].any()
    assert traced._cache_size() == 1


def test_inputs_beyond_the_length_are_not_read(long):
    net, goal = as_arrays(long)
    traced = jax.jit(lambda n, g, length: scan(n, g, length, 7))
    poisoned = net._replace(xs=net.xs.at[20:].set(jnp.nan))
    same_bytes(traced(net, goal, jnp.int32(20)), traced(poisoned, goal, jnp.int32(20)))


def test_backpropagation_without_weights_sees_the_same_adjoint(long):
    """The pullback to the state alone and the one that reaches the params too: two splits, one derivative."""
    net, goal = long
    setup = ProbeContext(objective("unit", goal, net.cell.readout), None, LONG)
    args = (net.cell.step, net.params, net.state, net.xs, setup, norms)
    alone = backpropagate(*args)
    both = backpropagate(*args, weights=lambda g, exponent: exponent, summing=outer.summing)
    assert alone.passed is None
    assert alone.gradient is None
    assert both.passed.shape == (LONG,)
    assert len(both.gradient) == len(jax.tree.leaves(net.params))
    # Both round at each of 300 steps, perhaps in another order.
    seen = (log10_norm(one.observed) for one in (alone, both))
    np.testing.assert_allclose(*seen, rtol=0, atol=bound("float64", LONG))


def first_nonfinite(step, state, xs, length):
    """The third result of a pass back: the first step whose state is not finite, or 0."""
    setup = ProbeContext(Objective(lambda state: jax.tree.map(jnp.ones_like, state), False), None, length)
    return backpropagate(step, jnp.zeros((), xs.dtype), state, xs, setup, norms)[2]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("step", [1, 4, 9])
def test_the_first_step_that_is_not_finite_is_named(step, bad):
    xs = np.ones((9, 2))
    xs[step - 1, 1] = bad
    forward = lambda params, state, x: {"a": state["a"] * 0 + x, "b": state["b"]}
    state = {"a": jnp.zeros(2), "b": jnp.zeros(3)}
    first = jax.jit(lambda xs, length: first_nonfinite(forward, state, xs, length))
    assert int(first(jnp.asarray(xs), 9)) == step
    assert int(first(jnp.asarray(xs), step)) == step
    assert int(first(jnp.ones((9, 2)), 9)) == 0


def test_a_doubling_leaves_float32_where_it_must():
    xs = jnp.zeros((300, 1), jnp.float32)
    forward = lambda params, h, x: 2 * h + x
    # 2^127 is the last power of two that float32 holds; step 128 lies in the first of two segments.
    assert int(first_nonfinite(forward, jnp.ones(1, jnp.float32), xs, 300)) == 128
