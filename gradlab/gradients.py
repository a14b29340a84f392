"""The gradient of a recurrence, in every way there is to compute it; float64."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray

from gradlab.types import Objective, Scaled, Setup, Step
from gradlab.unroll import send_back

Tree = Any
Vector = NDArray[np.float64]
Indices = NDArray[np.int64]
Found = dict[int, Vector]
"""A gradient by T, its entries in the order of a `Point`; nudges beyond T have zeros."""

STEPS = tuple(1e-2 / 8**k for k in range(5))
"""Of the difference quotients: from far above the rounding error to far below any curvature."""
TOGETHER = 64
"""Entries that are tried at a time, to bound the memory."""

_jit: Callable[..., Any] = functools.partial(
    jax.jit,
    compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True},
)
"""Each program runs once or thrice on a small network: its compilation is what takes the time."""


class Point(NamedTuple):
    """Where a gradient is taken."""

    params: Tree
    nudges: Tree
    """Added to state_t, t = 0..T: the gradient of L with respect to them is dL/dstate_t."""


class Recurrence(NamedTuple):
    """L = sum_{t=1..T} term(state_t),   state_t = step(params, state_{t-1}, xs[t-1]) + nudge_t."""

    step: Step
    term: Callable[[Any], Any]
    state: Tree
    xs: Tree

    def point(self, params: Tree, longest: int) -> Point:
        """Where nothing is nudged."""
        return Point(params, jax.tree.map(lambda leaf: jnp.zeros((longest + 1, *leaf.shape)), self.state))

    def scan(self, point: Point, length: Any, steps: int) -> Any:
        """L by one scan over so many steps; those beyond `length` change nothing."""

        def one(carry: tuple[Tree, Any], item: tuple[Any, Tree, Tree]) -> tuple[tuple[Tree, Any], None]:
            (before, total), (t, nudge, x) = carry, item
            after = _moved(self.step(point.params, before, x), nudge)
            after = jax.tree.map(lambda new, old: jnp.where(t < length, new, old), after, before)
            return (after, total + jnp.where(t < length, self.term(after), 0.0)), None

        items = (jnp.arange(steps), _at(point.nudges, slice(1, steps + 1)), _at(self.xs, slice(steps)))
        start = (_moved(self.state, _at(point.nudges, 0)), jnp.zeros(()))
        return jax.lax.scan(one, start, items)[0][1]

    def loop(self, point: Point, steps: int) -> Any:
        """L by a Python loop, one step after the other."""
        step, total = jax.jit(self.step), jnp.zeros(())
        state = _moved(self.state, _at(point.nudges, 0))
        for t in range(steps):
            state = _moved(step(point.params, state, _at(self.xs, t)), _at(point.nudges, t + 1))
            total = total + self.term(state)
        return total


def reverse(run: Recurrence, point: Point, lengths: Sequence[int]) -> tuple[dict[int, float], Found]:
    """L by length, and its gradients by the chain rule from the last step back."""
    program = _jit(jax.value_and_grad(lambda point, steps: run.scan(point, steps, steps)), static_argnums=1)
    found = {T: program(point, T) for T in lengths}
    return {T: float(value) for T, (value, _) in found.items()}, {T: flat(g) for T, (_, g) in found.items()}


def looped(run: Recurrence, point: Point, lengths: Sequence[int]) -> Found:
    """The gradients of a Python loop over the steps."""
    return {T: flat(jax.grad(run.loop)(point, T)) for T in lengths}


def forward(run: Recurrence, point: Point, lengths: Sequence[int], tried: Indices) -> Found:
    """The tried entries of the gradients by the chain rule from the first step on."""
    vector, unravel = ravel_pytree(point)

    def entry(i: Any, length: Any) -> Any:
        function = lambda v: run.scan(unravel(v), length, max(lengths))
        return jax.jvp(function, (vector,), (_one_hot(vector, i),))[1]

    return _each(entry, lengths, tried)


def differences(run: Recurrence, point: Point, lengths: Sequence[int], tried: Indices) -> Found:
    """The tried entries of the gradients by central differences, extrapolated to a step of zero.

    D(h) = (L(p + h) - L(p - h)) / 2h,      R(h) = D(h/8) + (D(h/8) - D(h)) / 63

    The error of D is a h^2, which R cancels. Of the R for falling h, that one is taken which differs least
    from the one before: larger steps meet the curvature (or a kink), smaller ones the rounding.

    Reference: Ridders 1982, Accurate computation of F'(x) and F'(x) F''(x).
    """
    vector, unravel = ravel_pytree(point)
    widths = jnp.asarray(STEPS)

    def entry(i: Any, length: Any) -> Any:
        aside = jnp.concatenate([widths, -widths])[:, None] * _one_hot(vector, i)[None]
        value: Callable[[Any], Any] = lambda d: run.scan(unravel(vector + d), length, max(lengths))
        values = jax.vmap(value)(aside).reshape(2, -1)
        return (values[0] - values[1]) / (2 * widths)

    def extrapolated(quotients: Vector) -> Vector:
        better = quotients[:, 1:] + np.diff(quotients) / 63
        settled = np.nan_to_num(np.abs(np.diff(better)), nan=np.inf).argmin(axis=1) + 1
        found: Vector = np.take_along_axis(better, settled[:, None], axis=1)[:, 0]
        return found

    return {T: extrapolated(quotients) for T, quotients in _each(entry, lengths, tried).items()}


def padded(run: Recurrence, point: Point, lengths: Sequence[int]) -> Found:
    """The gradients of a batch of sequences of different lengths, padded to the longest and masked.

    Sequence b is the first `lengths[b]` inputs; what follows them is the padding.
    """
    one = jax.grad(lambda point, length: run.scan(point, length, max(lengths)))
    batch = _jit(jax.vmap(one, (None, 0)))(point, jnp.asarray(lengths))
    return {T: flat(_at(batch, b)) for b, T in enumerate(lengths)}


def sent_back(run: Recurrence, point: Point, lengths: Sequence[int]) -> Found:
    """The gradients by gradlab's own backward pass: one program, whose length is an argument."""

    @_jit
    def program(length: Any) -> tuple[Scaled, Scaled]:
        setup = Setup(Objective(jax.grad(run.term), every=True), None, length)
        xs = _at(run.xs, slice(max(lengths)))
        observe: Callable[[Scaled], Scaled] = lambda adjoint: adjoint
        return send_back(run.step, point.params, run.state, xs, setup, observe, Scaled)[:2]

    def one(T: int) -> Vector:
        observed, passed = (_plain(jax.tree.map(np.asarray, scaled)) for scaled in program(T))
        # By lag, and so T, T-1, ..., 0; beyond are zeros.
        turned = jax.tree.map(lambda leaf: np.concatenate([leaf[T::-1], leaf[T + 1 :]]), observed)
        return flat(Point(jax.tree.map(lambda leaf: leaf.sum(axis=0), passed), turned))

    return {T: one(T) for T in lengths}


