import equinox as eqx
import jax
import numpy as np
import pytest
from flax import linen

from gradlab.cells.lstm import LSTM
from gradlab.initializers.orthogonal import orthogonal
from tests.cells import foreign


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_equals_equinox(dtype, key):
    params, state, xs = foreign.network(LSTM(), key, dtype)
    theirs = eqx.nn.LSTMCell(foreign.D, foreign.N, dtype=dtype, key=key)
    theirs = eqx.tree_at(
        lambda c: (c.weight_ih, c.weight_hh, c.bias),
        theirs,
        (params.w_in.reshape(-1, foreign.D), params.w_rec.reshape(-1, foreign.N), params.b.reshape(-1)),
    )

    def step(carry, x):
        carry = theirs(x, carry)
        return carry, carry[0]

    foreign.assert_equal(LSTM(), params, state, xs, step, (state.h, state.c))


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_equals_flax(dtype, key):
    params, state, xs = foreign.network(LSTM(), key, dtype)
    theirs = linen.LSTMCell(foreign.N, dtype=dtype, param_dtype=dtype)
    layers = {}
    for k, gate in enumerate(LSTM.gates):
        layers[f"i{gate}"] = foreign.dense(params.w_in[k])
        layers[f"h{gate}"] = foreign.dense(params.w_rec[k], params.b[k])
    step = lambda carry, x: theirs.apply({"params": layers}, carry, x)
    foreign.assert_equal(LSTM(), params, state, xs, step, (state.c, state.h))


def test_forget_bias_is_the_forget_gate_alone(key):
    params, state = LSTM(forget_bias=3.0).init(key, 2, 4, 1.0, orthogonal)
    np.testing.assert_array_equal(params.b, np.array([0.0, 3, 0, 0])[:, None] * np.ones(4))
    assert not any(leaf.any() for leaf in jax.tree.leaves(state))


def test_memory_is_carried_by_the_forget_gate_alone(key):
    """With the hidden state held still, dc'/dc is the forget gate."""
    params, state, xs = foreign.network(LSTM(), key, np.float64)
    jacobian = jax.jacfwd(lambda s: LSTM().step(params, s, xs[0]).c)(state).c
    forget = jax.nn.sigmoid(params.w_rec[1] @ state.h + params.w_in[1] @ xs[0] + params.b[1])
    np.testing.assert_allclose(jacobian, np.diag(forget), rtol=1e-14)


@pytest.mark.parametrize("bias", [float("nan"), float("inf")])
def test_forget_bias_is_finite(bias):
    with pytest.raises(ValueError, match=rf"forget_bias={bias} must be finite"):
        LSTM(forget_bias=bias)
