"""The gradient of a recurrence, in every way there is to compute it; float64."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.recurrence.backward import backpropagate
from gradlab.types import Objective, ProbeContext, Scaled

Numbers = dict[str, Any]
Vector = NDArray[np.float64]

SEEDS = (1, 2)
"""Of the rounding errors that are put on a case."""

jit: Callable[..., Any] = functools.partial(
    jax.jit,
    compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True},
)
"""Each program runs a few times on a small network: its compilation is what takes the time."""


class Case(NamedTuple):
    """A network, its initial state and its inputs."""

    params: Numbers
    state: Numbers
    xs: Numbers


class Point(NamedTuple):
    """Where a gradient is taken."""

    params: Numbers
    nudges: Numbers
    """Added to state_t, t = 0..T: the gradient of L with respect to them is dL/dstate_t."""
    inputs: Numbers
    """Added to the input of step t, t = 1..T."""


class Recurrence(NamedTuple):
    """L = sum_{t=1..T} term(state_t),   state_t = step(params, state_{t-1}, x_t + input_t) + nudge_t."""

    step: Callable[[Numbers, Numbers, Numbers], Numbers]
    term: Callable[[Numbers], Any]

    def scan(self, case: Case, point: Point, length: Any, steps: int) -> Any:
        """L by one scan over so many steps; those beyond `length` change nothing."""

        def one(carry: tuple[Numbers, Any], item: Any) -> tuple[tuple[Numbers, Any], None]:
            (before, total), (t, nudge, x, more) = carry, item
            after = _moved(self.step(point.params, before, _moved(x, more)), nudge)
            after = jax.tree.map(lambda new, old: jnp.where(t < length, new, old), after, before)
            return (after, total + jnp.where(t < length, self.term(after), 0.0)), None

        xs, more = _at(case.xs, slice(steps)), _at(point.inputs, slice(steps))
        items = (jnp.arange(steps), _at(point.nudges, slice(1, steps + 1)), xs, more)
        start = (_moved(case.state, _at(point.nudges, 0)), jnp.zeros(()))
        return jax.lax.scan(one, start, items)[0][1]

    def walk(self, case: Case, point: Point, length: Any) -> Any:
        """L by a loop whose length may be traced; it has no reverse mode."""

        def one(i: Any, carry: tuple[Numbers, Any]) -> tuple[Numbers, Any]:
            x = _moved(_at(case.xs, i), _at(point.inputs, i))
            after = _moved(self.step(point.params, carry[0], x), _at(point.nudges, i + 1))
            return after, carry[1] + self.term(after)

        start = (_moved(case.state, _at(point.nudges, 0)), jnp.zeros(()))
        return jax.lax.fori_loop(0, length, one, start)[1]


def point(case: Case, longest: int) -> Point:
    """Where nothing is nudged."""
    nudges = jax.tree.map(lambda leaf: jnp.zeros((longest + 1, *leaf.shape)), case.state)
    inputs = jax.tree.map(lambda leaf: jnp.zeros((longest, *leaf.shape[1:])), case.xs)
    return Point(case.params, nudges, inputs)


class Reverse(NamedTuple):
    """L and its gradient by the chain rule from the last step back, and what rounding does to both."""

    value: float
    gradient: Vector
    shaken_value: float
    """How far L moves when every number of the case is rounded once more."""
    shaken: Vector
    """How far each entry of the gradient does."""


def reverse(run: Recurrence, longest: int, unit: float) -> Callable[[Case, int], Reverse]:
    """Reverse mode by case and length: one program, a scan over the longest sequence, masked beyond T.

    `unit` is the relative rounding error of the precision that the step computes in.
    """

    @jit
    def program(case: Case, T: Any) -> tuple[Any, Point]:
        return jax.value_and_grad(lambda at: run.scan(case, at, T, longest))(point(case, longest))

    def found(case: Case, T: int) -> Reverse:
        value, gradient = program(case, T)
        own, at = flat(gradient), float(value)
        shaken_value, shaken = 0.0, np.zeros_like(own)
        for seed in SEEDS:
            moved, turned = program(_rounded(case, unit, seed), T)
            with np.errstate(invalid="ignore"):
                shaken_value = max(shaken_value, abs(float(moved) - at))
                shaken = np.fmax(shaken, np.nan_to_num(np.abs(flat(turned) - own), nan=np.inf))
        # Where the gradient itself is not finite, rounding is no excuse.
        return Reverse(at, own, shaken_value, np.where(np.isfinite(own), shaken, 0.0))

    return found


def _rounded(case: Case, unit: float, seed: int) -> Case:
    """The case with one more rounding error on each number."""
    rng = np.random.default_rng(seed)
    signs: Callable[[Any], Any] = lambda leaf: 1 + unit * rng.choice([-1.0, 1.0], leaf.shape)
    return Case(*jax.tree.map(lambda leaf: leaf * signs(leaf), tuple(case)))


def looped(run: Recurrence, longest: int) -> Callable[[Case, int], Vector]:
    """The gradients of a Python loop: T times one step forward, then T times the pullback of one step."""
    ahead = jit(run.step)

    @jit
    def back(params: Numbers, before: Numbers, x: Numbers, after: Numbers, later: Numbers) -> Any:
        adjoint = _moved(jax.grad(run.term)(after), later)
        return adjoint, jax.vjp(run.step, params, before, x)[1](adjoint)

    def found(case: Case, T: int) -> Vector:
        inputs, states = [_at(case.xs, t) for t in range(T)], [case.state]
        for x in inputs:
            states.append(ahead(case.params, states[-1], x))
        total = jax.tree.map(np.array, point(case, longest))
        total = total._replace(params=jax.tree.map(np.zeros_like, total.params))
        later = jax.tree.map(np.zeros_like, case.state)
        for t in range(T, 0, -1):
            adjoint, pulled = back(case.params, states[t - 1], inputs[t - 1], states[t], later)
            of_params, later, of_x = pulled
            for path, part in of_params.items():
                total.params[path] += part
            for whole, parts, at in ((total.nudges, adjoint, t), (total.inputs, of_x, t - 1)):
                for path, part in parts.items():
                    whole[path][at] = part
        for path, part in later.items():
            total.nudges[path][0] = part
        return flat(total)

    return found


def padded(
    run: Recurrence, longest: int, lengths: Sequence[int]
) -> Callable[[Sequence[Case]], list[dict[int, Vector]]]:
    """The gradients of a batch of sequences of different lengths, padded to the longest and masked.

    The sequences are the first T inputs of each case, for each T; what follows is the padding. The cases
    share their parameters.
    """

    @jit
    def program(params: Numbers, states: Numbers, xs: Numbers, of: Any, ends: Any) -> Any:
        def one(params: Numbers, b: Any, length: Any) -> Any:
            case = Case(params, _at(states, b), _at(xs, b))
            return jax.grad(lambda at: run.scan(case, at, length, longest))(point(case, longest))

        return jax.vmap(one, (None, 0, 0))(params, of, ends)

    def found(cases: Sequence[Case]) -> list[dict[int, Vector]]:
        stacked: Callable[[Any], Any] = lambda trees: jax.tree.map(lambda *parts: jnp.stack(parts), *trees)
        pairs = [(b, T) for b in range(len(cases)) for T in lengths]
        states, xs = stacked([case.state for case in cases]), stacked([case.xs for case in cases])
        of, ends = (jnp.asarray(part) for part in zip(*pairs, strict=True))
        batch = jax.tree.map(np.asarray, program(cases[0].params, states, xs, of, ends))
        rows = [flat(_at(batch, row)) for row in range(len(pairs))]
        return [dict(zip(lengths, rows[b * len(lengths) :], strict=False)) for b in range(len(cases))]

    return found


def sent_back(run: Recurrence, longest: int) -> Callable[[Case, int], Vector]:
    """The gradients by gradlab's own backward pass, of params and states: one program for every length."""

    @jit
    def program(case: Case, length: Any) -> tuple[Scaled, Scaled]:
        setup = ProbeContext(Objective(jax.grad(run.term), every=True), None, length)
        xs = _at(case.xs, slice(longest))
        observe: Callable[[Scaled], Scaled] = lambda adjoint: adjoint
        whole = lambda of_params, exponent: Scaled(of_params(), exponent)
        return backpropagate(run.step, case.params, case.state, xs, setup, observe, whole)[:2]

    def found(case: Case, T: int) -> Vector:
        observed, passed = (_plain(jax.tree.map(np.asarray, scaled)) for scaled in program(case, T))
        # By lag, and so T, T-1, ..., 0; beyond are zeros.
        turned = jax.tree.map(lambda leaf: np.concatenate([leaf[T::-1], leaf[T + 1 :]]), observed)
        return flat((jax.tree.map(lambda leaf: leaf.sum(axis=0), passed), turned))

    return found