def _plain(scaled: Scaled) -> Tree:
    """The numbers themselves of a stack of scaled ones."""
    exponents: Callable[[Any], Any] = lambda leaf: scaled.exponent.reshape(-1, *[1] * (leaf.ndim - 1))
    return jax.tree.map(lambda leaf: np.ldexp(leaf, exponents(leaf)), scaled.value)


def by_step(run: Recurrence, params: Tree, T: int) -> Vector:
    """What each step contributes to dL/dparams, (T, entries): every step has a copy of the params."""

    def total(copies: Tree) -> Any:
        apart = run._replace(step=lambda _, s, item: run.step(item[0], s, item[1]))
        apart = apart._replace(xs=(copies, _at(run.xs, slice(T))))
        return apart.scan(run.point(params, T), T, T)

    copies = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (T, *leaf.shape)), params)
    parts = _jit(jax.grad(total))(copies)
    return np.stack([flat(_at(parts, t)) for t in range(T)])


def flat(tree: Tree) -> Vector:
    """All numbers of a tree, one after the other."""
    return np.asarray(ravel_pytree(tree)[0], np.float64)


def _each(entry: Callable[[Any, Any], Any], lengths: Sequence[int], tried: Indices) -> Found:
    """`entry(i, length)` of every tried i by length; one program for all."""
    program = _jit(lambda tried, length: jax.lax.map(lambda i: entry(i, length), tried, batch_size=TOGETHER))
    return {T: np.asarray(program(jnp.asarray(tried), T)) for T in lengths}


def _one_hot(vector: Any, i: Any) -> Any:
    return jnp.zeros_like(vector).at[i].set(1)


def _moved(state: Tree, nudge: Tree) -> Tree:
    return jax.tree.map(jnp.add, state, nudge)


def _at(tree: Tree, where: Any) -> Tree:
    return jax.tree.map(lambda leaf: leaf[where], tree)
