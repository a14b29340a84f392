"""Derivatives of a recurrence along given directions: by forward mode, by differences; float64."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray

from gradlab.gradcheck.directions import Directions
from gradlab.gradcheck.methods import Case, Recurrence, Vector, jit, point

STEPS = tuple(1e-1 / 4**k for k in range(8))
"""Of the difference quotients: from far above the rounding error to far below any curvature."""
LEVELS = 3
"""Powers of h that an extrapolation removes."""
LARGEST = 2**21
"""Numbers of all directions that are tried at a time, to bound the memory; at most 64 directions."""


def forward(run: Recurrence, longest: int) -> Callable[[Case, int, Directions], Vector]:
    """Derivatives along the directions by the chain rule from the first step on; one program."""

    @jit
    def program(case: Case, rows: Any, length: Any) -> Any:
        vector, unravel = ravel_pytree(point(case, longest))
        value: Callable[[Any], Any] = lambda v: run.walk(case, unravel(v), length)
        return jax.vmap(lambda row: jax.jvp(value, (vector,), (row,))[1])(rows)

    return lambda case, T, along: _each(lambda rows: program(case, rows, T), along, T)


BEST = 4
"""Extrapolations that must agree: their spread belongs to the error."""


class Quotients(NamedTuple):
    """Difference quotients, extrapolated, and what their error may be."""

    value: Vector
    error: Vector
    """By how much the best extrapolations differ, and what rounding does; infinite at a kink."""
    kink: NDArray[np.bool]
    """The slopes on both sides differ: there is no derivative."""


def differences(run: Recurrence, longest: int) -> Callable[[Case, int, Directions, float], Quotients]:
    """Derivatives along the directions by central differences, extrapolated to a step of zero; one program.

    D_0(h) = (L(p + h) - L(p - h)) / 2h,      D_k(h) = D_{k-1}(h) + (D_{k-1}(h) - D_{k-1}(4h)) / (16^k - 1)

    The error of D_0 is a series in h^2, of which each level removes one power. Of all D_k(h) that one is
    taken whose error is least: larger steps meet the curvature (or a kink), smaller ones the rounding,
    `noise` of L. The error of one is its distance from the two that it was made of, and noise over h; that
    of the result is the largest of the best few, and how far these are apart.

    Reference: Ridders 1982, Accurate computation of F'(x) and F'(x) F''(x).
    """
    widths = np.array(STEPS)
    count = widths.size

    @jit
    def program(case: Case, rows: Any, length: Any) -> Any:
        vector, unravel = ravel_pytree(point(case, longest))
        value: Callable[[Any], Any] = lambda v: run.walk(case, unravel(v), length)
        aside = jnp.asarray(np.concatenate([widths, -widths, [0.0]]))
        return jax.vmap(lambda row: jax.vmap(lambda h: value(vector + h * row))(aside))(rows)

    def found(case: Case, T: int, along: Directions, noise: float) -> Quotients:
        values = _each(lambda rows: program(case, rows, T), along, T)
        above, below, middle = values[:, :count], values[:, count:-1], values[:, -1:]
        with np.errstate(invalid="ignore", over="ignore"):
            best, error = _extrapolated((above - below) / (2 * widths), noise / widths)
            kink = _kinked(np.abs(above + below - 2 * middle) / (2 * widths), noise / widths)
        return Quotients(best, np.where(kink, np.inf, error), kink)

    return found


def _extrapolated(quotients: Vector, noise: Vector) -> tuple[Vector, Vector]:
    """By row, the extrapolation of least error, and an error: one alone may look good by chance."""
    tables, errors = [], []
    last = quotients
    for level in range(1, LEVELS + 1):
        better = last[:, 1:] + np.diff(last) / (16**level - 1)
        gap = np.maximum(np.abs(better - last[:, 1:]), np.abs(better - last[:, :-1]))
        tables.append(better)
        errors.append(gap + 2 * noise[level:])
        last = better
    table, error = np.concatenate(tables, axis=1), np.concatenate(errors, axis=1)
    error = np.where(np.isfinite(error), error, np.inf)
    order = error.argsort(axis=1)[:, :BEST]
    values, errors_of = (np.take_along_axis(of, order, axis=1) for of in (table, error))
    spread = np.nan_to_num(values.max(axis=1) - values.min(axis=1), nan=np.inf)
    return values[:, 0], errors_of.max(axis=1) + spread


def _kinked(bend: Vector, noise: Vector) -> NDArray[np.bool]:
    """Whether the slopes on both sides keep their distance as h falls: of a smooth L it falls with h."""
    found: NDArray[np.bool] = (bend[:, -1] > bend[:, -4] / 8) & (bend[:, -1] > 1e-6 + 8 * noise[-1])
    return found


def _each(program: Callable[[Any], Any], directions: Directions, T: int) -> Vector:
    """`program` of all directions that reach no further than T, a few at a time; 0 of the others."""
    rows = max(1, min(64, LARGEST // max(directions.size, 1)))
    wanted = directions.until(T)
    parts = [
        np.asarray(program(directions.matrix(wanted[at : at + rows], rows)))[: len(wanted) - at]
        for at in range(0, len(wanted), rows)
    ]
    found = np.zeros((len(directions), *parts[0].shape[1:]))
    found[wanted] = np.concatenate(parts)
    return found
