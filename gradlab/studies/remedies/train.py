"""Train many networks side by side, until each has solved the task, has diverged or has spent its budget."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from gradlab import profiles, registry
from gradlab.programs import Program
from gradlab.states import FORWARD_NONFINITE
from gradlab.studies.remedies import arms, loop, readout, work
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.networks import Evaluation, Network, Setting, initialised
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.program import shared
from gradlab.types import Key

NOW = ("transport_rate", "horizon")
"""Of the network as it is at an evaluation: its transport's rate, and its soft horizon, T where beyond."""


def draw(
    comparison: Training, arm: arms.Arm, setting: Setting, what: list[tuple[float, float, str]]
) -> Network:
    """Fresh networks for (w_rec, rate, seed's name); the networks of a seed are equal at every rate."""
    content = {"cell": registry.spelling(arm.cell), "task": comparison.task, "hidden": setting.hidden}
    keys = jnp.stack([stream(comparison.seed, "training", seed=name, **content) for _, _, name in what])
    w_rec, rate = (jnp.asarray(column) for column in zip(*((w, r) for w, r, _ in what), strict=True))
    dtype = np.dtype(comparison.precision)
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        own = arm.numbers, arm.cell, registry.make("tasks", comparison.task)
        make = lambda w, r, key: initialised(setting, arm.initializer, w, r, key, dtype, *own)
        drawn = Program(jax.jit(jax.vmap(make)), "drawing", setting, arm.initializer, dtype, own)
        networks: Network = drawn(w_rec, rate, keys)
    return networks


def run(
    comparison: Training,
    setting: Setting,
    networks: Network,
    closed_form: bool,
    report: Callable[[int, int, bool], None],
    checkpoint: Checkpoint,
    transport: Callable[[Network], NDArray[np.float64]] | None = None,
    beaten: Callable[[NDArray[np.int64], NDArray[np.bool_], int], NDArray[np.bool_]] | None = None,
    until: int | None = None,
) -> tuple[Network, dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Train until every network has solved the task, has diverged or has spent its budget.

    With `transport` the networks' profile is taken at every evaluation: its rate and its soft horizon then.
    `beaten`, given when each was solved, which have diverged and the update, says which need no more updates.
    After `until` updates all stop.
    """
    if closed_form:
        return _fit(comparison, setting, networks)
    total = networks.updates.size
    devices = loop.devices(setting, total)
    width = devices * loop.block(setting)
    rounds = len(work.evaluated_at(comparison))
    names = (*Evaluation._fields, *(NOW if transport is not None else ()))
    evaluations = {name: np.full((rounds, total), np.nan) for name in names}
    solved = np.zeros(total, np.int64)
    networks, done = checkpoint.resume(networks, evaluations, solved)
    if done:
        report(total * done, total * rounds, False)

    def going_on(networks: Network, done: int) -> NDArray[np.intp]:
        lost = np.asarray(networks.broken) > 0
        over = (solved > 0) | lost
        if beaten is not None and done:
            over |= beaten(solved, lost, done * comparison.stride)
        return np.flatnonzero(~over)

    alive = going_on(networks, done)
    end = rounds if until is None else until // comparison.stride
    for at in range(done, end if len(alive) else 0):
        key = _fresh(comparison, at)
        for first in range(0, len(alive), width):
            here = alive[first : first + width]
            filled = np.concatenate([here, np.repeat(here[-1:], width - len(here))])
            some = _chosen(networks, filled)
            given = jax.device_put((some, jnp.broadcast_to(key, (width,))), shared(devices))
            moved, seen = loop.program(setting, devices)(*given)
            back = jax.device_put(moved, jax.devices()[0])
            # Beyond the end, where nothing is put.
            places = np.concatenate([here, np.full(width - len(here), total)])
            networks = _put(networks, back, places)
            for name, values in seen._asdict().items():
                evaluations[name][at, here] = np.asarray(values, np.float64)[: len(here)]
        if transport is not None:
            log = transport(networks)[alive]
            states = profiles.stored_states(log)
            fallen = profiles.fall(log, states, profiles.SOFT).value
            lost = (states == FORWARD_NONFINITE).any(axis=1)
            evaluations["transport_rate"][at, alive] = profiles.rate(log, states).value
            evaluations["horizon"][at, alive] = np.where(np.isnan(fallen) & ~lost, setting.T, fallen)
        # A network that has diverged is a failure, whatever its last finite weights are worth.
        good = (evaluations["error"][at] <= setting.task.solved) & (np.asarray(networks.broken) == 0)
        solved[(solved == 0) & good] = (at + 1) * comparison.stride
        alive = going_on(networks, at + 1)
        checkpoint.save(networks, evaluations, solved, at + 1, last=at + 1 == end or not len(alive))
        report(total * (at + 1), total * rounds, True)
        if not len(alive):
            break
    return networks, evaluations, solved


@jax.jit
def _chosen(networks: Network, which: Array) -> Network:
    chosen: Network = jax.tree.map(lambda leaf: leaf[which], networks)
    return chosen


@jax.jit
def _put(networks: Network, others: Network, places: Array) -> Network:
    put = lambda leaf, new: leaf.at[places].set(new, mode="drop")
    whole: Network = jax.tree.map(put, networks, others)
    return whole


def _fit(
    comparison: Training, setting: Setting, networks: Network
) -> tuple[Network, dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """What `run` gives, in one evaluation at the end of the budget."""
    key = _fresh(comparison, 0)
    networks, evaluation = readout.fit(setting, networks, comparison.updates, key)
    evaluations = {
        name: np.asarray(values, np.float64)[None] for name, values in evaluation._asdict().items()
    }
    solved = np.where(evaluations["error"][0] <= setting.task.solved, comparison.updates, 0)
    return networks, evaluations, solved


def _fresh(comparison: Training, at: int) -> Key:
    """The stream of an evaluation's sequences."""
    # The words that name the stream are part of its numbers: others would draw other sequences.
    return stream(comparison.seed, "judging", task=comparison.task, look=at)
