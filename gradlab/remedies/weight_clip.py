"""A bound on every recurrent weight."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gradlab.remedies import _checks, _matrices
from gradlab.types import Remedy, Scalar


def weight_clip(*, limit: Scalar = 1.0) -> Remedy:
    """Bring every recurrent weight back to at most the limit, after each update.

    w' = min(max(w, -limit), limit)   for each entry of w_rec

    Reference: Li, Li, Cook, Zhu, Gao 2018, Independently recurrent neural network (IndRNN): building a longer
    and deeper RNN, where the limit is 2^(1/T).
    """
    _checks.positive("limit", limit)

    def clip(params: Any) -> Any:
        def one(path: tuple[Any, ...], leaf: Array) -> Array:
            return jnp.clip(leaf, -limit, limit) if _matrices.is_recurrent(path) else leaf

        return jax.tree_util.tree_map_with_path(one, params)

    return Remedy(project=clip)
