"""Cells of equinox and flax stand in the place of ours, and run as these libraries run them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from tests.foreign.mine import D, N, apart, drawn, hidden


def test_an_equinox_gru_runs_as_equinox_runs_it():
    cell, params, state = drawn("equinox.nn:GRUCell")
    theirs = eqx.nn.GRUCell(D, N, key=jax.random.key(3))
    ours = hidden(cell, params, state)
    np.testing.assert_allclose(ours, apart(lambda h, x: theirs(x, h), np.zeros(N)), rtol=1e-12)
    assert list(cell.recurrent(params)) == ["weight_hh"]


def test_an_equinox_lstm_runs_as_equinox_runs_it_and_takes_settings():
    cell, params, state = drawn("equinox.nn:LSTMCell(use_bias=false)")
    theirs = eqx.nn.LSTMCell(D, N, use_bias=False, key=jax.random.key(3))
    zeros = (np.zeros(N), np.zeros(N))
    np.testing.assert_allclose(
        hidden(cell, params, state), apart(lambda s, x: theirs(x, s), zeros, lambda s: s[0]), rtol=1e-12
    )
    assert (cell.memory, state._fields, list(params.numbers)) == ("c", ("h", "c"), ["weight_ih", "weight_hh"])


@pytest.mark.ends
@pytest.mark.parametrize(
    ("name", "recurrent"),
    [("GRUCell", ["hn", "hr", "hz"]), ("LSTMCell", ["hf", "hg", "hi", "ho"]), ("SimpleCell", ["h"])],
)
def test_a_flax_linen_cell_runs_as_flax_runs_it(name, recurrent):
    cell, params, state = drawn(f"flax.linen:{name}")
    theirs = getattr(linen, name)(features=N)
    carry = theirs.initialize_carry(jax.random.key(3), (D,))
    of_flax = theirs.init(jax.random.key(3), carry, np.zeros(D))
    wide = jax.tree.map(lambda leaf: leaf.astype(float), (of_flax, carry))
    read = lambda carry: carry[1] if isinstance(carry, tuple) else carry
    step = lambda carry, x: theirs.apply(wide[0], carry, x)[0]
    np.testing.assert_allclose(hidden(cell, params, state), apart(step, wide[1], read), rtol=1e-12)
    assert list(cell.recurrent(params)) == [f"{gate}/kernel" for gate in recurrent]


@pytest.mark.ends
@pytest.mark.parametrize("name", ["GRUCell", "SimpleCell", "OptimizedLSTMCell"])
def test_a_flax_nnx_cell_runs_as_flax_runs_it(name):
    cell, params, state = drawn(f"flax.nnx:{name}")
    theirs = getattr(nnx, name)(D, N, dtype=None, rngs=nnx.Rngs(jax.random.key(3)))
    carry = theirs.initialize_carry((D,), nnx.Rngs(0))
    read = lambda carry: carry[1] if isinstance(carry, tuple) else carry
    found = apart(lambda carry, x: theirs(carry, x.astype(jnp.float32))[0], carry, read)
    # Theirs are float32 numbers.
    np.testing.assert_allclose(hidden(cell, params, state), found, rtol=0, atol=1e-5)
    assert list(cell.recurrent(params)) == ["dense_h/kernel"]
