"""Annealed gradient noise."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Int

from gradlab.remedies import _checks
from gradlab.types import Key, Remedy, Scalar


class _State(NamedTuple):
    step: Int[Array, ""]
    key: Key


def gradient_noise(*, eta: Scalar = 0.01, gamma: Scalar = 0.55) -> Remedy:
    """Add Gaussian noise to the gradient, less and less of it.

    g' = g + n,   n ~ N(0, eta / (1 + step)^gamma)

    The key of a network's noise is made from its first weights, so that every network has noise of its own.

    Reference: Neelakantan et al. 2015, Adding gradient noise improves learning for very deep networks.
    """
    _checks.not_negative("eta", eta)
    _checks.not_negative("gamma", gamma)

    def start(weights: Any) -> _State:
        return _State(jnp.int32(0), _key(weights))

    def add(gradient: Any, state: _State, params: Any = None) -> tuple[Any, _State]:
        del params
        leaves, structure = jax.tree.flatten(gradient)
        keys = jax.random.split(jax.random.fold_in(state.key, state.step), len(leaves))

        def noisy(leaf: Array, key: Key) -> Array:
            std = jnp.sqrt(eta / (1 + state.step.astype(leaf.dtype)) ** gamma)
            return leaf + std * jax.random.normal(key, leaf.shape, leaf.dtype)

        added = [noisy(leaf, key) for leaf, key in zip(leaves, keys, strict=True)]
        return jax.tree.unflatten(structure, added), _State(state.step + 1, state.key)

    return Remedy(gradients=optax.GradientTransformation(start, add))


def _key(weights: Any) -> Key:
    """A key that depends on every bit of the weights, as float32."""
    key = jax.random.key(0)
    for leaf in jax.tree.leaves(weights):
        bits: Array = jax.lax.bitcast_convert_type(leaf.astype(jnp.float32), jnp.uint32)
        places = jnp.arange(1, 2 * bits.size, 2, dtype=jnp.uint32)
        key = jax.random.fold_in(key, jnp.sum(bits.ravel() * places, dtype=jnp.uint32))
    return key
