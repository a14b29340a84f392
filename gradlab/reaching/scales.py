"""The gradient of the last output by every input, whatever its size: cotangents of several sizes.

In a format with normal numbers 2^-top to 2^top a cotangent of 1 shows gradients of these sizes alone. One of
2^k shows those of 2^(-top-k) to 2^(top-k), 2^k times too large, which is an exact factor.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.reaching.models import Model, quiet

SIZES = (1 / 3, 2 / 3, 15 / 16)
"""Exponents of the further cotangents, of the largest one of the format."""


class Profile(NamedTuple):
    """By step 1..T: log10 of norms, -inf for a zero at every scale, NaN for what is not finite at any."""

    sigma: NDArray[np.float64]
    frobenius: NDArray[np.float64]
    plain: NDArray[np.bool_]
    """Whether a cotangent of 1 shows the gradient: it neither underflows nor overflows."""


def profile(model: Model) -> Profile:
    """The norms of d output_T / d x_t of a model, at the sizes of cotangents that show them.

    Where a cotangent of 1 gives a normal number that is taken; else the smallest step away from 1 that gives
    one, and where none does the largest finite number.
    """
    safe = model.format.tiny / model.format.eps
    taken = _taken(model.pulled(0), 0)
    peak = taken.peak
    plain = ((peak == 0) | (peak >= model.format.tiny)) & np.isfinite(peak)
    signs = [+1] * bool((peak < safe).any()) + [-1] * bool((~np.isfinite(peak)).any())
    sizes = [sign * int(size * model.format.top) for size in SIZES for sign in signs]
    for k in sizes:
        if np.isfinite(taken.seen).all() and (taken.seen >= safe).all():
            break
        more = _taken(model.pulled(k), k)
        both = np.isfinite(more.peak), np.isfinite(taken.peak)
        better = both[0] & (~both[1] | ((taken.seen < safe) & (more.seen > taken.seen)))
        taken = _Taken(
            *(np.where(_like(better, new), new, old) for new, old in zip(more, taken, strict=True))
        )
        # What was zero with a cotangent of 1 and is not with a larger one was not shown by it.
        plain &= ~((peak == 0) & (more.peak > 0))
    return Profile(*_norms(taken), plain.all(axis=0))


class _Taken(NamedTuple):
    """By output and step: gradients as `value * 2**exponent`, and the largest entries as they were seen."""

    value: NDArray[np.float64]
    """(outputs, T, entries), the largest entry in [1/2, 1)."""
    exponent: NDArray[np.int64]
    peak: NDArray[np.float64]
    seen: NDArray[np.float64]


def _taken(found: NDArray[np.float64], k: int) -> _Taken:
    with quiet():
        flat = found.reshape(*found.shape[:2], -1)
        peak = np.max(np.abs(flat), axis=2)
        shift = np.where(np.isfinite(peak) & (peak > 0), np.frexp(peak)[1], 0).astype(np.int64)
        # In two halves: for the smallest numbers the whole power would overflow.
        value = np.ldexp(np.ldexp(flat, -(shift // 2)[:, :, None]), -(shift - shift // 2)[:, :, None])
    return _Taken(value, shift - k, peak, peak)


def _like(mask: NDArray[np.bool_], array: NDArray[Any]) -> NDArray[np.bool_]:
    return mask.reshape(mask.shape + (1,) * (array.ndim - mask.ndim))


def _norms(taken: _Taken) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    T = taken.peak.shape[1]
    sigma, frobenius = np.full(T, -math.inf), np.full(T, -math.inf)
    for t in range(T):
        value, exponent, peak = taken.value[:, t], taken.exponent[:, t], taken.peak[:, t]
        if not np.isfinite(peak).all():
            sigma[t] = frobenius[t] = math.nan
            continue
        alive = peak > 0
        if not alive.any():
            continue
        top = int(exponent[alive].max())
        matrix = np.ldexp(value[alive], np.maximum(exponent[alive] - top, -2000)[:, None])
        more = top * math.log10(2)
        sigma[t] = math.log10(float(np.linalg.norm(matrix, 2))) + more
        frobenius[t] = math.log10(float(np.linalg.norm(matrix))) + more
    return sigma, frobenius
