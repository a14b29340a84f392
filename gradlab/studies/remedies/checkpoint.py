"""Networks in training, kept so that a training that was stopped goes on where it was."""

import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import digests
from gradlab.runs.shards import Shards

Tree = Any
"""Networks, and what they carry: a tree of arrays."""
SAVE_SECONDS = 5.0
"""Networks in training are kept this often."""


class Checkpoint:
    """Where the networks of one stage of an arm are kept while they are trained."""

    def __init__(
        self,
        shards: Shards | None,
        arm: str,
        T: int,
        doing: str,
        code: digests.Code | None = None,
        before: Sequence[str] = (),
    ) -> None:
        """`before` are stages from whose end this one may go on, the first one first."""
        self.code = code or {}
        self.shards = shards
        self.key: dict[str, Any] = {"arm": arm, "T": T, "doing": doing}
        self.before = [self.key | {"doing": earlier} for earlier in reversed(before)]
        self.saved = time.monotonic()

    def resume(
        self, networks: Tree, evaluations: dict[str, Any], solved: NDArray[np.int64]
    ) -> tuple[Tree, int]:
        """The networks as they were kept, and evaluations so far, filled in as `solved` is."""
        wanted = _shapes(self._arrays(networks, evaluations, solved, 0))
        rounds = len(evaluations["loss"])

        def fits(arrays: Any) -> bool:
            arrays = digests.without(arrays)
            return _shapes(arrays) == wanted and bool(0 <= arrays["look"][0] <= rounds)

        if self.shards is None:
            return networks, 0
        found = (self.shards.get(fits, **key) for key in (self.key, *self.before))
        kept = next((one for one in found if one is not None), None)
        if kept is None:
            return networks, 0
        for name, values in evaluations.items():
            values[:] = kept[name]
        solved[:] = kept["solved_at"]
        leaves, structure = jax.tree.flatten(networks)
        stored = [jnp.asarray(kept[f"lane {i}"]) for i in range(len(leaves))]
        alike = [
            jax.random.wrap_key_data(new, impl="threefry2x32") if _is_key(old) else new
            for old, new in zip(leaves, stored, strict=True)
        ]
        return jax.tree.unflatten(structure, alike), int(kept["look"][0])

    def save(
        self,
        networks: Tree,
        evaluations: dict[str, Any],
        solved: NDArray[np.int64],
        done: int,
        *,
        last: bool,
    ) -> None:
        """Keep them, if it has been a while or the stage is over."""
        if self.shards is None or not (last or time.monotonic() - self.saved > SAVE_SECONDS):
            return
        arrays = self._arrays(networks, evaluations, solved, done)
        self.shards.put(arrays | digests.packed(self.code), **self.key)
        self.saved = time.monotonic()

    def _arrays(
        self, networks: Tree, evaluations: dict[str, Any], solved: NDArray[np.int64], done: int
    ) -> Any:
        # By these two names networks have been kept from the first version on.
        leaves = [jax.random.key_data(leaf) if _is_key(leaf) else leaf for leaf in jax.tree.leaves(networks)]
        arrays = {f"lane {i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        return arrays | evaluations | {"solved_at": solved, "look": np.array([done])}


def _shapes(arrays: dict[str, NDArray[Any]]) -> dict[str, tuple[Any, ...]]:
    return {name: (array.dtype, array.shape) for name, array in arrays.items()}


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))
