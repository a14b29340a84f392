"""Networks of the lesson: those that `gradlab sweep` draws for the same settings, with exact Jacobians.

They are small, so their transports can be multiplied out, which compiles far faster than the sweep's probes.
"""

import functools
import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.extend
import numpy as np
from numpy.typing import NDArray

from gradlab import profiles, registry
from gradlab.lesson.parts import Inside
from gradlab.recurrence.forward import with_jacobian
from gradlab.states import EXACT_ZERO, OK
from gradlab.studies.sweep import drawing
from gradlab.studies.sweep.settings import Sweep

Vector = NDArray[np.float64]
quick: Callable[..., Any] = functools.partial(
    jax.jit,
    compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True},
)
"""`jit` for a program that runs once or twice on a small network: its compilation is what takes the time."""


def shared(run: Callable[..., Any]) -> Callable[..., Any]:
    """`quick` for a program that another function may have, too: equal ones are compiled once.

    Cells that differ in what they compute, and not in what they draw, draw by one program.
    """

    def call(*given: Any) -> Any:
        program, shape = jax.make_jaxpr(run, return_shape=True)(*given)
        # Arrays that a program holds are not in its text.
        text = str(program) if not program.consts else None
        compiled = _PROGRAMS.get(text) if text else None
        if compiled is None:
            compiled = quick(jax.extend.core.jaxpr_as_fun(program))
        if text:
            _PROGRAMS[text] = compiled
        return jax.tree.unflatten(jax.tree.structure(shape), compiled(*jax.tree.leaves(given)))

    return call


_PROGRAMS: dict[str, Any] = {}
LINE = 60
"""Characters of a list in a command: with its option it stays within 80 columns."""


class Network(NamedTuple):
    """One network on its way, steps 1..T first."""

    jacobians: Vector
    """dstate_t/dstate_{t-1}, (T, S, S)."""
    gate_values: dict[str, Vector]
    """(T, N) by gate."""
    memory: slice
    """The place of the memory path in the flattened state."""
    params: Any = None
    xs: Any = None
    """The inputs, (any number of steps >= T, D)."""
    parts: Mapping[str, slice] = MappingProxyType({})
    """Where each part lies in the flattened state."""


def networks(sweep: Sweep) -> dict[tuple[str, str, float], Network]:
    """The networks of the grid's first seed at its longest T, by (cell, init, w_rec)."""
    return {place: found[0] for place, found in draws(sweep).items()}


@functools.cache
def draws(sweep: Sweep) -> dict[tuple[str, str, float], tuple[Network, ...]]:
    """The networks of all seeds of the grid at its longest T, by (cell, init, w_rec)."""
    found = {}
    with jax.enable_x64(sweep.precision == "float64"):
        for label, (drawn, _) in drawing.draw(sweep, shared).items():
            cell = registry.make("cells", label)
            xs = drawn.xs[:, 0, : max(sweep.T)]
            run = jax.tree.map(np.asarray, _forward(cell)(drawn.params, drawn.state, xs))
            parts = _parts(drawn.state)
            memory = parts.get(cell.memory, slice(0, len(run[0][0][0])))
            for i, init in enumerate(sweep.init):
                for j, w_rec in enumerate(sweep.w_rec):
                    gains = len(drawn.xs) // len(sweep.init) // sweep.seeds
                    at = (i * gains + (j if gains > 1 else 0)) * sweep.seeds
                    found[label, init, w_rec] = tuple(
                        Network(
                            run[0][k],
                            {gate: v[k] for gate, v in run[1].items()},
                            memory,
                            *_drawn(drawn, k),
                            parts,
                        )
                        for k in range(at, at + sweep.seeds)
                    )
    return found


def _drawn(drawn: Any, k: int) -> tuple[Any, Any]:
    """The parameters and the inputs of a network."""
    return jax.tree.map(lambda leaf: np.asarray(leaf[k]), drawn.params), np.asarray(drawn.xs[k, 0])


