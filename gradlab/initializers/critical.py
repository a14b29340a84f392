"""Gaussian matrix at the edge between vanishing and exploding gradients."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float
from scipy.optimize import brentq

from gradlab.errors import GradlabError
from gradlab.recurrence.trees import merged, split
from gradlab.types import Initializer, Key, Scalar

UNIT = "norm"
GAINS = (2.0**-4, 2.0**12)
"""The gains between which is searched, upwards."""
NUMBERS, FEWEST, MOST = 8192, 32, 512
"""Networks of N units that are measured: NUMBERS / N, within these bounds; they scatter less as N grows."""
BLOCK = 16
"""Networks of one call; one block is enough to see which factor of 2 holds the gain."""
TANGENTS = 8
"""Perturbations that a network carries along."""
NEAR = 1e-3
"""The relative error of the gain that ends the search: far less than what the networks leave uncertain."""
FAR = 50.0
"""What growth per step counts as at the most, and as at the least."""


class Growth(NamedTuple):
    """ln of the transport per step of several networks at one gain."""

    mean: float
    spread: float
    """Standard deviation over networks."""
    networks: int

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return self.spread / math.sqrt(self.networks)


@dataclasses.dataclass(frozen=True)
class Critical:
    """Independent entries N(0, g^2 / n), g the gain that leaves the mean transport of `steps` steps at 1.

    E ln sigma(dstate_steps / dstate_0) = 0,   over networks and inputs

    `for_cell` searches g on networks like the user's: the cell, its number of units, its initial state, white
    input of the user's size; called plainly g is 1. `w_rec` multiplies it, so that w_rec = 1 is critical
    whatever the cell. That holds for the mean over networks, within the standard error of the search. A
    single one shrinks or grows: with 16, 64 and 128 units the spread of log10 sigma per step is 0.066, 0.010
    and 0.008 for elman, 0.016, 0.008 and 0.005 for gru, 0.014, 0.006 and 0.004 for lstm (input 0.1). sigma
    is estimated from 8 perturbations, low by about a factor 1.2 over all steps.

    A sequence that is much longer or shorter than `steps` asks for a gain of its own: from a state at rest
    the first steps grow more than those on the attractor. With steps of some thousands it is the gain at
    which the largest Lyapunov exponent is 0.

    Reference: Sompolinsky, Crisanti, Sommers 1988, Chaos in random neural networks; Chen, Pennington,
    Schoenholz 2018, Dynamical isometry and a mean field theory of RNNs.
    """

    steps: int = 200

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps={self.steps} must be at least 1")

    def __call__(self, key: Key, n: int) -> Float[Array, "{n} {n}"]:
        return Tuned(1.0)(key, n)

    def for_cell(self, cell: Any, input_std: float, d_in: int, hidden: int) -> Initializer:
        """The initialiser for that cell of `hidden` units, each of `d_in` inputs white and N(0, input_std^2).

        Raises:
            GradlabError: if no gain makes the cell critical.
        """
        if not cell.has_gain:
            return Tuned(1.0)
        return tuned(cell, hidden, float(input_std), d_in, self.steps)


@dataclasses.dataclass(frozen=True)
class Tuned:
    """Independent entries N(0, gain^2 / n), and what is known of the gain."""

    gain: float
    growth: Growth | None = None
    """What was measured there; None where nothing was."""

    def __call__(self, key: Key, n: int) -> Float[Array, "{n} {n}"]:
        return jax.random.normal(key, (n, n), float) * (self.gain / math.sqrt(n))

    def __str__(self) -> str:
        if self.growth is None:
            return f"gain {self.gain:.4g}"
        mean, spread, networks = self.growth
        decades = math.log10(math.e)
        return (
            f"gain {self.gain:.4g}: log10 transport per step {mean * decades:+.4f}, standard error "
            f"{self.growth.error * decades:.4f}, spread over {networks} networks {spread * decades:.4f}"
        )


@functools.cache
def tuned(cell: Any, hidden: int, input_std: float, d_in: int, steps: int) -> Tuned:
    """The gain at which the mean growth is 0, with that growth's spread over the networks of the search."""
    count = -(-min(MOST, max(FEWEST, NUMBERS // hidden)) // BLOCK)
    measure = growths(cell, hidden, input_std, d_in, steps)
    try:
        gain = _crossing(lambda gain: measure(gain, 1).mean, lambda gain: measure(gain, count).mean)
    except ValueError as error:
        what = f"critical is not possible for {hidden} units of {cell}; {error}"
        raise GradlabError("--init", what) from error
    return Tuned(gain, measure(gain, count))


def _crossing(rough: Callable[[float], float], fine: Callable[[float], float]) -> float:
    """The least gain above which `fine` is positive; `rough` tells which power of 2 it follows."""
    least, most = GAINS
    high = least
    while high < most and rough(high) < 0:
        high *= 2
    low = high / 2
    while low >= least and fine(low) >= 0:
        low, high = low / 2, low
    while high <= most and fine(high) <= 0:
        low, high = high, high * 2
    if low < least or high > most:
        never = "keeps a mean transport from growing" if low < least else "makes a mean transport grow"
        raise ValueError(f"no gain from {least:g} to {most:g} {never}")
    log = brentq(lambda log: fine(math.exp(log)), math.log(low), math.log(high), xtol=NEAR)
    return math.exp(log)


def growths(
    cell: Any, hidden: int, input_std: float, d_in: int, steps: int
) -> Callable[[float, int], Growth]:
    """`(gain, blocks) -> Growth` of so many blocks of networks, which are otherwise the same at every gain.

    ln sigma is 1/2 ln of sum sigma_i^4 / sum sigma_i^2, both traces estimated from the inner products of the
    perturbations. A network whose transport is exactly 0 is left out, unless most are; one whose state or
    transport overflows counts as growing by e^50 per step.
    """

    @jax.jit
    @jax.vmap
    def block(key: Key, gain: Scalar) -> Any:
        key_weights, key_inputs, key_tangents = jax.random.split(key, 3)
        xs = input_std * jax.random.normal(key_inputs, (steps, d_in), float)
        params, state = cell.init(key_weights, d_in, hidden, gain, Tuned(1.0))
        # Counters and keys of a state go with it and are not perturbed.
        numbers, others = split(state)
        flat, unravel = ravel_pytree(numbers)

        def step(carry: Any, x: Any) -> tuple[Any, Any]:
            state, others, tangents = carry

            def advance(v: Any) -> tuple[Any, Any]:
                numbers, rest = split(cell.step(params, merged(unravel(v), others), x))
                return ravel_pytree(numbers)[0], rest

            def push(tangent: Any) -> tuple[Any, Any, Any]:
                moved: tuple[Any, Any, Any] = jax.jvp(advance, (state,), (tangent,), has_aux=True)
                return moved

            after, tangents, others = jax.vmap(push, out_axes=(None, 0, None))(tangents)
            peak = jnp.abs(tangents).max()
            return (after, others, tangents / jnp.where(peak > 0, peak, 1)), jnp.log(peak)

        drawn = jax.random.normal(key_tangents, (TANGENTS, flat.size), flat.dtype)
        (last, _, tangents), logs = jax.lax.scan(step, (flat, others, drawn), xs)
        inner = tangents @ tangents.T
        squares, own = (inner**2).sum(), jnp.diagonal(inner)
        fourth = (squares - (own**2).sum()) / (TANGENTS * (TANGENTS - 1))
        growth = logs.mean() + 0.5 * jnp.log(fourth / own.mean()) / steps
        # What a state that has overflowed makes of the perturbations means nothing.
        lost, gone = ~jnp.isfinite(last).all() | jnp.isposinf(logs).any(), jnp.isneginf(logs).any()
        return jnp.where(lost, FAR, jnp.where(gone, -jnp.inf, jnp.clip(growth, -FAR, FAR)))

    def measure(gain: float, blocks: int) -> Growth:
        # In float32 whatever the run's precision is: both then see the same gain.
        with jax.enable_x64(False), jax.default_device(jax.local_devices(backend="cpu")[0]):
            keys = jax.random.split(jax.random.key(0), blocks * BLOCK).reshape(blocks, BLOCK)
            gains = jnp.full(BLOCK, gain, jnp.float32)
            each = np.concatenate([np.asarray(block(some, gains)) for some in keys])
        each = each.astype(np.float64)
        alive = each[np.isfinite(each)]
        if 2 * len(alive) < len(each):
            return Growth(-FAR, 0.0, len(each))
        return Growth(float(alive.mean()), float(alive.std(ddof=1)), len(alive))

    return measure
