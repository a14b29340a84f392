"""Numbers as value and exponent: rescaled, summed, and their norms."""

import math

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.recurrence.scaled import ZERO_EXPONENT, Norm, add, log10_norm, norms, rescale
from gradlab.types import Scaled

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

    def test_what_cancels_is_zero(self, dtype):
        a = rescaled(np.array([0.7, -0.6], dtype), 3000)
        found = added(a, Scaled(-a.value, a.exponent))
        assert int(found.exponent) == ZERO_EXPONENT
        assert int(added(found, found).exponent) == ZERO_EXPONENT

    def test_terms_below_the_range_of_the_dtype_add_up(self, dtype):
        a = rescaled(np.array([0.5], dtype), -(10**5))
        found = added(a, a)
        assert (float(found.value[0]), int(found.exponent)) == (0.5, -(10**5) + 1)
