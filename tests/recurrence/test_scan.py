"""The loop forward and back: segments, traced lengths and the step that breaks."""

import functools

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
from gradlab.recurrence.scan import reverse_blocks, reverse_scan
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


@pytest.mark.ends
@pytest.mark.parametrize(("segment", "block"), [(7, 3), (11, 4), (4, 25), (256, 25), (2, 1)])
def test_blocks_of_any_length_give_what_single_steps_give(segment, block):
    """At every length with one program; the sum of what was held, too."""
    w, xs = jax.random.normal(jax.random.key(0), (3, 3)), jax.random.normal(jax.random.key(1), (11, 3))

    def forward(state, x, t):
        return jnp.tanh(w @ state + x), (state, jnp.asarray(t, float))

    def back(carry, kept):
        return w.T @ (carry * (1 - kept[0] ** 2)) + 0.1 * kept[1]

    def finish(held, kept, carries):
        return held + (kept[0] * carries[1:]).sum(0), carries, kept[0] + carries[1:]

    @jax.jit
    def both(length):
        start, state = lambda final: 2.0 * final, jnp.ones(3)
        show = lambda carry: carry
        found = reverse_blocks(
            forward, start, back, show, finish, state, jnp.zeros(3), xs, length, segment, block
        )
        one = lambda carry, kept: (back(carry, kept), kept[0] + carry)
        return found, reverse_scan(forward, start, one, lambda c, lag: (c, c), state, xs, length)

    for length in range(1, 12):
        (observed, passed, held, last), (each, added, _) = both(jnp.int32(length))
        np.testing.assert_allclose(observed, each, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(passed, added, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(last, observed[length], rtol=0)
        sent = (passed - observed[:-1])[:length]
        np.testing.assert_allclose(held, (sent * observed[:length]).sum(0), rtol=1e-10, atol=1e-12)


def test_a_block_that_goes_beyond_the_end_divides_by_nothing_of_its_own():
    """What is kept of no step would be zeros, and the pullback of a quotient NaN there."""
    step = lambda params, h, x: jnp.tanh(x / (params * h))
    xs, params, state = jnp.arange(1.0, 12)[:, None], jnp.full(1, 0.7), jnp.ones(1)
    goal = Objective(lambda state: jnp.ones_like(state), False)

    @jax.jit
    def run(length):
        setup = ProbeContext(goal, None, length)
        return backpropagate(step, params, state, xs, setup, summing=outer.summing, weights=lambda g, e: e)

    for length in (1, 3, 11):
        (found,) = run(jnp.int32(length)).gradient
        last = lambda params, n=length: functools.reduce(lambda h, x: step(params, h, x), xs[:n], state).sum()
        exact = jax.grad(last)(params)
        np.testing.assert_allclose(np.ldexp(found.value, int(found.exponent)), exact, rtol=1e-10)


def test_inputs_beyond_the_length_are_not_read(long):
    net, goal = as_arrays(long)
    traced = jax.jit(lambda n, g, length: scan(n, g, length, 7))
    poisoned = net._replace(xs=net.xs.at[20:].set(jnp.nan))
    same_bytes(traced(net, goal, jnp.int32(20)), traced(poisoned, goal, jnp.int32(20)))


@pytest.mark.slow
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


@pytest.mark.ends
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
