"""Profiles of networks in training: their adjoint, transport and weight gradient by lag."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from gradlab.programs import Made, Program
from gradlab.recurrence import platforms
from gradlab.recurrence.objectives import draw_target
from gradlab.recurrence.scaled import log10_norm
from gradlab.studies.remedies import arms, work
from gradlab.studies.remedies.acting import Back
from gradlab.studies.remedies.losses import sample
from gradlab.studies.remedies.networks import Network, Setting
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.program import Networks, block, capacity, placed, program, shared

PROFILES = ("adjoint", "transport", "weight_gradient")


def profiles(
    comparison: Training, arm: arms.Arm, setting: Setting, networks: Network
) -> dict[str, NDArray[np.float64]]:
    """log10 of adjoint, transport and weight gradient by (network, lag), on one fresh sequence of the task.

    The adjoint goes through the remedy's backward pass; the transport is the network's own.
    """
    total, T = networks.updates.size, setting.T
    devices = len(jax.devices())
    filled = np.concatenate([np.arange(total), np.zeros(-total % (devices * block()), int)])
    measured = _measured(comparison, arm, _inputs(comparison, setting), networks)
    some = jax.tree.map(lambda leaf: leaf[filled], measured)
    found = _program(arm, T)(jax.device_put(some, shared(devices)), jnp.int32(T))
    logs = {}
    for name in PROFILES:
        log = log10_norm(jax.tree.map(np.asarray, found.columns[name]))[:total, 0]
        logs[name] = (log if log.ndim == 2 else log[..., 0])[:, : T + 1]
    return logs


def made(comparison: Training, arm: arms.Arm, setting: Setting, networks: Network) -> Made:
    """The program that measures `networks`, as many as devices take at once; what they hold is not read."""
    xs = _inputs(comparison, setting)
    measured = jax.eval_shape(lambda some: _measured(comparison, arm, xs, some), networks)
    given = placed(measured, shared(len(jax.devices())))
    return _program(arm, setting.T).made(given, jnp.int32(setting.T))


def _program(arm: arms.Arm, T: int) -> Program:
    fixed = platforms.fact(T)
    adjoint = None if arm.remedy.adjoint is None else Back(arm.unnumbered)
    return program(arms.undrawn(arm.cell), "unit", len(jax.devices()), adjoint=adjoint, fixed=fixed)


@functools.lru_cache(maxsize=8)
def _inputs(comparison: Training, setting: Setting) -> Array:
    """One fresh sequence of the task, (1, T, D) and zeros behind: the same at every evaluation."""
    keys = stream(comparison.seed, "profile", task=comparison.task)[None]
    xs = sample(work.whole(comparison, setting), keys, np.dtype(comparison.precision)).xs
    return jnp.pad(xs, ((0, 0), (0, capacity(setting.T) - setting.T), (0, 0)))


def _measured(comparison: Training, arm: arms.Arm, xs: Array, networks: Network) -> Networks:
    """The networks on that sequence, as a sweep has them."""
    total = networks.updates.size
    first = jax.tree.map(lambda leaf: leaf[0], networks.state)
    target = draw_target("unit", stream(comparison.seed, "target"), first, arm.cell.readout)
    xs, target = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (total, 1, *leaf.shape)), (xs[0], target))
    numbers = () if arm.remedy.adjoint is None else networks.numbers
    return Networks(networks.weights.cell, networks.state, xs, target, numbers)
