"""A bound on every recurrent weight."""

import jax
import jax.numpy as jnp

from gradlab.remedies import _checks
from gradlab.types import Remedy


def weight_clip(*, limit: float = 1.0) -> Remedy:
    """Bring every recurrent weight back to at most the limit, after each update.

    w' = min(max(w, -limit), limit)   for each entry of w_rec

    Reference: Li, Li, Cook, Zhu, Gao 2018, Independently recurrent neural network (IndRNN): building a longer
    and deeper RNN, where the limit is 2^(1/T).
    """
    _checks.positive("limit", limit)

    def clip(params: object) -> object:
        def one(path: tuple[object, ...], leaf: jax.Array) -> jax.Array:
            named = any(getattr(part, "name", getattr(part, "key", None)) == "w_rec" for part in path)
            return jnp.clip(leaf, -limit, limit) if named else leaf

        return jax.tree_util.tree_map_with_path(one, params)

    return Remedy(project=clip)
