import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cells.cornn import CoRNN
from gradlab.initializers.gaussian import gaussian
from tests import exact, oracle
from tests.probes import networks
from tests.tiers import few

DAMPING = ["explicit", "implicit"]
DT, GAMMA, EPSILON = 0.3, 2.7, 0.7


def step(dt, gamma, epsilon, damping):
    def step(params, state, x):
        w_y, w_z = params.w_rec
        force = exact.tanh(w_y @ state.y + w_z @ state.z + params.w_in @ x + params.b)
        if damping == "explicit":
            z = state.z + dt * force - dt * gamma * state.y - dt * epsilon * state.z
        else:
            z = (state.z + dt * force - dt * gamma * state.y) / (1 + dt * epsilon)
        return state._replace(y=state.y + dt * z, z=z)

    return step


@pytest.mark.parametrize("damping", DAMPING)
def test_equals_the_equations(damping):
    exact.assert_step(f"cornn(damping={damping})", step(0.05, 1.0, 1.0, damping))


@pytest.mark.parametrize("damping", few(DAMPING, DAMPING[:1]))
@pytest.mark.slow
def test_gradient_equals_the_equations(damping):
    spec = f"cornn(dt={DT}, gamma={GAMMA}, epsilon={EPSILON}, damping={damping})"
    exact.assert_gradient(spec, step(DT, GAMMA, EPSILON, damping), T=20)


@pytest.mark.parametrize("damping", DAMPING)
def test_uncoupled_units_are_damped_oscillators(damping):
    """Without recurrent weights the transport is a power of one 2 x 2 matrix, the same for every unit."""
    spec = f"cornn(dt={DT}, gamma={GAMMA}, epsilon={EPSILON}, damping={damping})"
    found = networks.measured(networks.network(spec, 20, w_rec=0.0), "transport")
    keep = 1 - DT * EPSILON if damping == "explicit" else 1 / (1 + DT * EPSILON)
    pull = -DT * GAMMA * (1 if damping == "explicit" else keep)
    one = np.array([[1 + DT * pull, DT * keep], [pull, keep]])
    for lag in range(21):
        largest = np.linalg.norm(np.linalg.matrix_power(one, lag), 2)
        assert found["transport"][lag, 0] == pytest.approx(np.log10(largest), abs=1e-7)
        both = np.linalg.norm(np.linalg.matrix_power(one, lag)) * np.sqrt(3)
        assert found["transport_frobenius"][lag, 0] == pytest.approx(np.log10(both), abs=1e-12)


@pytest.mark.ends
@pytest.mark.parametrize("damping", DAMPING)
@pytest.mark.parametrize("dt", [0.1, 0.02])
def test_hidden_state_gradient_is_bounded_by_the_time_passed(damping, dt, key):
    """In the maximum norm a step's Jacobian is at most 1 + dt C, so that of any time s is at most exp(C s).

    C = 1 + |W_y| + |W_z|, for gamma = epsilon = 1: rows of z have dt (gamma + |W_y|) + (1 + dt |W_z|), those
    of y have 1 + dt (1 + dt |W_y| + dt |W_z|), at dt <= 1.
    """
    cell = CoRNN(dt=dt, damping=damping)
    steps, n = round(4 / dt), 4
    params, state = cell.init(key, 2, n, 2.0, gaussian)
    xs = jax.random.normal(key, (steps, 2))
    states = oracle.trajectory(cell.step, params, state, xs)
    before = jax.tree.map(lambda leaf: leaf[:-1], states)
    jacobian = jax.jit(jax.vmap(lambda s, x: jax.jacfwd(lambda s: cell.step(params, s, x))(s)))(before, xs)
    blocks = np.block([[np.asarray(jacobian.y.y), np.asarray(jacobian.y.z)],
                       [np.asarray(jacobian.z.y), np.asarray(jacobian.z.z)]])  # fmt: skip
    bound = 1 + sum(np.abs(np.asarray(w)).sum(axis=1).max() for w in params.w_rec)
    assert np.abs(blocks - np.eye(2 * n)).sum(axis=2).max() <= dt * (bound + 1)
    product = np.eye(2 * n)
    for lag, one in enumerate(blocks[::-1], start=1):
        assert np.abs(one).sum(axis=1).max() <= 1 + dt * bound
        product = product @ one
        assert np.abs(product).sum(axis=1).max() <= np.exp(bound * lag * dt)


def test_gradient_depends_on_the_time_and_not_on_the_number_of_steps(key):
    """Ten times as many steps of a tenth, the input held: the same equation, to first order in dt."""
    sizes = []
    for dt, hold in ((0.02, 1), (0.002, 10)):
        cell = CoRNN(dt=dt)
        params, state = cell.init(key, 2, 4, 1.0, gaussian)
        xs = jnp.repeat(jax.random.normal(key, (100, 2)), hold, axis=0)
        run = lambda s, cell=cell, params=params, xs=xs: (
            jax.lax.scan(lambda s, x: (cell.step(params, s, x), None), s, xs)[0].y
        )
        sizes.append(np.linalg.norm(jax.jit(jax.jacfwd(run))(state).y, 2))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)
    assert 0.05 < sizes[1] < 5


def test_readout_is_the_position(key):
    cell = CoRNN()
    _, state = cell.init(key, 2, 3, 1.0, gaussian)
    assert cell.memory == "y"
    np.testing.assert_array_equal(cell.readout(state._replace(y=jnp.arange(3.0))), [0, 1, 2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dt": 0.0}, "dt=0.0 must be positive and finite"),
        ({"dt": float("nan")}, "dt=nan must be positive and finite"),
        ({"gamma": -1.0}, "gamma=-1.0 must be at least 0 and finite"),
        ({"epsilon": float("inf")}, "epsilon=inf must be at least 0 and finite"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        CoRNN(**settings)
