import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from mpmath import mpf

from gradlab import registry
from gradlab.cells.residual import Residual
from gradlab.initializers.identity import identity
from gradlab.initializers.orthogonal import orthogonal
from tests import exact
from tests.probes import networks
from tests.tiers import few


def elman(params, state, x):
    return type(state)(exact.tanh(params.w_rec @ state.h + params.w_in @ x + params.b))


def lstm(params, state, x):
    given = params.w_in @ x + params.w_rec @ state.h + params.b
    i, f, o = (exact.sigmoid(given[k]) for k in (0, 1, 3))
    c = f * state.c + i * exact.tanh(given[2])
    return type(state)(h=o * exact.tanh(c), c=c)


def over(step, strength, join):
    """The step with its skip; h_{t-1} is the cell's, the rows of `past` are those before it."""

    def skipping(params, state, x):
        h, past = state.cell.h, [] if state.past is None else list(state.past)
        add = lambda own: own._replace(h=own.h + mpf(strength) * [h, *past][-1])
        own = step(params, add(state.cell) if join == "before" else state.cell, x)
        own = own if join == "before" else add(own)
        return type(state)(own, np.stack([h, *past[:-1]]) if past else None)

    return skipping


SKIPS = {
    "residual(skip=3, strength=0.5)": over(elman, 0.5, "before"),
    "residual(skip=2, join=after)": over(elman, 1.0, "after"),
    "residual(cell=lstm, skip=1, strength=-0.5, join=after)": over(lstm, -0.5, "after"),
    "residual(cell=lstm, skip=2)": over(lstm, 1.0, "before"),
}


@pytest.mark.ends
@pytest.mark.parametrize("spec", SKIPS)
def test_step_is_the_equation(spec):
    exact.assert_step(spec, SKIPS[spec])


@pytest.mark.parametrize("spec", few(list(SKIPS)[:3], list(SKIPS)[:1]))
@pytest.mark.slow
def test_gradient_is_the_equation_s(spec):
    exact.assert_gradient(spec, SKIPS[spec], T=15)


def run(cell, params, state, xs):
    read = []
    for x in xs:
        state = cell.step(params, state, x)
        read.append(cell.readout(state))
    return jnp.stack(read)


@pytest.mark.ends
@pytest.mark.parametrize("join", ["before", "after"])
@pytest.mark.parametrize("inner", ["elman", "lstm", "stacked"])
def test_without_strength_it_is_the_cell(inner, join, key):
    plain, cell = registry.make("cells", inner), Residual(inner, strength=0.0, join=join)
    xs = jax.random.normal(key, (9, 2))
    theirs, ours = (run(c, *c.init(key, 2, 3, 1.1, orthogonal), xs) for c in (plain, cell))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("skip", [1, 2, 5])
def test_reads_exactly_skip_steps_back(skip, key):
    """A linear cell that keeps nothing of its own: what came in at step 1 returns at every skip-th step."""
    cell = Residual("elman(activation=identity)", skip, 0.5, "after")
    params, state = cell.init(key, 1, 1, 0.0, identity)
    params = params._replace(w_in=jnp.ones((1, 1)))
    xs = jnp.zeros((11, 1)).at[0].set(1.0)
    back = [0.5 ** (t // skip) if t % skip == 0 else 0.0 for t in range(11)]
    np.testing.assert_array_equal(run(cell, params, state, xs)[:, 0], back)


@pytest.mark.parametrize("join", ["before", "after"])
def test_a_linear_skip_has_its_companion_matrix_as_jacobian(join, key):
    """h_t = W (h_{t-1} + s h_{t-3}), or W h_{t-1} + s h_{t-3}, and a shift of the older states."""
    cell = Residual("elman(activation=identity)", 3, 0.5, join)
    params, state = cell.init(key, 1, 2, 0.8, orthogonal)
    flat, unravel = ravel_pytree(state)
    jacobian = jax.jacfwd(lambda v: ravel_pytree(cell.step(params, unravel(v), jnp.ones(1)))[0])(flat)
    w, one, no = np.asarray(params.w_rec), np.eye(2), np.zeros((2, 2))
    older = 0.5 * (w if join == "before" else one)
    np.testing.assert_allclose(jacobian, np.block([[w, no, older], [one, no, no], [no, one, no]]), rtol=1e-15)


@pytest.mark.slow
def test_the_identity_path_keeps_the_gradient_of_a_cell_that_has_none():
    """With w_rec = 0 the cell itself passes nothing; what arrives has come by the skip alone."""
    net = networks.network("residual(skip=2, join=after)", 15, w_rec=0.0)
    found = networks.measured(net, "transport", "adjoint")
    np.testing.assert_allclose(found["transport"][:, 0], np.zeros(16), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["adjoint"][:, 0], np.zeros(16), rtol=0, atol=1e-12)


def test_only_what_is_read_out_is_added_to(key):
    cell, plain = Residual("lstm", 2, 1.0, "after"), registry.make("cells", "lstm")
    params, state = cell.init(key, 2, 3, 1.1, orthogonal)
    state = jax.tree.map(lambda leaf: jax.random.normal(key, leaf.shape), state)
    after, without = cell.step(params, state, jnp.ones(2)), plain.step(params, state.cell, jnp.ones(2))
    np.testing.assert_array_equal(after.cell.c, without.c)
    np.testing.assert_array_equal(after.cell.h, without.h + state.past[0])


def test_openings_are_those_of_the_state_that_is_read():
    net = networks.network("residual(cell=gru, skip=2)", 3)
    read = net.state.cell._replace(h=net.state.cell.h + net.state.past[0])
    theirs = registry.make("cells", "gru").gate_values(net.params, read, net.xs[0])
    ours = net.cell.gate_values(net.params, net.state, net.xs[0])
    assert set(ours) == {"r", "z"}
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="skip=0 must be at least 1"):
        Residual(skip=0)
    with pytest.raises(ValueError, match="strength=inf must be finite"):
        Residual(strength=float("inf"))
