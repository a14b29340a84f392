import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry, testing
from gradlab.cells.stacked import Stacked
from gradlab.errors import GradlabError
from gradlab.initializers.orthogonal import orthogonal
from tests import exact
from tests.cells import foreign
from tests.probes import networks
from tests.tiers import few


def elman(params, state, x):
    h = exact.tanh(params.w_rec @ state.h + params.w_in @ x + params.b)
    return type(state)(h)


def lstm(params, state, x):
    given = params.w_in @ x + params.w_rec @ state.h + params.b
    i, f, o = (exact.sigmoid(given[k]) for k in (0, 1, 3))
    c = f * state.c + i * exact.tanh(given[2])
    return type(state)(h=o * exact.tanh(c), c=c)


def stack(step):
    def steps(params, state, x):
        after = []
        for own, before in zip(params, state, strict=True):
            after.append(step(own, before, x))
            x = after[-1].h
        return tuple(after)

    return steps


LAYERS = {"stacked": stack(elman), "stacked(cell=lstm)": stack(lstm)}


@pytest.mark.parametrize("spec", LAYERS)
def test_step_is_the_equation(spec):
    exact.assert_step(spec, LAYERS[spec])


@pytest.mark.parametrize("spec", few(LAYERS, ("stacked",)))
@pytest.mark.slow
def test_gradient_is_the_equation_s(spec):
    exact.assert_gradient(spec, LAYERS[spec], T=15)


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_equals_a_stack_of_equinox(dtype, key):
    cell = Stacked("gru(reset=after)", 2)
    params, state = cell.init(key, foreign.D, foreign.N, 1.1, orthogonal)
    noisy = [
        own._replace(b=own.b + 0.3 * jax.random.normal(k, own.b.shape))
        for own, k in zip(params, jax.random.split(key, 2), strict=True)
    ]
    xs = jax.random.normal(key, (foreign.T, foreign.D))
    params, state, xs = jax.tree.map(lambda leaf: leaf.astype(dtype), (tuple(noisy), state, xs))

    def layer(own):
        theirs = eqx.nn.GRUCell(own.w_in.shape[-1], foreign.N, dtype=dtype, key=key)
        weights = own.w_in.reshape(-1, own.w_in.shape[-1]), own.w_rec.reshape(-1, foreign.N)
        values = *weights, own.b.reshape(-1), jnp.zeros(foreign.N, dtype)
        return eqx.tree_at(lambda c: (c.weight_ih, c.weight_hh, c.bias, c.bias_n), theirs, values)

    theirs = [layer(own) for own in params]

    def step(hs, x):
        after = []
        for own, h in zip(theirs, hs, strict=True):
            after.append(x := own(x, h))
        return after, x

    foreign.assert_equal(cell, params, state, xs, step, [own.h for own in state])


def test_one_layer_is_the_cell(key):
    cell, one = Stacked("lstm", 1), registry.make("cells", "lstm")
    (params,), (state,) = cell.init(key, foreign.D, foreign.N, 1.1, orthogonal)
    for x in jax.random.normal(key, (foreign.T, foreign.D)):
        (stacked,) = cell.step((params,), (state,), x)
        state = one.step(params, state, x)
        jax.tree.map(np.testing.assert_array_equal, stacked, state)
    assert Stacked("elman(activation=identity)", 1).rate_theory(0.1) == pytest.approx(-1)
    assert Stacked("elman(activation=identity)", 2).rate_theory(0.1) is None


def test_layers_are_drawn_apart(key):
    params, _ = Stacked("elman", 3).init(key, 5, 5, 1.0, orthogonal)
    drawn = {float(leaf[0, 0]) for own in params for leaf in (own.w_in, own.w_rec)}
    assert len(drawn) == 6


def test_no_gradient_runs_down_a_layer(key):
    """What a layer was at step t-1 does not depend on the layers above it."""
    cell = Stacked("elman", 2)
    params, state = cell.init(key, 2, 3, 0.9, orthogonal)
    jacobian = jax.jacrev(lambda s: cell.step(params, s, jnp.ones(2)))(state)
    assert not np.any(jacobian[0].h[1].h)
    assert np.abs(jacobian[1].h[0].h).max() > 0.01


def test_openings_are_each_layer_s_own():
    net = networks.network("stacked(cell=min_gru, layers=2)", 3)
    cell, (low, high) = net.cell, net.params
    found = cell.gate_values(net.params, net.state, net.xs[0])
    one = registry.make("cells", "min_gru")
    below = one.step(low, net.state[0], net.xs[0])
    np.testing.assert_array_equal(found["0/z"], one.gate_values(low, net.state[0], net.xs[0])["z"])
    np.testing.assert_array_equal(found["1/z"], one.gate_values(high, net.state[1], below.h)["z"])
    assert cell.carry_gate == "1/z"


def test_parts_are_named_by_layer(key):
    cell = Stacked("lstm", 2)
    _, state = cell.init(key, 2, 3, 1.0, orthogonal)
    assert list(testing.named(state)) == ["0/h", "0/c", "1/h", "1/c"]
    assert cell.memory == "1/c"


def test_the_inner_spelling_is_canonical():
    spec = "stacked( cell=lstm( forget_bias = 1.0 ), layers=2)"
    assert registry.label("cells", spec) == "stacked(cell=lstm)"
    assert registry.make("cells", spec) == Stacked("lstm")
    assert registry.label("cells", "stacked(cell=elman)") == "stacked"


def test_wrappers_nest_to_any_depth():
    spec = "stacked(cell=layer_norm(cell=residual(cell=lstm(forget_bias=2.0), skip=2)), layers=3)"
    assert registry.label("cells", spec) == spec
    cell = registry.make("cells", spec)
    assert (cell.gates, cell.memory) == (("i", "f", "g", "o"), "2/cell/c")


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="layers=0 must be at least 1"):
        Stacked(layers=0)
    with pytest.raises(GradlabError, match="did you mean lstm"):
        Stacked("lstn")
