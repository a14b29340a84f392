"""Vectors of a torch state's form as values near 1 and exponents: rescaling, sums and norms of them."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.foreign.pytorch.cells import Tensors

Array = NDArray[Any]


class Rows(NamedTuple):
    """Vectors of the state's form, `value * 2**exponent`, each with an exponent of its own."""

    values: Tensors
    """By leaf, (rows, ...)."""
    exponents: NDArray[np.int64]


def rescaled(rows: Rows) -> Rows:
    """Each row brought to [1/2, 1) by an exact power of two; one that is zero or not finite stays."""
    import torch

    flat = _flat(rows.values)
    peak = np.max(np.abs(flat), axis=1)
    alive = np.isfinite(peak) & (peak > 0)
    shift = np.where(alive, np.frexp(np.where(alive, peak, 1))[1], 0).astype(np.int64)
    moved = []
    for leaf in rows.values:
        form = (-1,) + (1,) * (leaf.ndim - 1)
        # In two halves: for the smallest numbers the whole power would overflow.
        halves = (-(shift // 2), -(shift - shift // 2))
        for half in halves:
            leaf = torch.ldexp(leaf, torch.as_tensor(half).reshape(form)).to(leaf.dtype)
        moved.append(leaf)
    return Rows(moved, np.where(peak == 0, 0, rows.exponents + shift))


def with_term(adjoint: Rows, term: Tensors) -> Rows:
    """The adjoint plus what the loss sends into the same state, aligned at the larger exponent."""
    import torch

    more = rescaled(Rows([leaf[None] for leaf in term], np.zeros(1, np.int64)))
    parts = [one for one in (adjoint, more) if any(bool((leaf != 0).any()) for leaf in one.values)]
    if len(parts) < 2:
        return parts[0] if parts else adjoint
    top = int(max(one.exponents[0] for one in parts))
    shifted = [
        [torch.ldexp(leaf, torch.tensor(max(int(one.exponents[0]) - top, -2000))) for leaf in one.values]
        for one in parts
    ]
    return rescaled(Rows([a + b for a, b in zip(*shifted, strict=True)], np.array([top])))


def unit_rows(leaves: Tensors, size: int) -> Tensors:
    """The identity, row by row in the form of the leaves."""
    import torch

    eye = torch.eye(size, dtype=leaves[0].dtype)
    found, at = [], 0
    for leaf in leaves:
        found.append(eye[:, at : at + leaf.numel()].reshape(size, *leaf.shape).clone())
        at += leaf.numel()
    return found


def _flat(values: Tensors) -> Array:
    return np.concatenate([leaf.detach().numpy().reshape(len(leaf), -1) for leaf in values], axis=1).astype(
        np.float64
    )


def norms(rows: Rows) -> list[float]:
    """log10 of the Frobenius norm of the whole, then of each leaf if there are several."""
    parts = [_aligned(_flat([leaf]), rows.exponents) for leaf in rows.values]
    alone = [log10(norm([value]), top) for value, top in parts]
    if len(alone) == 1:
        return alone
    value, top = _aligned(_flat(rows.values), rows.exponents)
    return [log10(norm([value]), top), *alone]


def sigma(rows: Rows) -> float:
    """Log10 of the largest singular value of the rows as a matrix."""
    value, top = _aligned(_flat(rows.values), rows.exponents)
    return log10(float(np.linalg.norm(value, 2)) if np.isfinite(value).all() else math.nan, top)


def _aligned(flat: Array, exponents: NDArray[np.int64]) -> tuple[Array, int]:
    """Rows at one exponent: that of the largest row which is not zero."""
    alive = (flat != 0).any(axis=1)
    if not alive.any():
        return flat, 0
    # A part that is small beside its whole is brought near 1: its square would underflow.
    own = np.frexp(np.max(np.abs(np.where(np.isfinite(flat), flat, 1)), axis=1))[1]
    top = int((exponents + own)[alive].max())
    drop = np.maximum(exponents - top, -4000)[:, None]
    return np.ldexp(np.ldexp(flat, drop // 2), drop - drop // 2), top


def norm(arrays: Sequence[Array]) -> float:
    """The Euclidean norm of all entries; NaN if one is not finite."""
    flat = np.concatenate([a.ravel() for a in arrays]) if arrays else np.zeros(0)
    peak = float(np.max(np.abs(flat), initial=0.0))
    if not math.isfinite(peak) or peak == 0:
        return peak if peak == 0 else math.nan
    # By its largest entry, exactly: the squares of small numbers would underflow.
    e = math.frexp(peak)[1]
    return math.ldexp(float(np.linalg.norm(np.ldexp(flat, -e))), e)


def log10(norm: float, exponent: int) -> float:
    """Log10 of `norm * 2**exponent`: -inf of zero, NaN of what is not finite."""
    if norm == 0:
        return -math.inf
    return math.log10(norm) + exponent * math.log10(2) if math.isfinite(norm) else math.nan


def added(known: tuple[Array, int] | None, more: tuple[Array, int]) -> tuple[Array, int]:
    """The sum of two arrays with exponents, its largest entry near 1."""
    terms = [one for one in (known, more) if one is not None and one[0].any()]
    if not terms:
        return more[0], 0
    top = max(e for _, e in terms)
    # Infinite terms may make a sum that is no number, which its norm then says.
    with np.errstate(over="ignore", invalid="ignore"):
        value = np.sum([np.ldexp(v, max(e - top, -4000)) for v, e in terms], axis=0)
    peak = float(np.max(np.abs(value)))
    e = math.frexp(peak)[1] if math.isfinite(peak) and peak > 0 else 0
    # A sum of single numbers is no array to numpy.
    return np.asarray(np.ldexp(value, -e)), top + e
