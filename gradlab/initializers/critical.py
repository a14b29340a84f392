"""Gaussian matrix at the edge between vanishing and exploding gradients."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.mean_field import Drive, critical_gain
from gradlab.status import GradlabError
from gradlab.types import Initializer, Key, Scalar

UNITS, STEPS, SETTLING = 200, 300, 100
"""The network that is measured where no theory is exact: its size, its steps, and those not counted."""
GAINS = (2.0**-4, 2.0**6)
"""The gains between which a measured network is searched."""
BISECTIONS = 5
"""Halvings of a factor of 2: a gain good to 2 %, less than what networks of this size differ by."""


@dataclasses.dataclass(frozen=True)
class Critical:
    """Independent entries N(0, g^2 / n), g the gain at which the largest Lyapunov exponent is 0.

    For the cell and the input at hand, `for_cell` finds g; called plainly it is 1, that of tanh units
    without input. `w_rec` multiplies it, so that w_rec = 1 is critical whatever the cell.

    Reference: Sompolinsky, Crisanti, Sommers 1988, Chaos in random neural networks; Chen, Pennington,
    Schoenholz 2018, Dynamical isometry and a mean field theory of RNNs.
    """

    def __call__(self, key: Key, n: int) -> Float[Array, "{n} {n}"]:
        return _Gaussian(1.0)(key, n)

    def for_cell(self, cell: Any, input_std: float, d_in: int) -> Initializer:
        """The initialiser for that cell, driven by white input N(0, input_std^2) in each of `d_in` inputs.

        By mean-field theory where the cell has one that is exact, else by measuring one large network.

        Raises:
            GradlabError: if no gain makes the cell critical.
        """
        return _Gaussian(_gain(cell, float(input_std), d_in) if cell.has_gain else 1.0)


@dataclasses.dataclass(frozen=True)
class _Gaussian:
    gain: float

    def __call__(self, key: Key, n: int) -> Float[Array, "{n} {n}"]:
        return jax.random.normal(key, (n, n), float) * (self.gain / math.sqrt(n))


@functools.cache
def _gain(cell: Any, input_std: float, d_in: int) -> float:
    drive = Drive(input_std**2, d_in)
    solved = cell.mean_field(1.0, drive) if hasattr(cell, "mean_field") else None
    try:
        if solved is not None and solved.exact:
            return critical_gain(lambda gain: cell.mean_field(gain, drive).exponent)
        with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
            return _crossing(measured_exponent(cell, input_std, d_in))
    except ValueError as error:
        raise GradlabError("--init", f"critical is not possible for {cell}; {error}") from error


def _crossing(exponent: Callable[[float], float]) -> float:
    """The least gain, from a grid of powers of 2 and then by halving, above which `exponent` is positive."""
    low, most = GAINS
    started = exponent(low) < 0
    while started and low < most and exponent(2 * low) < 0:
        low *= 2
    if not started or low >= most:
        raise ValueError(f"no gain from {GAINS[0]:g} to {most:g} is critical")
    step = math.sqrt(2)
    for _ in range(BISECTIONS):
        low, step = (low * step if exponent(low * step) < 0 else low), math.sqrt(step)
    return low * step


def measured_exponent(cell: Any, input_std: float, d_in: int) -> Callable[[float], float]:
    """The largest Lyapunov exponent by gain, of one network of `UNITS` units that is otherwise the same."""
    key_weights, key_inputs, key_tangent = jax.random.split(jax.random.key(0), 3)
    xs = input_std * jax.random.normal(key_inputs, (STEPS, d_in), float)

    @jax.jit
    def exponent(gain: Scalar) -> Any:
        params, state = cell.init(key_weights, d_in, UNITS, gain, _Gaussian(1.0))
        leaves, treedef = jax.tree.flatten(state)
        keys = jax.random.split(key_tangent, len(leaves))
        drawn = [jax.random.normal(k, s.shape, s.dtype) for k, s in zip(keys, leaves, strict=True)]

        def step(carry: Any, x: Any) -> tuple[Any, Any]:
            after, tangent = jax.jvp(lambda state: cell.step(params, state, x), carry[:1], carry[1:])
            norm = jnp.sqrt(sum(jnp.vdot(leaf, leaf).real for leaf in jax.tree.leaves(tangent)))
            # A tangent that is gone stays gone, and its logarithm -inf: such a gain is below critical.
            scale = jnp.where(norm > 0, norm, 1)
            return (after, jax.tree.map(lambda leaf: leaf / scale, tangent)), jnp.log(norm)

        _, growth = jax.lax.scan(step, (state, jax.tree.unflatten(treedef, drawn)), xs)
        return growth[SETTLING:].mean()

    return lambda gain: float(exponent(gain))
