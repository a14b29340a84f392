import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from gradlab.cells.elman import Elman
from gradlab.initializers.orthogonal import orthogonal
from tests.cells import foreign

THEIRS = {"tanh": jnp.tanh, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "identity": lambda a: a}


@pytest.mark.ends
@pytest.mark.parametrize("dtype", foreign.DTYPES)
@pytest.mark.parametrize("activation", THEIRS)
def test_equals_flax(activation, dtype, key):
    cell = Elman(activation)
    params, state, xs = foreign.network(cell, key, dtype)
    if activation in ("relu", "identity"):
        params = params._replace(w_rec=params.w_rec * dtype(0.5))
    theirs = linen.SimpleCell(foreign.N, activation_fn=THEIRS[activation], dtype=dtype, param_dtype=dtype)
    variables = {"params": {"i": foreign.dense(params.w_in, params.b), "h": foreign.dense(params.w_rec)}}
    foreign.assert_equal(cell, params, state, xs, lambda h, x: theirs.apply(variables, h, x), state.h)


def test_linear_jacobian_is_the_matrix(key):
    cell = Elman("identity")
    params, state, xs = foreign.network(cell, key, np.float64)
    jacobian = jax.jacrev(lambda s: cell.step(params, s, xs[0]))(state).h.h
    np.testing.assert_array_equal(jacobian, params.w_rec)


def test_one_unit_has_w_rec_as_its_weight(key):
    params, _ = Elman().init(key, 1, 1, -0.7, orthogonal)
    np.testing.assert_array_equal(params.w_rec, [[-0.7]])


def test_rate_theory():
    assert Elman("identity").rate_theory(0.1) == pytest.approx(-1)
    assert Elman("identity").rate_theory(0.0) is None
    assert Elman("tanh").rate_theory(0.1) is None
