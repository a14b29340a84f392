import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from mpmath import mp, mpf

from gradlab import registry
from gradlab.cells.layer_norm import LayerNorm
from gradlab.initializers.orthogonal import orthogonal
from tests import exact
from tests.cells import foreign
from tests.tiers import few


def elman(params, state, x):
    return type(state)(exact.tanh(params.w_rec @ state.h + params.w_in @ x + params.b))


def lstm(params, state, x):
    given = params.w_in @ x + params.w_rec @ state.h + params.b
    i, f, o = (exact.sigmoid(given[k]) for k in (0, 1, 3))
    c = f * state.c + i * exact.tanh(given[2])
    return type(state)(h=o * exact.tanh(c), c=c)


def normalised(step, epsilon):
    def steps(params, state, x):
        after = step(params.cell, state, x)
        off = after.h - sum(after.h) / mpf(len(after.h))
        spread = mp.sqrt(sum(off * off) / mpf(len(off)) + mpf(epsilon))
        return after._replace(h=params.gain * off / spread + params.shift)

    return steps


CELLS = {"layer_norm": normalised(elman, 1e-5), "layer_norm(cell=lstm)": normalised(lstm, 1e-5)}


@pytest.mark.parametrize("spec", CELLS)
def test_step_is_the_equation(spec):
    exact.assert_step(spec, CELLS[spec])


@pytest.mark.parametrize("spec", few(CELLS, ("layer_norm",)))
@pytest.mark.slow
def test_gradient_is_the_equation_s(spec):
    exact.assert_gradient(spec, CELLS[spec], T=15)


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_equals_flax(dtype, key):
    """flax's cell and normalisation, every weight drawn, at each step from the state that ours reached.

    From step to step a normalised state magnifies the rounding of both, by another amount on every
    processor: float64 has the digits to be compared over the whole sequence, too. Inputs so small that no
    step saturates all units alike: to divide by a spread of 0.02, say, would magnify it fiftyfold at once.
    """
    cell = LayerNorm("elman", 1e-3)
    params, state = cell.init(key, foreign.D, foreign.N, 0.5, orthogonal)
    xs = 0.3 * jax.random.normal(key, (foreign.T, foreign.D))
    keys = iter(jax.random.split(key, 3))
    noisy = lambda leaf: leaf + 0.3 * jax.random.normal(next(keys), leaf.shape)
    params = params._replace(
        cell=params.cell._replace(b=noisy(params.cell.b)), gain=noisy(params.gain), shift=noisy(params.shift)
    )
    params, state, xs = jax.tree.map(lambda leaf: leaf.astype(dtype), (params, state, xs))
    simple = linen.SimpleCell(foreign.N, dtype=dtype, param_dtype=dtype)
    norm = linen.LayerNorm(epsilon=1e-3, dtype=dtype, param_dtype=dtype, use_fast_variance=False)
    own = {"i": foreign.dense(params.cell.w_in, params.cell.b), "h": foreign.dense(params.cell.w_rec)}

    def step(h, x):
        _, h = simple.apply({"params": own}, h, x)
        return norm.apply({"params": {"scale": params.gain, "bias": params.shift}}, h)

    foreign.assert_equal_steps(cell, params, state, xs, step)
    if dtype is np.float64:
        foreign.assert_equal(cell, params, state, xs, lambda h, x: (step(h, x),) * 2, state.h)


def test_the_start_of_the_cell_is_untouched(key):
    plain, (params, state) = (
        registry.make("cells", "lstm"),
        LayerNorm("lstm").init(key, 2, 3, 1.1, orthogonal),
    )
    own, start = plain.init(key, 2, 3, 1.1, orthogonal)
    jax.tree.map(np.testing.assert_array_equal, (params.cell, state), (own, start))


def test_mean_and_variance_are_those_of_shift_and_gain(key):
    cell = LayerNorm("gru", 1e-12)
    params, state = cell.init(key, 2, 50, 1.1, orthogonal)
    params = params._replace(gain=2 * params.gain, shift=params.shift - 3)
    h = cell.readout(cell.step(params, state, jnp.ones(2)))
    np.testing.assert_allclose([h.mean(), h.std()], [-3, 2], rtol=1e-9)


def test_the_memory_of_an_lstm_goes_by(key):
    cell, plain = LayerNorm("lstm"), registry.make("cells", "lstm")
    params, state = cell.init(key, 2, 5, 1.1, orthogonal)
    state = jax.tree.map(lambda leaf: jax.random.normal(key, leaf.shape), state)
    after, without = cell.step(params, state, jnp.ones(2)), plain.step(params.cell, state, jnp.ones(2))
    np.testing.assert_array_equal(after.c, without.c)
    assert np.abs(after.h - without.h).max() > 0.1


@pytest.mark.ends
@pytest.mark.parametrize("dtype", foreign.DTYPES)
@pytest.mark.parametrize("size", [0.0, 1e-15, 1e15])
def test_a_state_without_spread_or_with_a_huge_one_is_safe(size, dtype, key):
    """All units equal (size 0), almost so, or far apart: values and gradients are finite."""
    cell = LayerNorm("elman(activation=identity)")
    params, state = cell.init(key, 2, 4, 1.0, orthogonal)
    state = state._replace(h=size * jnp.arange(4.0))
    params, state, x = jax.tree.map(lambda leaf: leaf.astype(dtype), (params, state, jnp.zeros(2)))
    value, slope = jax.value_and_grad(lambda s: cell.step(params, s, x).h[0])(state)
    assert np.isfinite(value)
    assert np.isfinite(slope.h).all()
    assert (slope.h != 0).any() or size > 1


def test_one_unit_is_its_shift_and_passes_no_gradient(key):
    cell = LayerNorm("elman")
    params, state = cell.init(key, 1, 1, 1.0, orthogonal)
    params, x = params._replace(shift=jnp.array([0.5])), jnp.ones(1)
    np.testing.assert_array_equal(cell.step(params, state, x).h, [0.5])
    np.testing.assert_array_equal(jax.jacfwd(lambda s: cell.step(params, s, x))(state).h.h, [[0.0]])


def test_it_takes_the_gain_out_of_a_linear_cell(key):
    """Where nothing else comes in, w_rec scales the state and its spread alike: the Jacobian stays."""
    cell, x = LayerNorm("elman(activation=identity)", 1e-12), jnp.zeros(2)
    jacobians = []
    for w_rec in (3.0, 300.0):
        params, state = cell.init(key, 2, 5, w_rec, orthogonal)
        state = state._replace(h=jnp.arange(5.0))
        jacobians.append(jax.jacfwd(lambda s, params=params: cell.step(params, s, x))(state).h.h)
    assert np.abs(jacobians[0]).max() > 0.1
    np.testing.assert_allclose(*jacobians, rtol=0, atol=1e-11)


def test_settings_out_of_range():
    with pytest.raises(ValueError, match=r"epsilon=0\.0 must be positive and finite"):
        LayerNorm(epsilon=0.0)
