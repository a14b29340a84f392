"""Entries taken and put: what JAX's own indexing gives, and slices under every `vmap`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.recurrence import indexing

BUFFER = jnp.arange(2 * 3 * 5 * 4.0).reshape(2, 3, 5, 4)
WAYS = {
    "at": (lambda b, i, item: indexing.at(b, i), lambda b, i, item: b[i]),
    "some": (
        lambda b, i, item: indexing.some(b, i, 2),
        lambda b, i, item: jax.lax.dynamic_slice_in_dim(b, i, 2),
    ),
    "columns": (lambda b, i, item: indexing.columns(b, i, 1, 2), lambda b, i, item: b[i, 1:3]),
    "put": (lambda b, i, item: indexing.put(b, i, item), lambda b, i, item: b.at[i].set(item)),
    "put_some": (
        lambda b, i, item: indexing.put_some(b, i, jnp.stack([item, -item])),
        lambda b, i, item: jax.lax.dynamic_update_slice_in_dim(b, jnp.stack([item, -item]), i, 0),
    ),
}


def twice(f: Any, *axes: Any) -> Any:
    """For networks, and for the sequences of each."""
    return jax.vmap(jax.vmap(f, axes), axes)


@pytest.mark.parametrize("axes", [(0, None, 0), (0, None, None), (None, None, 0), (0, 0, 0), (None, 0, None)])
@pytest.mark.parametrize("way", WAYS)
def test_of_many_each_gets_its_own(way: str, axes: Any) -> None:
    ours, jaxs = WAYS[way]
    items = jnp.full((2, 3, 4), 100.0) + jnp.arange(4.0)[None, None]
    whole = (BUFFER, jnp.arange(6, dtype=jnp.int32).reshape(2, 3) % 4, items)
    given = [one if axis == 0 else one[0, 0] for one, axis in zip(whole, axes, strict=True)]
    assert np.array_equal(twice(ours, *axes)(*given), twice(jaxs, *axes)(*given))


@pytest.mark.parametrize("way", WAYS)
def test_where_all_take_the_same_entry_nothing_is_gathered(way: str) -> None:
    f = jax.jit(twice(WAYS[way][0], 0, None, 0))
    text = f.lower(BUFFER, jnp.int32(1), BUFFER[:, :, 0]).as_text()
    assert "dynamic_slice" in text or "dynamic_update_slice" in text
    assert "gather" not in text
    assert "scatter" not in text
