"""Powers of two: every one of a dtype, against numpy's bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.recurrence import powers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_power_of_two_is_exact_there_and_back(dtype):
    info = np.finfo(dtype)
    k = np.arange(info.minexp, info.maxexp, dtype=np.int32)
    made = np.asarray(jax.jit(lambda k: powers.two_to(k, dtype))(k))
    np.testing.assert_array_equal(made, np.ldexp(np.ones((), dtype), k))
    # 2^k lies in [2^k, 2^(k+1)): its exponent counts from [1/2, 1).
    np.testing.assert_array_equal(np.asarray(jax.jit(powers.exponent)(made)), k + 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_exponent_is_frexps(dtype):
    rng = np.random.default_rng(0)
    value = (rng.choice([-1, 1], 2000) * 10.0 ** rng.uniform(-37, 37, 2000)).astype(dtype)
    np.testing.assert_array_equal(np.asarray(powers.exponent(jnp.asarray(value))), np.frexp(value)[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_beyond_the_range_it_is_zero_or_the_largest(dtype):
    info = np.finfo(dtype)
    found = np.asarray(powers.two_to(jnp.asarray([-(2**30), info.minexp - 1, info.maxexp, 2**30]), dtype))
    np.testing.assert_array_equal(found, [0, 0, *[2.0 ** (info.maxexp - 1)] * 2])


@pytest.mark.parametrize("exponent", [-200, -140, -1, 0, 100, 127, 128, 300])
def test_plain_numbers_end_where_their_format_does(exponent):
    with np.errstate(over="ignore", under="ignore"):
        wanted = np.float32(np.ldexp(np.float64(0.5), exponent))
    found = float(powers.scaled(jnp.float32(0.5), jnp.int32(exponent)))
    # Subnormal numbers may be flushed to 0.
    assert found == wanted or (found == 0 and wanted < np.finfo(np.float32).tiny)
