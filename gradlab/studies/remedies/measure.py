"""Profiles of networks in training: their adjoint, transport and weight gradient by lag."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.recurrence import platforms
from gradlab.recurrence.objectives import draw_target
from gradlab.recurrence.scaled import log10_norm
from gradlab.studies.remedies import arms
from gradlab.studies.remedies.losses import sample
from gradlab.studies.remedies.networks import Network, Setting
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.program import Networks, block, capacity, program, shared

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
    some = jax.tree.map(lambda leaf: leaf[filled], _measured(comparison, arm, setting, networks))
    found = _program(arm, T)(jax.device_put(some, shared(devices)), jnp.int32(T))
    logs = {}
    for name in PROFILES:
        log = log10_norm(jax.tree.map(np.asarray, found.columns[name]))[:total, 0]
        logs[name] = (log if log.ndim == 2 else log[..., 0])[:, : T + 1]
    return logs


def lowered(comparison: Training, arm: arms.Arm, setting: Setting, networks: Network) -> Any:
    """The program that measures `networks`, as many as devices take at once; what they hold is not read."""
    measured = jax.eval_shape(lambda some: _measured(comparison, arm, setting, some), networks)
    return _program(arm, setting.T).lower(measured, jnp.int32(setting.T))


def _program(arm: arms.Arm, T: int) -> Any:
    fixed = platforms.fact(T)
    return program(arm.cell, "unit", len(jax.devices()), adjoint=arm.remedy.adjoint, fixed=fixed)


def _measured(comparison: Training, arm: arms.Arm, setting: Setting, networks: Network) -> Networks:
    """The networks on one fresh sequence of the task, as a sweep has them."""
    total, T = networks.updates.size, setting.T
    keys = stream(comparison.seed, "profile", task=comparison.task)[None]
    xs = sample(setting, keys, networks.weights.b_out.dtype).xs
    xs = jnp.pad(xs, ((0, 0), (0, capacity(T) - T), (0, 0)))
    first = jax.tree.map(lambda leaf: leaf[0], networks.state)
    target = draw_target("unit", stream(comparison.seed, "target"), first, arm.cell.readout)
    xs, target = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (total, 1, *leaf.shape)), (xs[0], target))
    return Networks(networks.weights.cell, networks.state, xs, target)