def _plain(scaled: Scaled) -> Any:
    """The numbers themselves of a stack of scaled ones."""
    exponents: Callable[[Any], Any] = lambda leaf: scaled.exponent.reshape(-1, *[1] * (leaf.ndim - 1))
    return jax.tree.map(lambda leaf: np.ldexp(leaf, exponents(leaf)), scaled.value)


def proportional(run: Recurrence, case: Case) -> bool:
    """Whether the pullback of the first step grows with what is sent into it, as a derivative does."""
    first = case.params, case.state, _at(case.xs, 0)
    after, pull = jax.vjp(run.step, *first)
    rng = np.random.default_rng(0)
    sent = jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape)), after)
    back: Callable[[float], Vector] = lambda by: flat(pull(jax.tree.map(lambda leaf: by * leaf, sent))) / by
    usual = back(1.0)
    return all(np.abs(back(by) - usual).max() <= 1e-9 * np.abs(usual).max() for by in (2.0**-30, 2.0**30))


def by_step(run: Recurrence, longest: int) -> Callable[[Case, int], Vector]:
    """What each step contributes to dL/dparams, (longest, entries): every step has a copy of the params."""
    apart = run._replace(step=lambda _, state, item: run.step(item["params"], state, item["x"]))

    @jit
    def program(case: Case, length: Any) -> Any:
        def total(copies: Numbers) -> Any:
            own = Case({}, case.state, {"params": copies, "x": _at(case.xs, slice(longest))})
            return apart.scan(own, point(own, longest), length, longest)

        copies = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (longest, *leaf.shape)), case.params)
        return jax.grad(total)(copies)

    def found(case: Case, T: int) -> Vector:
        parts = jax.tree.map(np.asarray, program(case, T))
        return np.stack([flat(_at(parts, t)) for t in range(longest)])

    return found


def flat(tree: Any) -> Vector:
    """All numbers of a tree, one after the other."""
    leaves = [np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(tree)]
    return np.concatenate([np.zeros(0), *leaves])


def _moved(state: Numbers, nudge: Numbers) -> Numbers:
    moved: Numbers = jax.tree.map(jnp.add, state, nudge)
    return moved


def _at(tree: Any, where: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[where], tree)
