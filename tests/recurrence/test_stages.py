"""What is taken out of a step: products of the state, with all that an input adds to them."""

import jax
import jax.numpy as jnp
import pytest

from gradlab import registry
from gradlab.recurrence.stages import Stages, stages

APART = {
    "antisymmetric": "adds what its matrix takes away before the input",
    "cornn": "adds two products before the input",
    "minimal": "has an input of its own beside its gate's",
    "indrnn": "has no product",
    "lru": "has no product",
    "min_gru": "has no product",
    "min_lstm": "has no product",
}
"""Cells whose inputs are worked out apart, and why."""


def cut(spec: str) -> Stages:
    cell = registry.make("cells", spec)
    init = lambda: cell.init(jax.random.key(0), 2, 8, 1.0, lambda key, n: jnp.eye(n))
    found = stages(cell.step, *jax.eval_shape(init), jax.ShapeDtypeStruct((2,), float))
    assert found is not None
    return found


@pytest.mark.parametrize("name", registry.names("cells"))
def test_one_product_has_the_state_and_the_input(name: str) -> None:
    found = cut(name)
    assert bool(found.own) == (name in APART)
    if name not in APART:
        assert found.of_input


@pytest.mark.parametrize(
    ("name", "gates"), [("lstm", 4), ("peephole_lstm", 4), ("coupled_lstm", 3), ("gru", 2)]
)
def test_gates_share_a_product(name: str, gates: int) -> None:
    first = cut(name).groups[0]
    assert len(first.products) == gates
    assert all(one.added is not None for one in first.products)
