"""Numbers as value and exponent, and the one scan: segments, traced lengths and the step that breaks."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.profiles import bound
from gradlab.recurrence import outer
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.unroll import (
    ZERO_EXPONENT,
    Norm,
    Scaled,
    add,
    backpropagate,
    log10_norm,
    norms,
    rescale,
    reverse_scan,
)
from gradlab.registry import make
from gradlab.types import Objective, ProbeContext
from tests.probes.networks import network, target
from tests.tiers import optimised

FAST = settings(max_examples=60, deadline=None, derandomize=True)
DTYPES = [np.float32, np.float64]

rescaled = jax.jit(rescale)
added = jax.jit(add)
normed = jax.jit(norms)


def exact(scaled):
    """The vector as exact integers over a common power of two: value = integers * 2**power."""
    mantissas = [math.frexp(float(v)) for v in np.asarray(scaled.value, np.float64)]
    return [(int(m * 2**53), e - 53 + int(scaled.exponent)) for m, e in mantissas]


def vectors(dtype):
    """Three numbers, none so small beside the others that it would leave the dtype when rescaled."""
    normal = st.floats(0.0078125, 128.0, width=32).flatmap(lambda v: st.sampled_from([v, -v]))
    return st.lists(normal, min_size=3, max_size=3).map(lambda v: np.array(v, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
class TestRescale:
    @FAST
    @given(data=st.data(), k=st.integers(-110, 110), exponent=st.integers(-(10**6), 10**6))
    def test_a_power_of_two_moves_only_the_exponent(self, dtype, data, k, exponent):
        v = data.draw(vectors(dtype))
        plain, moved = rescaled(v, exponent), rescaled(np.ldexp(v, k), exponent)
        assert np.asarray(plain.value).tobytes() == np.asarray(moved.value).tobytes()
        assert int(moved.exponent) - int(plain.exponent) == k
        assert moved.value.dtype == dtype

    @FAST
    @given(data=st.data())
    def test_nothing_is_lost_and_the_largest_is_in_place(self, dtype, data):
        v = data.draw(vectors(dtype))
        found = rescaled(v, 0)
        np.testing.assert_array_equal(np.ldexp(np.asarray(found.value), int(found.exponent)), v)
        assert 0.5 <= np.abs(found.value).max() < 1

    def test_the_whole_range_of_the_dtype_is_ordinary(self, dtype):
        """A peak of 2^127 in float32 needs the factor 2^-128, which is subnormal: flushed, it gives 0."""
        info = np.finfo(dtype)
        for e in [info.minexp, info.minexp + 1, -1, 0, 1, info.maxexp - 2, info.maxexp - 1]:
            for of in (rescale, rescaled):
                found = of(np.array([np.ldexp(dtype(1), e), 0], dtype), 0)
                assert (float(found.value[0]), int(found.exponent)) == (0.5, e + 1)
        largest = rescaled(np.array([info.max], dtype), 0)
        assert int(largest.exponent) == info.maxexp
        assert np.ldexp(largest.value[0], info.maxexp) == info.max

    def test_zero_is_dead(self, dtype):
        found = rescaled(np.zeros(3, dtype), 12345)
        assert int(found.exponent) == ZERO_EXPONENT
        assert not np.asarray(found.value).any()
        assert (log10_norm(normed(found)) == -np.inf).all()

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_what_is_not_finite_stays_visible(self, dtype, bad):
        found = rescaled(np.array([1, bad, 0], dtype), 0)
        assert not np.isfinite(found.value[1])
        assert np.isnan(log10_norm(normed(found))).all()
        for other in (found, rescaled(np.ones(3, dtype), 0), rescaled(np.zeros(3, dtype), 0)):
            assert np.isnan(log10_norm(normed(added(found, other)))).all()


class TestNorm:
    @pytest.mark.parametrize("size", [1e-35, 1e-25, 1.0, 1e25, 1e38])
    def test_squares_outside_float32_do_not_hurt(self, size):
        v = (size * np.cos(np.arange(1, 50))).astype(np.float32)
        truth = np.log10(np.linalg.norm(v.astype(np.float64)))
        # 49 squares are summed in float32: the norm is off by at most 49/2 eps, 3e-6, and log10 by 1.3e-6.
        assert log10_norm(normed(rescaled(v, 0)))[0] == pytest.approx(truth, abs=1.3e-6)

    def test_a_part_far_below_the_other_keeps_its_norm(self):
        """Beside a part of size 1, one of 1e-25 has a square of 1e-50, which float32 does not hold."""
        parts = {"c": np.float32([0.75, 0.5]), "h": np.float32([3e-25, 4e-25])}
        whole, c, h = log10_norm(normed(rescaled(parts, 100)))
        shift = 100 * math.log10(2)
        truth = np.log10([np.hypot(0.75, 0.5), np.hypot(0.75, 0.5), 5e-25]) + shift
        np.testing.assert_allclose([whole, c, h], truth, atol=1e-6)

    def test_a_part_that_is_zero_is_dead_alone(self):
        found = normed(rescaled({"a": np.float32([0, 0]), "b": np.float32([3, 4])}, 0))
        np.testing.assert_allclose(log10_norm(found), [np.log10(5), -np.inf, np.log10(5)], atol=1e-6)

    def test_log10_is_taken_in_float64(self):
        """At an exponent of -100000 float32 would keep 2 decimals of the logarithm."""
        found = log10_norm(Norm(np.float32([0.25]), np.int32([-99999])))
        assert found.dtype == np.float64
        assert found[0] == pytest.approx(-100000 * math.log10(2), abs=1e-11)

    def test_states_of_a_norm(self):
        square = np.float32([0, np.nan, np.inf, 1])
        found = log10_norm(Norm(square, np.int32([ZERO_EXPONENT, 0, 0, 0])))
        np.testing.assert_array_equal(found, [-np.inf, np.nan, np.nan, 0])


@pytest.mark.parametrize("dtype", DTYPES)
class TestAdd:
    @FAST
    @given(data=st.data(), gap=st.integers(-40, 40))
    def test_equals_exact_addition_rounded_once(self, dtype, data, gap):
        a, b = (data.draw(vectors(dtype)) for _ in "ab")
        left, right = rescaled(a, 0), rescaled(b, gap)
        found = added(left, right)
        got, x, y = exact(found), exact(left), exact(right)
        # Entries are at most 2^14 apart within a vector, and an addition rounds once: half an ulp of the
        # result, that is eps/2 relative, measured against the exact integer sum.
        half = float(np.finfo(dtype).eps) / 2
        for (g, ge), (p, pe), (q, qe) in zip(got, x, y, strict=True):
            low = min(ge, pe, qe)
            total = (p << (pe - low)) + (q << (qe - low))
            assert abs((g << (ge - low)) - total) <= half * abs(total)

    @pytest.mark.parametrize("gap", [200, 5000, 10**6, 2**29])
    def test_far_apart_the_larger_one_remains_to_the_bit(self, dtype, gap):
        big, small = rescaled(np.array([0.7, -0.6], dtype), gap), rescaled(np.array([0.9, 0.9], dtype), -5)
        zero = rescaled(np.zeros(2, dtype), 0)
        for other in (small, zero):
            for found in (added(big, other), added(other, big)):
                np.testing.assert_array_equal(found.value, big.value)
                assert int(found.exponent) == gap

    def test_what_cancels_is_dead(self, dtype):
        a = rescaled(np.array([0.7, -0.6], dtype), 3000)
        found = added(a, Scaled(-a.value, a.exponent))
        assert int(found.exponent) == ZERO_EXPONENT
        assert int(added(found, found).exponent) == ZERO_EXPONENT

    def test_terms_below_the_range_of_the_dtype_add_up(self, dtype):
        a = rescaled(np.array([0.5], dtype), -(10**5))
        found = added(a, a)
        assert (float(found.value[0]), int(found.exponent)) == (0.5, -(10**5) + 1)


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
