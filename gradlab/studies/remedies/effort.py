"""What an update of an arm costs: its multiply-adds, counted in the program before anything runs."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gradlab.studies.remedies import loop
from gradlab.studies.remedies.acting import Numbers
from gradlab.studies.remedies.networks import Network, Setting, initialised

CALLS = (
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "remat2",
    "checkpoint",
    "custom_jvp_call",
    "custom_vjp_call",
)
"""Primitives whose one jaxpr has the outputs of the equation."""


def of_arm(setting: Setting, closed_form: bool, numbers: Numbers = ()) -> dict[str, int]:
    """Numbers that are `trained` and `untrained`, and `multiply_adds` of an update, its whole batch included.

    Multiply-adds are those of products of matrices and vectors, forward and back; what is done number by
    number, decompositions and the draw of sequences are not among them. They are left out for an arm that
    makes no update, and where the program does not tell how often a loop runs.
    """
    network = _network(setting, numbers)
    sizes = {True: 0, False: 0}
    for path, leaf in jax.tree_util.tree_leaves_with_path(network.weights.cell):
        sizes[getattr(path[-1], "name", None) not in setting.cell.fixed] += leaf.size
    readout = network.weights.w_out.size + network.weights.b_out.size
    found = {"trained": sizes[True] + readout, "untrained": sizes[False]}
    products = None if closed_form else multiply_adds(setting, numbers)
    return found if products is None else found | {"multiply_adds": products}


@functools.cache
def multiply_adds(setting: Setting, numbers: Numbers = ()) -> int | None:
    """Of products of matrices and vectors in an update of one network; None where a loop has no known end."""
    made = jax.make_jaxpr(lambda network: loop.update(setting, network))(_network(setting, numbers)).jaxpr
    return _counted(made, [True] * len(made.outvars))


def _network(setting: Setting, numbers: Numbers) -> Network:
    zeros = lambda key, n: jnp.zeros((n, n), float)
    key = jax.random.key(0)
    begin = lambda: initialised(setting, zeros, 1.0, 0.1, key, jnp.float32, numbers)
    made: Network = jax.eval_shape(begin)
    return made


def _counted(program: Any, used: list[bool]) -> int | None:
    """Multiply-adds of a jaxpr; what none of the `used` outputs needs is not computed, and not counted."""
    needed = {id(var) for var, use in zip(program.outvars, used, strict=True) if use}
    total = 0
    for eqn in reversed(program.eqns):
        outputs = [id(var) in needed for var in eqn.outvars]
        if not any(outputs) and not eqn.effects:
            continue
        needed.update(id(var) for var in eqn.invars)
        one = _of(eqn, outputs)
        if one is None:
            return None
        total += one
    return total


def _of(eqn: Any, outputs: list[bool]) -> int | None:
    """Multiply-adds of one equation."""
    name, params = eqn.primitive.name, eqn.params
    if name == "dot_general":
        left: tuple[int, ...] = eqn.invars[0].aval.shape
        made: tuple[int, ...] = eqn.outvars[0].aval.shape
        contracted = params["dimension_numbers"][0][0]
        of_sum: int = math.prod(left[axis] for axis in contracted)
        return math.prod(made) * of_sum
    if name == "while":
        once, times = _all(params["body_jaxpr"].jaxpr), _trips(eqn)
        # A loop of unknown length matters only where it multiplies.
        return 0 if once == 0 else None if once is None or times is None else once * times
    insides = [
        getattr(part, "jaxpr", part)
        for value in params.values()
        for part in (value if isinstance(value, tuple | list) else [value])
        if hasattr(getattr(part, "jaxpr", part), "eqns")
    ]
    if name in CALLS and len(insides) == 1:
        return _counted(insides[0], outputs)
    each = [_all(inside) for inside in insides]
    known = [count for count in each if count is not None]
    if len(known) < len(each):
        return None
    if name == "cond":
        # Of several ways the dearest.
        return max(known)
    return sum(known) * (params["length"] if name == "scan" else 1)


def _all(program: Any) -> int | None:
    return _counted(program, [True] * len(program.outvars))


def _trips(eqn: Any) -> int | None:
    """How often a `fori_loop` runs whose ends are written in the program."""
    condition = eqn.params["cond_jaxpr"]
    if len(condition.jaxpr.eqns) != 1 or condition.jaxpr.eqns[0].primitive.name != "lt":
        return None
    consts, skipped = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    outer = [*eqn.invars[:consts], *eqn.invars[consts + skipped :]]
    known = dict(zip(map(id, condition.jaxpr.invars), outer, strict=True))
    ends = [_value(known.get(id(var), var)) for var in condition.jaxpr.eqns[0].invars]
    first, last = ends
    return None if first is None or last is None else max(last - first, 0)


def _value(var: Any) -> int | None:
    found: Array | int | None = getattr(var, "val", None)
    return None if found is None else int(found)
