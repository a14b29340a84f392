"""Inputs that are left out at random."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from gradlab.remedies import _checks
from gradlab.types import Key, Remedy, Scalar, Step


def dropout(*, rate: Scalar = 0.1) -> Remedy:
    """Set each input to 0 with a given probability, and scale the others up, in training.

    x' = x z / (1 - rate),   z ~ Bernoulli(1 - rate) afresh for every input and step

    What goes from step to step is left alone, so that the memory is not forgotten. Evaluations and profiles
    take the plain step.

    Reference: Zaremba, Sutskever, Vinyals 2014, Recurrent neural network regularization.
    """
    _checks.share("rate", rate)

    def dropping(step: Step, key: Key, t: Int[Array, ""]) -> Step:
        def changed(params: Any, state: Any, x: Any) -> Any:
            kept = jax.random.bernoulli(jax.random.fold_in(key, t), 1 - rate, x.shape)
            return step(params, state, jnp.where(kept, x / (1 - rate), 0).astype(x.dtype))

        return changed

    return Remedy(step=dropping)
