import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from gradlab.cells.min_lstm import MinLSTM
from gradlab.initializers.identity import identity
from tests import exact
from tests.cells import foreign
from tests.probes import networks


def step(params, state, x):
    f, i, g = (w @ x + b for w, b in zip(params.w_in, params.b, strict=True))
    f, i = exact.sigmoid(f), exact.sigmoid(i)
    return type(state)(f / (f + i) * state.h + i / (f + i) * g)


def test_step_is_the_equation():
    exact.assert_step("min_lstm", step)


@pytest.mark.slow
def test_gradient_is_the_equation_s():
    exact.assert_gradient("min_lstm", step)


def test_equals_an_associative_scan(key):
    params, state, xs = foreign.network(MinLSTM(), key, np.float64)
    f, i, g = np.einsum("knd,td->ktn", params.w_in, xs) + np.asarray(params.b)[:, None]
    keep = expit(f) / (expit(f) + expit(i))
    join = lambda a, b: (b[0] * a[0], b[0] * a[1] + b[1])
    _, hs = jax.lax.associative_scan(join, (jnp.asarray(keep), jnp.asarray((1 - keep) * g)))
    ours = []
    for x in xs:
        state = MinLSTM().step(params, state, x)
        ours.append(state.h)
    np.testing.assert_allclose(jnp.stack(ours), hs, rtol=0, atol=1e-12)


def test_transport_is_the_product_of_the_openings():
    net = networks.network("min_lstm", 40)
    found = networks.measured(net, "transport")["transport"][:, 0]
    gate_values = jax.vmap(lambda x: net.cell.gate_values(net.params, net.state, x)["f"])(net.xs)
    log = np.log10(np.asarray(gate_values))[::-1].cumsum(0)
    np.testing.assert_allclose(found[1:], log.max(1), rtol=1e-12)
    assert found[-1] < -3


def test_the_openings_are_shares(key):
    params, state, xs = foreign.network(MinLSTM(forget_bias=1.0), key, np.float64)
    gate_values = MinLSTM().gate_values(params, state, xs[0])
    f, i, _ = np.asarray(params.w_in @ xs[0] + params.b)
    np.testing.assert_allclose(gate_values["f"], expit(f) / (expit(f) + expit(i)), rtol=1e-13)
    np.testing.assert_allclose(gate_values["f"] + gate_values["i"], np.ones(5), rtol=1e-15)


@pytest.mark.ends
@pytest.mark.parametrize("dtype", foreign.DTYPES)
@pytest.mark.parametrize(("level", "share"), [(-2000.0, expit(3.0)), (2000.0, 0.5), (0.0, None)])
def test_two_shut_gates_and_two_open_ones_still_share(level, share, dtype):
    """σ(f) / (σ(f) + σ(i)): of a shut pair it is σ(f - i), where the quotient itself would be 0 / 0."""
    cell = MinLSTM()
    params, state = cell.init(jax.random.key(0), 1, 1, 1.0, identity)
    b = jnp.array([[level + 3.0], [level], [0.0]])
    params, state, x = jax.tree.map(
        lambda leaf: leaf.astype(dtype), (params._replace(b=b), state._replace(h=jnp.ones(1)), jnp.zeros(1))
    )
    share = expit(3.0) / (expit(3.0) + expit(0.0)) if share is None else share
    value, slopes = jax.value_and_grad(lambda p: cell.step(p, state, x).h.sum())(params)
    assert value == pytest.approx(share, rel=1e-6)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="forget_bias=nan must be finite"):
        MinLSTM(forget_bias=float("nan"))
