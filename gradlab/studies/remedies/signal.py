"""What the task's own loss sends back: from which lags the gradient comes, and which tell of the target."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from gradlab.programs import Made, Program
from gradlab.recurrence.evidence import evidence
from gradlab.recurrence.shares import shares
from gradlab.studies.norms import SEQUENCES, SIGNAL
from gradlab.studies.remedies.losses import sample
from gradlab.studies.remedies.networks import Network, Setting
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.networks import stream
from gradlab.types import Example, Key

EXCHANGES = 99
"""Random exchanges of targets, for the chance that they tell nothing."""


def tells(setting: Setting) -> bool:
    """Whether it is measured: lags are counted from one last step, so sequences need one length."""
    return not getattr(setting.task, "shortest", 0)


def of_loss(comparison: Training, setting: Setting, networks: Network) -> dict[str, NDArray[np.float64]]:
    """By (network, lag), on the same fresh sequences for all; empty where lengths differ.

    `gradient_share` is the share of each lag in the gradient of the recurrent weights, through the remedy's
    backward pass: what a plain descent on these sequences would move. `target_chance` is how often exchanged
    targets give as much, of the network's own gradient, as in the probe `target_signal`. There is none at
    lag T, where no step was taken.
    """
    if not tells(setting):
        return {}
    key = stream(comparison.seed, "signal", task=comparison.task)
    found = _program(setting)(networks, key)
    beyond = ((0, 0), (0, 1))
    return {
        name: np.pad(np.asarray(values, np.float64), beyond, constant_values=np.nan)
        for name, values in zip(SIGNAL, found, strict=True)
    }


def made(setting: Setting, networks: Any) -> Made:
    """The program that measures `networks`; what they hold is not read."""
    return _program(setting).made(networks, jax.random.key(0))


@functools.cache
def _program(setting: Setting) -> Program:
    """`(networks, key) -> (gradient_share, target_chance)`, network by network."""

    def every(networks: Network, key: Key) -> tuple[Array, Array]:
        dtype = networks.weights.b_out.dtype
        # The task's numbers are those of every network, and these are judged on the same sequences.
        first = jax.tree.map(lambda leaf: leaf[0], networks)
        examples = sample(setting.of(first), jax.random.split(key, SEQUENCES), dtype)
        found: tuple[Array, Array] = jax.lax.map(lambda one: _one(setting.of(one), one, examples), networks)
        return found

    return Program(jax.jit(every), "signal", setting)


def _one(setting: Setting, network: Network, examples: Example) -> tuple[Array, Array]:
    weights, state, cell = network.weights, network.state, setting.cell
    dtype = weights.b_out.dtype

    def read(state: Any) -> Array:
        made: Array = weights.w_out @ cell.readout(state) + weights.b_out
        return made

    def outputs(xs: Any) -> Array:
        def step(state: Any, x: Any) -> tuple[Any, Array]:
            after = cell.step(weights.cell, state, x)
            return after, read(after)

        given: Array = jax.lax.scan(step, state, xs)[1]
        return given

    sent = jax.vmap(jax.grad(setting.task.loss))(jax.vmap(outputs)(examples.xs), examples)
    share = shares(
        cell.step,
        weights.cell,
        state,
        examples.xs,
        sent,
        read=read,
        recurrent=cell.recurrent,
        adjoint=setting.acting(network.numbers).adjoint,
    )
    # Bits, and not random numbers of the precision: both precisions exchange the same targets.
    up = jax.random.bits(jax.random.key(0), (EXCHANGES, SEQUENCES // 2), "uint32") >> 31 == 1
    told = evidence(
        cell.step,
        weights.cell,
        state,
        examples.xs,
        examples,
        setting.T,
        loss=setting.task.loss,
        read=read,
        recurrent=cell.recurrent,
        signs=jnp.where(up, jnp.ones((), dtype), -jnp.ones((), dtype)),
    )
    # Where no sequence has a gradient there is no chance.
    return share, jnp.where(jnp.isfinite(told.share), told.chance, jnp.nan)
