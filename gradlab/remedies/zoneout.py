"""Units that keep their state at random."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.remedies import _checks
from gradlab.types import Key, Remedy, Scalar, Step


def zoneout(*, rate: Scalar = 0.1) -> Remedy:
    """Let each number of the state keep its value over a step with a given probability, in training.

    s_t' = z s_{t-1} + (1 - z) s_t,   z ~ Bernoulli(rate) afresh for every number and step

    A gradient passes unchanged where a number is kept. Evaluations and profiles take the plain step.

    Reference: Krueger, Maharaj, Kramar, Pezeshki, Ballas, Ke, Goyal, Bengio, Courville, Pal 2017, Zoneout:
    regularizing RNNs by randomly preserving hidden activations.
    """
    _checks.share("rate", rate)

    def keeping(step: Step, key: Key, t: Int[Array, ""]) -> Step:
        def changed(params: Any, state: Any, x: Any) -> Any:
            after = step(params, state, x)
            leaves, form = jax.tree.flatten(after)
            drawn = jax.random.split(jax.random.fold_in(key, t), len(leaves))
            keys = jax.tree.unflatten(form, list(drawn))

            def one(key: Key, old: Array, new: Array) -> Array:
                return jnp.where(jax.random.bernoulli(key, rate, new.shape), old, new)

            return jax.tree.map(one, keys, state, after)

        return changed

    return Remedy(step=keeping)
