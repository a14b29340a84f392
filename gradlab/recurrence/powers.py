"""Powers of two made from bits: exact on every platform, whatever its exp2 and its division round to."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int


def exponent(value: Float[Array, "*axes"]) -> Int[Array, "*axes"]:
    """The integer k with 2^(k-1) <= |value| < 2^k, read from the bits; meaningless for 0, NaN and infinity.

    >>> [int(exponent(jnp.float32(x))) for x in (1.0, 0.75, -2.0)]
    [1, 0, 2]
    """
    integers, bits, bias = _layout(value.dtype)
    raw = jax.lax.bitcast_convert_type(value, integers)
    biased = (raw >> bits) & integers.type(2 * bias + 1)
    return jnp.asarray(biased.astype(jnp.int32) - (bias - 1))


def two_to(k: Int[Array, "*axes"], dtype: Any) -> Float[Array, "*axes"]:
    """2^k, exactly; 0 below the normal range of the dtype, its largest power of two above.

    >>> [float(two_to(jnp.int32(k), jnp.float32)) for k in (0, -3, -200)]
    [1.0, 0.125, 0.0]
    """
    integers, bits, bias = _layout(np.dtype(dtype))
    raw = (jnp.clip(k, -bias, bias) + bias).astype(integers) << bits
    return jnp.asarray(jax.lax.bitcast_convert_type(raw, dtype))


def scaled(value: Float[Array, "*axes"], exponent: Int[Array, "*other"]) -> Float[Array, "*axes"]:
    """`value * 2**exponent`, infinite where the format ends; the exponent itself may be beyond it.

    >>> [float(scaled(jnp.float32(x), jnp.int32(k))) for x, k in ((2.0**-100, 200), (0.5, 129), (0.0, 400))]
    [1.2676506002282294e+30, inf, 0.0]
    """
    half = exponent // 2
    return value * two_to(half, value.dtype) * two_to(exponent - half, value.dtype)


def _layout(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], Any, int]:
    """The integers of the same size, the bits of a mantissa, and the exponent's bias."""
    info = np.finfo(dtype)
    integers = np.dtype(f"int{info.bits}")
    return integers, integers.type(info.nmant), 2 ** (info.nexp - 1) - 1
