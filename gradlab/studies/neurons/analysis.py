"""A trained cell opened up: its units along held-out text, scored, followed in time, held at their means."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.studies.neurons import ablation, memory, reading
from gradlab.studies.neurons.ablation import Held
from gradlab.studies.neurons.labels import Label
from gradlab.studies.neurons.networks import drawn, leaf_name, leaves
from gradlab.studies.neurons.scores import Rows, Scored, scored
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.networks import Setting, Weights

Tree = Any
ANCHOR = 256
"""Characters from one kept state to the next."""
OTHERS = 2
"""Further networks that are not trained, as a control beside the one before its training."""


class Unit(NamedTuple):
    """What one unit is found to be, beside its scores."""

    name: str
    label: str
    """The label for which it stands highest above its controls."""
    score: float
    above: bool
    half_life: float
    transport: float
    left: float
    right: float
    held: Held
    """At its mean, and what that costs inside of its label."""


class Opened(NamedTuple):
    """All that is found out about a cell."""

    read: reading.Read
    scored: Scored
    names: tuple[str, ...]
    """Of the units, as scores have them."""
    units: tuple[Unit, ...]
    detectors: dict[str, tuple[str, Held]]
    """Of each label the best unit, and what the network loses without it."""
    influence: NDArray[np.float64]
    """log10 |d logit_t / d x_{t - lag}| by (place, lag)."""
    starts: dict[str, NDArray[np.float32]]
    """The state before each `ANCHOR`-th character, by leaf."""


def opened(
    asked: Neurons,
    spec: str,
    setting: Setting,
    weights: Weights,
    state: Tree,
    before: Weights,
    codes: NDArray[np.int32],
    labels: list[Label],
) -> Opened:
    """Read the text, score every unit, and see what memory and gradient make of it.

    `before` are the weights before training; `codes` is the scored text.
    """
    read = reading.read(setting, weights, state, codes)
    names, rows = _rows(read)
    others = [before]
    for i in range(OTHERS):
        others.append(drawn(asked, spec, setting, 0.0, f"control {i}").weights)
    untrained = [_rows(reading.read(setting, one, state, codes))[1] for one in others]
    found = scored(rows, untrained, labels, asked.seed)
    anchors = reading.starts(setting, weights, state, codes, ANCHOR)
    influence, transport = _gradients(setting, weights, anchors, codes)
    means = {name: values.mean(axis=0) for name, values in read.units.items() if not name.startswith("gate_")}
    short = codes[: ablation.LONG]
    losses = ablation.losses(setting, weights, state, short, means)
    units = tuple(
        _unit(i, name, found, labels, read, setting, transport, losses) for i, name in enumerate(names)
    )
    detectors = {}
    for i, label in enumerate(labels):
        # Those above their controls come first.
        best = int((np.abs(found.score[i]) + 2.0 * found.above[i]).argmax())
        k = int(names[best].partition("/")[2])
        # The last character has no next one.
        detectors[label.name] = names[best], ablation.held(losses[k], label.inside[: losses.shape[1]])
    kept = {name: np.asarray(leaf, np.float32) for name, leaf in leaves(anchors)}
    return Opened(read, found, names, units, detectors, influence, kept)


def _rows(read: reading.Read) -> tuple[tuple[str, ...], Rows]:
    """The names of all units, such as `c/17`, and their values by (unit, character)."""
    names = tuple(
        f"{leaf.removeprefix('gate_')}/{k}"
        for leaf, values in read.units.items()
        for k in range(values.shape[1])
    )
    return names, np.concatenate([np.ascontiguousarray(values.T) for values in read.units.values()])


def _gradients(
    setting: Setting, weights: Weights, anchors: Tree, codes: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Of predictions, and of units of the memory, at places spread over the text.

    None for a memory whose units are not those of the cell.
    """
    whole = (len(codes) - memory.LAGS - 1) // ANCHOR
    places = np.unique(np.linspace(0, max(0, whole), min(memory.PLACES, whole + 1)).astype(int))
    long = min(memory.LAGS + 1, len(codes))
    states = jax.tree.map(lambda leaf: leaf[jnp.asarray(places)], anchors)
    rows = np.stack([codes[ANCHOR * place : ANCHOR * place + long] for place in places])
    influence = memory.influence(setting, weights, states, rows)
    if getattr(anchors, setting.cell.memory, np.zeros(0)).shape[1:] != (setting.hidden,):
        return influence, None
    few = slice(None, None, max(1, len(places) // memory.FEW))
    some = jax.tree.map(lambda leaf: leaf[few], states)
    return influence, memory.transport(setting, weights, some, rows[few, : memory.STEPS])


def _unit(
    i: int,
    name: str,
    found: Scored,
    labels: list[Label],
    read: reading.Read,
    setting: Setting,
    transport: NDArray[np.float64] | None,
    losses: NDArray[np.float32],
) -> Unit:
    leaf, _, number = name.partition("/")
    k, cell = int(number), setting.cell
    best = int((np.abs(found.score[:, i]) - found.bound).argmax())
    above = found.above[:, i]
    if above.any():
        margin = np.where(above, np.abs(found.score[:, i]) - found.bound, -np.inf)
        best = int(margin.argmax())
    gates = {one.removeprefix("gate_"): one for one in read.units if one.startswith("gate_")}
    left = right = half_life = float("nan")
    if leaf in gates:
        left, right = (float(one[0]) for one in memory.saturated(read.units[gates[leaf]][:, [k]]))
    carry = gates.get(str(cell.carry_gate))
    if carry is not None and leaf == leaf_name(cell.memory):
        half_life = float(memory.half_lives(read.units[carry][:, [k]])[0])
    on = float(transport[k]) if transport is not None and leaf == leaf_name(cell.memory) else float("nan")
    held = ablation.held(losses[k], labels[best].inside[: losses.shape[1]])
    return Unit(
        name,
        labels[best].name,
        float(found.score[best, i]),
        bool(above[best]),
        half_life,
        on,
        left,
        right,
        held,
    )
