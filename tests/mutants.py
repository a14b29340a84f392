"""Faults that are put into the step of any cell, one operation at a time: what a gate must see."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core


class Mutant(NamedTuple):
    """One change of one operation of a step."""

    kind: str
    """`dropped`, `doubled`, `scaled`, `detached`, or `transposed`."""
    at: int
    """The number of the operation in the step's program."""


@dataclasses.dataclass(frozen=True)
class Mutated:
    """A cell with a fault in its step."""

    cell: Any
    mutant: Mutant

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cell, name)

    def step(self, params: Any, state: Any, x: Any) -> Any:
        closed, shape = jax.make_jaxpr(self.cell.step, return_shape=True)(params, state, x)
        return jax.tree.unflatten(
            jax.tree.structure(shape), _run(_flat(closed), self.mutant, jax.tree.leaves((params, state, x)))
        )


def mutants(cell, params, state, x):
    """All of a cell whose step is as it is with these arguments."""
    closed = _flat(jax.make_jaxpr(cell.step)(params, state, x))
    found = []
    for at, eqn in enumerate(closed.jaxpr.eqns):
        out = eqn.outvars[0].aval
        if not jnp.issubdtype(out.dtype, jnp.floating) or not out.shape:
            continue
        found += [Mutant(kind, at) for kind in ("doubled", "scaled", "detached")]
        if eqn.primitive.name == "add":
            found.append(Mutant("dropped", at))
        if eqn.primitive.name == "dot_general" and _square(eqn):
            found.append(Mutant("transposed", at))
    return found


def _flat(closed: Any) -> Any:
    """The program with the operations of inner functions among its own."""
    return jax.make_jaxpr(lambda *args: _run(closed, None, args))(*closed.in_avals)


def _square(eqn: Any) -> bool:
    shape = eqn.invars[0].aval.shape
    return len(shape) == 2 and shape[0] == shape[1] and shape[0] > 1


def _run(closed: Any, mutant: Any, given: Any) -> Any:
    """Evaluate a program, one operation of it changed."""
    jaxpr, known = closed.jaxpr, {}
    known.update(zip(jaxpr.constvars, closed.consts, strict=True))
    known.update(zip(jaxpr.invars, given, strict=True))
    value = lambda var: var.val if isinstance(var, core.Literal) else known[var]
    for at, eqn in enumerate(jaxpr.eqns):
        kind = mutant.kind if mutant is not None and mutant.at == at else None
        args = [value(var) for var in eqn.invars]
        if kind == "transposed":
            args[0] = args[0].T
        if mutant is None and eqn.primitive.name == "jit":
            outs = _run(eqn.params["jaxpr"], None, args)
        else:
            found = eqn.primitive.get_bind_params(eqn.params)
            # Earlier versions of JAX hand inner functions apart.
            functions, settings = found if isinstance(found, tuple) else ((), found)
            outs = eqn.primitive.bind(*functions, *args, **settings)
            outs = outs if eqn.primitive.multiple_results else [outs]
        first, *others = outs
        if kind == "dropped":
            first = jnp.broadcast_to(args[0], first.shape)
        factor = {"doubled": 2.0, "scaled": 1.01}.get(kind)
        if factor is not None:
            first = first * jnp.asarray(factor, first.dtype)
        if kind == "detached":
            first = jax.lax.stop_gradient(first)
        outs = [first, *others]
        known.update(zip(eqn.outvars, outs, strict=True))
    return [value(var) for var in jaxpr.outvars]
