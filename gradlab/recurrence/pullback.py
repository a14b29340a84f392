"""The pullback of one step, split into what changes along the sequence and what does not."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core

from gradlab.recurrence import cutting
from gradlab.recurrence.cutting import AHEAD, ONCE, Function, variables
from gradlab.recurrence.trees import merged, split
from gradlab.types import Step

Tree = Any


class Pullback(NamedTuple):
    """A step ready for a backward pass that repeats none of its forward work."""

    forward: Callable[[Tree, Tree], tuple[Tree, list[Any]]]
    """`(state, x) -> (next state, kept)`; `kept` is all that `pull` needs of this step."""
    pull: Callable[[list[Any], Tree], tuple[Tree, Tree]]
    """`(kept, cotangent of the next state) -> (cotangent of params, cotangent of state)`."""
    linear: bool
    """The Jacobian with respect to the state is the same at every state and input."""
    apart: Callable[[], tuple[Callable[[Tree], list[Any]], Callable[..., tuple[Tree, list[Any]]]]]
    """`forward` in two: `x -> given`, what does not wait for the state, and the rest, of `(state, given)`."""


def pullback(step: Step, params: Tree, state: Tree, x: Tree, *, weights: bool = False) -> Pullback:
    """Trace `step` once and find which residuals of its reverse mode depend on the state or the input.

    Those that do not (the recurrent matrix, above all) are computed here, once; the others are kept
    step by step, so that the way back costs one product per step instead of two. With `weights` the
    pullback reaches the params too (those that have a gradient; the others' cotangent is None); without,
    their cotangent is None.
    """
    structure: list[Any] = []

    def residuals(params: Tree, state: Tree, x: Tree) -> tuple[Tree, list[Any]]:
        if weights:
            numbers, others = split(params)
            after, pull = jax.vjp(lambda p, s: step(merged(p, others), s, x), numbers, state)
        else:
            after, pull = jax.vjp(lambda s: step(params, s, x), state)
        leaves, treedef = jax.tree.flatten(pull)
        # A step under `jax.checkpoint` keeps its random keys; a buffer over steps holds only their numbers.
        kinds = [jax.random.key_impl(leaf) if _is_key(leaf) else None for leaf in leaves]
        structure[:] = [treedef, kinds]
        return after, [
            leaf if kind is None else jax.random.key_data(leaf)
            for leaf, kind in zip(leaves, kinds, strict=True)
        ]

    closed, shape = jax.make_jaxpr(residuals, return_shape=True)(params, state, x)
    known = jax.tree.leaves(params)
    n_after, after_tree = len(jax.tree.leaves(shape[0])), jax.tree.structure(shape[0])
    changes = depends(closed.jaxpr, [i >= len(known) for i in range(len(closed.jaxpr.invars))])[n_after:]

    rest = applied(closed, known)

    def evaluate(state: Tree, x: Tree, wanted: bool) -> tuple[Tree, list[Any]]:
        return parted(rest(*jax.tree.leaves((state, x))), wanted)

    def parted(outs: list[Any], wanted: bool) -> tuple[Tree, list[Any]]:
        leaves = zip(outs[n_after:], changes, strict=True)
        return jax.tree.unflatten(after_tree, outs[:n_after]), [leaf for leaf, c in leaves if c == wanted]

    _, still = evaluate(state, x, wanted=False)

    def forward(state: Tree, x: Tree) -> tuple[Tree, list[Any]]:
        return evaluate(state, x, wanted=True)

    def pull(kept: list[Any], cotangent: Tree) -> tuple[Tree, Tree]:
        of_step, of_all = iter(kept), iter(still)
        leaves = [next(of_step if c else of_all) for c in changes]
        leaves = [
            leaf if kind is None else jax.random.wrap_key_data(leaf, impl=kind)
            for leaf, kind in zip(leaves, structure[1], strict=True)
        ]
        result = jax.tree.unflatten(structure[0], leaves)(cotangent)
        return (None, result[0]) if len(result) == 1 else result

    def apart() -> tuple[Callable[[Tree], list[Any]], Callable[..., tuple[Tree, list[Any]]]]:
        given, last = ahead(closed, known, len(jax.tree.leaves(state)))
        onward = lambda state, given: parted(last(*jax.tree.leaves(state), *given), True)
        return lambda x: given(*jax.tree.leaves(x)), onward

    return Pullback(forward, pull, not any(changes), apart)


def prepared(step: Step, params: Tree, state: Tree, x: Tree) -> Callable[[Tree, Tree], Tree]:
    """`(state, x) -> next state`, with what depends on the params alone worked out once, not in a loop.

    XLA leaves what is cheap inside: an LSTM's weights, cut into gates, would be copied at every step.
    """
    closed, shape = jax.make_jaxpr(step, return_shape=True)(params, state, x)
    rest, after = applied(closed, jax.tree.leaves(params)), jax.tree.structure(shape)
    return lambda state, x: jax.tree.unflatten(after, rest(*jax.tree.leaves((state, x))))


def applied(closed: Any, known: list[Any]) -> Callable[..., list[Any]]:
    """The function of a jaxpr's other arguments, once the first ones are known and used as far as they go."""
    jaxpr = closed.jaxpr
    first, others = jaxpr.invars[: len(known)], jaxpr.invars[len(known) :]
    varying, early, late = set(others), [], []
    for eqn in jaxpr.eqns:
        if eqn.effects or any(var in varying for var in variables(eqn.invars)):
            late.append(cutting.varying_first(eqn, varying.__contains__))
            varying.update(eqn.outvars)
        else:
            early.append(eqn)
    needed = [var for eqn in late for var in eqn.invars] + jaxpr.outvars
    used = dict.fromkeys(variables(needed))
    passed = [var for var in used if var not in varying]
    before = core.ClosedJaxpr(jaxpr.replace(invars=first, outvars=passed, eqns=early), closed.consts)
    after = core.ClosedJaxpr(jaxpr.replace(constvars=[], invars=[*passed, *others], eqns=late), [])
    values = core.jaxpr_as_fun(before)(*known)
    return lambda *arguments: core.jaxpr_as_fun(after)(*values, *arguments)


def ahead(closed: Any, known: list[Any], states: int) -> tuple[Function, Function]:
    """`applied` in two: `(*x) -> given`, what does not wait for the state, and `(*state, *given) -> outs`."""
    jaxpr = closed.jaxpr
    others = jaxpr.invars[len(known) :]
    of_state, of_x = others[:states], others[states:]
    when, (once, early, late) = cutting.cut(jaxpr, of_x, of_state)
    last = variables([var for eqn in late for var in eqn.invars] + jaxpr.outvars)
    first = variables([var for eqn in early for var in eqn.invars])
    fixed = cutting.at(when, [*first, *last], ONCE)
    given = cutting.at(when, last, AHEAD)
    params = [*jaxpr.constvars, *jaxpr.invars[: len(known)]]
    values = cutting.function(jaxpr, once, params, fixed)(*closed.consts, *known)
    before = cutting.function(jaxpr, early, [*fixed, *of_x], given)
    after = cutting.function(jaxpr, late, [*fixed, *of_state, *given], jaxpr.outvars)
    return lambda *x: before(*values, *x), lambda *rest: after(*values, *rest)


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key))


def depends(jaxpr: Any, marks: list[bool]) -> list[bool]:
    """Which outputs of a jaxpr depend on its marked inputs."""
    marked = {var for var, mark in zip(jaxpr.invars, marks, strict=True) if mark}

    def is_marked(var: Any) -> bool:
        return not isinstance(var, core.Literal) and var in marked

    for eqn in jaxpr.eqns:
        ins = [is_marked(var) for var in eqn.invars]
        if eqn.primitive.name == "jit":
            outs = depends(eqn.params["jaxpr"].jaxpr, ins)
        else:
            outs = [any(ins)] * len(eqn.outvars)
        marked.update(var for var, out in zip(eqn.outvars, outs, strict=True) if out)
    return [is_marked(var) for var in jaxpr.outvars]
