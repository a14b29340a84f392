import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from gradlab.tasks.mackey_glass import MackeyGlass, _series
from gradlab.testing.sequences import draw


def test_follows_the_equation_solved_by_the_method_of_steps():
    """Over the first delay it is linear with a constant drive, over the second that solution drives it.

    Euler's error with steps of 0.1 at rate 0.1 is about 0.05 * 0.1 = 0.5 % of the way to the asymptote.
    """
    level = 0.2 * 1.2 / (1 + 1.2**10) / 0.1
    first = lambda t: level + (1.2 - level) * np.exp(-0.1 * t)
    rise = lambda t, z: 0.2 * first(t - 17) / (1 + first(t - 17) ** 10) - 0.1 * z
    times = np.arange(17.0, 35.0)
    second = solve_ivp(rise, (17, 34), [first(17.0)], t_eval=times, rtol=1e-10, atol=1e-12).y[0]
    series = np.asarray(_series(jnp.float64(1.2), 17, 35))
    np.testing.assert_allclose(series[:17], first(np.arange(17.0)), atol=0.005)
    np.testing.assert_allclose(series[17:], second, atol=0.01)


def test_the_target_is_the_series_ahead():
    examples = draw(MackeyGlass(ahead=5), 40, 20)
    np.testing.assert_array_equal(examples.target[:, :-5], examples.xs[:, 5:])


def test_series_is_on_the_attractor_and_sequences_are_apart():
    """With tau = 17 the values of z are known to lie between about 0.4 and 1.4."""
    examples = draw(MackeyGlass(), 100, 50)
    z = np.arctanh(examples.xs[..., 0]) + 1
    assert 0.2 < z.min() < 0.5
    assert 1.25 < z.max() < 1.4
    apart = abs(z[:, None, -1] - z[None, :, -1])[np.triu_indices(50, 1)]
    assert np.median(apart) > 0.1


@pytest.mark.parametrize("name", ["tau", "ahead"])
def test_delays_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1"):
        MackeyGlass(**{name: 0})
