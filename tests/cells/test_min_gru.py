import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from gradlab.cells.min_gru import MinGRU
from gradlab.initializers.identity import identity
from tests import exact
from tests.cells import foreign
from tests.probes import networks


def step(params, state, x):
    z, n = (w @ x + b for w, b in zip(params.w_in, params.b, strict=True))
    keep = exact.sigmoid(z)
    return type(state)(keep * state.h + (1 - keep) * n)


def test_step_is_the_equation():
    exact.assert_step("min_gru", step)


@pytest.mark.slow
def test_gradient_is_the_equation_s():
    exact.assert_gradient("min_gru", step)


def test_equals_an_associative_scan(key):
    """What the cell was made for: without the hidden state in its gate, all steps can be taken at once."""
    params, state, xs = foreign.network(MinGRU(), key, np.float64)
    z, n = np.einsum("knd,td->ktn", params.w_in, xs) + np.asarray(params.b)[:, None]
    join = lambda a, b: (b[0] * a[0], b[0] * a[1] + b[1])
    _, hs = jax.lax.associative_scan(join, (jnp.asarray(expit(z)), jnp.asarray((1 - expit(z)) * n)))
    ours = []
    for x in xs:
        state = MinGRU().step(params, state, x)
        ours.append(state.h)
    np.testing.assert_allclose(jnp.stack(ours), hs, rtol=0, atol=1e-12)


def test_transport_is_the_product_of_the_openings():
    net = networks.network("min_gru", 40)
    found = networks.measured(net, "transport")["transport"][:, 0]
    gate_values = jax.vmap(lambda x: net.cell.gate_values(net.params, net.state, x)["z"])(net.xs)
    log = np.log10(np.asarray(gate_values))[::-1].cumsum(0)
    np.testing.assert_allclose(found[1:], log.max(1), rtol=1e-12)
    assert found[-1] < -3


def test_keep_bias_is_where_the_gate_starts(key):
    params, state = MinGRU(keep_bias=2.0).init(key, 2, 3, 1.0, identity)
    opening = MinGRU().gate_values(params, state, jnp.zeros(2))["z"]
    np.testing.assert_allclose(opening, np.full(3, expit(2.0)), rtol=1e-15)


def test_an_almost_open_gate_still_lets_a_gradient_through_in_float32(key):
    params, state, xs = foreign.network(MinGRU(keep_bias=30.0), key, np.float32)
    to_n = jax.grad(lambda p: MinGRU().step(p, state, xs[0]).h.sum())(params).b[1]
    z = np.float64(params.w_in[0]) @ np.float64(xs[0]) + np.float64(params.b[0])
    np.testing.assert_allclose(to_n, expit(-z), rtol=1e-4)


def test_the_recurrence_is_in_the_gate_alone(key):
    """n has no part in dh'/dh, and all of z's weights have."""
    params, state, xs = foreign.network(MinGRU(), key, np.float64)
    passed = lambda p: jax.jvp(
        lambda s: MinGRU().step(p, s, xs[0]), (state,), (state._replace(h=jnp.ones(5)),)
    )
    of_params = jax.grad(lambda p: passed(p)[1].h.sum())(params)
    assert all((np.asarray(leaf) != 0).all() for leaf in MinGRU().recurrent(of_params))
    assert not np.any(of_params.w_in[1])
    assert not np.any(of_params.b[1])


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="keep_bias=inf must be finite"):
        MinGRU(keep_bias=float("inf"))
