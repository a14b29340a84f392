"""The networks of a sweep: weights, states, inputs and targets of each, and what tells them from others."""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab import registry, tried
from gradlab.errors import GradlabError
from gradlab.recurrence import projections
from gradlab.series import inputs, windows
from gradlab.studies.sweep.networks import draw_inputs, draw_networks, stream
from gradlab.studies.sweep.program import (
    Networks,
    capacity,
)
from gradlab.studies.sweep.settings import Sweep

Array = NDArray[Any]


class Weights(NamedTuple):
    """What tells the weights of a cell's networks, at unit gain, from others."""

    digests: dict[str, str]
    """sha256 by `init/seed`."""
    leaves: tuple[str, ...]
    marks: Array
    """The norm of each leaf and its projection, (2, init, seed, leaf)."""


def draw(sweep: Sweep, jit: Callable[..., Any] = jax.jit) -> dict[str, tuple[Networks, Weights]]:
    """Each cell's networks, ordered (init, w_rec, seed), and what tells their weights from others.

    `jit` compiles the draw of the weights; one that rounds otherwise gives other digests.
    """
    tried.at(sweep.inputs, sweep.hidden)
    xs = drawn_inputs(sweep, max(sweep.T))
    return {label: _draw_cell(sweep, label, xs, jit) for label in sweep.cell}


def drawn_inputs(sweep: Sweep, T: int) -> Array:
    """The inputs of each seed at that T, (seeds, B, len, D): white noise, or windows of a series.

    White noise is a prefix of every longer draw. Windows are T steps long, and zeros follow.
    """
    length = capacity(max(sweep.T))
    if not sweep.data:
        keys = [stream(sweep.seed, "inputs", d=sweep.inputs, seed=s) for s in range(sweep.seeds)]
        return draw_inputs(keys, (sweep.batch, length, sweep.inputs), sweep.input_std)
    found = sweep.series
    room = inputs.require_rows(sweep.data, found.rows, T)
    starts = windows.starts(sweep.seed, sweep.seeds, sweep.batch, room)
    cut = found.cut(starts.ravel().tolist(), T).reshape(sweep.seeds, sweep.batch, T, sweep.inputs)
    return np.pad(cut, ((0, 0), (0, 0), (0, length - T), (0, 0)))


def at_length(sweep: Sweep, networks: Networks, T: int) -> Networks:
    """The networks of a cell with the inputs that they get at that T."""
    if not sweep.data:
        return networks
    xs = drawn_inputs(sweep, T).astype(networks.xs.dtype)
    return networks._replace(xs=np.tile(xs, (len(networks.xs) // sweep.seeds, 1, 1, 1)))


def said(sweep: Sweep) -> tuple[str, ...]:
    """How the series was read whose windows are the inputs, in sentences; nothing of white noise.

    Raises:
      GradlabError: for one with fewer rows than T, and an initialiser that is fitted to white noise.
    """
    if not sweep.data:
        return ()
    for init in sweep.init:
        if hasattr(registry.make("initializers", init), "for_cell"):
            what = f"{init} is fitted to white noise, and the inputs are those of --data; choose another"
            raise GradlabError("--init", what)
    found, T = sweep.series, max(sweep.T)
    room = inputs.require_rows(sweep.data, found.rows, T)
    starts = windows.starts(sweep.seed, sweep.seeds, sweep.batch, room)
    return found.said, inputs.windows_said(starts.ravel().tolist(), T, found.rows)


def _draw_cell(sweep: Sweep, label: str, xs: Array, jit: Callable[..., Any]) -> tuple[Networks, Weights]:
    cell, dtype, seeds = registry.make("cells", label), np.dtype(sweep.precision), range(sweep.seeds)
    gains = sweep.w_rec if cell.has_gain else (1.0,)
    size = {"inputs": sweep.inputs, "hidden": sweep.hidden}
    aim = {"cell": label, "hidden": sweep.hidden, "objective": sweep.objective}
    target_keys = [stream(sweep.seed, "target", seed=s, **aim) for s in seeds]
    drawn_by_init, digests, marks = [], {}, []
    leaves: tuple[str, ...] = ()
    for init in sweep.init:
        keys = [stream(sweep.seed, "weights", cell=label, init=init, seed=s, **size) for s in seeds]
        sizes = (sweep.inputs, sweep.hidden, sweep.batch)
        initializer = _initializer(sweep, cell, init)
        # A network of gain 1 comes first: its digest tells whether two runs drew the same weights.
        drawn = draw_networks(
            cell, initializer, sweep.objective, sizes, keys, target_keys, (1.0, *gains), jit
        )
        for s in seeds:
            one = [np.ascontiguousarray(leaf[0, s]).tobytes() for leaf in jax.tree.leaves(drawn[0])]
            digests[f"{init}/{s}"] = hashlib.sha256(b"".join(one)).hexdigest()
            params = projections.leaves(jax.tree.map(lambda leaf, s=s: leaf[0, s], drawn[0]))
            marks += [projections.of_array(*leaf) for leaf in params.items()]
            leaves = tuple(params)
        params, state, target = jax.tree.map(lambda leaf: leaf[1:].reshape(-1, *leaf.shape[2:]), drawn)
        drawn_by_init.append(Networks(params, state, np.tile(xs, (len(gains), 1, 1, 1)), target))

    def together(*leaves: Array) -> Array:
        joined = np.concatenate(leaves)
        # Counters and keys of a state stay what they are.
        return joined.astype(dtype) if np.issubdtype(joined.dtype, np.floating) else joined

    marked = np.array(marks).reshape(len(sweep.init), sweep.seeds, len(leaves), 2)
    return jax.tree.map(together, *drawn_by_init), Weights(digests, leaves, np.moveaxis(marked, -1, 0))


def _initializer(sweep: Sweep, cell: Any, init: str) -> Any:
    """The initialiser, made for the cell and its inputs if it depends on them."""
    made = registry.make("initializers", init)
    if not hasattr(made, "for_cell"):
        return made
    return made.for_cell(cell, sweep.input_std, sweep.inputs, sweep.hidden)


def starts(sweep: Sweep) -> dict[str, dict[str, str]]:
    """What initialisers that are made for a cell have found, in words: by cell, by initialiser."""
    made = {init: registry.make("initializers", init) for init in sweep.init}
    fitted = [init for init in sweep.init if hasattr(made[init], "for_cell")]
    cells = {label: registry.make("cells", label) for label in sweep.cell if fitted}
    return {label: {init: str(_initializer(sweep, cells[label], init)) for init in fitted} for label in cells}