@functools.cache
def _forward(cell: Any) -> Any:
    """`(params, states, xs) -> Jacobians and gate_values` of every network and step."""

    def network(params: Any, state: Any, xs: Any) -> Any:
        at = with_jacobian(cell.step, params, state, xs[0])

        def body(state: Any, x: Any) -> tuple[Any, Any]:
            after, jacobian = at(state, x)
            return after, (jacobian, cell.gate_values(params, state, x))

        return jax.lax.scan(body, state, xs)[1]

    return quick(jax.vmap(network))


def _parts(state: Any) -> dict[str, slice]:
    """Where each part of the state lies among the numbers of the flattened one."""
    start, parts = 0, {}
    for name, leaf in zip(state._fields, state, strict=True):
        parts[name] = slice(start, start + leaf.shape[-1])
        start += leaf.shape[-1]
    return parts


def inside(title: str, label: str, network: Network) -> Inside:
    """The cell's step as a diagram, with the numbers of `gradlab plot ... anatomy`.

    share of a part p of the state: mean over lags 1..T of |dstate_T/dp_t|^2 / |dstate_T/dstate_t|^2
    (Frobenius). The opening of a gate is its mean over units and steps.
    """
    product, found = np.eye(network.jacobians.shape[1]), []
    for jacobian in network.jacobians[::-1].astype(np.float64):
        product = product @ jacobian
        size = np.linalg.norm(product)
        if size == 0:
            break
        product /= size
        found.append([float((product[:, part] ** 2).sum()) for part in network.parts.values()])
    shares = dict(zip(network.parts, np.mean(found, axis=0).tolist(), strict=True)) if found else {}
    values = {gate: float(opened.mean()) for gate, opened in network.gate_values.items()}
    if len(shares) > 1:
        values |= {f"share {part}": share for part, share in shares.items()}
    return Inside(title, label, tuple(network.parts), values)


def transport(network: Network, *, memory: bool = False) -> tuple[float, ...]:
    """log10 of the largest singular value of dstate_T/dstate_t by lag = T - t, 0..T.

    With `memory` only the memory path at both ends. Multiplied from the last step back; every product is
    brought near 1 by a power of two.
    """
    part = network.memory if memory else slice(None)
    product, exponent = np.eye(network.jacobians.shape[1]), 0
    logs = [0.0]
    for jacobian in network.jacobians[::-1].astype(np.float64):
        product = product @ jacobian
        shift = int(np.frexp(np.abs(product).max())[1])
        product, exponent = np.ldexp(product, -shift), exponent + shift
        top = np.linalg.norm(product[part, part], 2)
        logs.append(float(np.log10(top) + exponent * np.log10(2)) if top > 0 else -np.inf)
    return tuple(logs)


def rate(logs: tuple[float, ...]) -> float:
    """The slope of such a profile per step of lag, as every table of gradlab gives it."""
    values = np.asarray(logs)[None]
    states = np.where(np.isfinite(values), OK, EXACT_ZERO).astype(np.int8)
    return float(profiles.rate(values, states).value.squeeze())


def command(sweep: Sweep) -> str:
    """The command that measures the same networks: what differs from the defaults is spelled out."""
    words = ["gradlab", "sweep"]
    names = {"cell": "--cell", "init": "--init", "w_rec": "--w-rec", "T": "-T", "input_std": "--input-std"}
    default = Sweep()
    for name, value in vars(sweep).items():
        if value == getattr(default, name):
            continue
        option = names.get(name, f"--{name}")
        for text in _listed(value) if isinstance(value, tuple) else [str(value)]:
            words += [option, text + ".0" if name == "w_rec" and text.isdigit() else text]
    return shlex.join(words)


def _listed(values: tuple[Any, ...]) -> list[str]:
    """Values by comma, in more than one piece where one would be longer than a line."""
    pieces = [""]
    for value in values:
        text = f"{value:g}" if isinstance(value, float) else str(value)
        joined = f"{pieces[-1]},{text}" if pieces[-1] else text
        pieces = [*pieces[:-1], joined] if len(joined) <= LINE else [*pieces, text]
    return pieces
