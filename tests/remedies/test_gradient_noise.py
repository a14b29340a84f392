import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gradlab.remedies.gradient_noise import gradient_noise
from tests.remedies.training import changes_nothing, tree


def noises(change, weights, steps):
    """The noise alone at each step, one row per step."""
    zero = jax.tree.map(jnp.zeros_like, weights)

    def body(state, _):
        noise, state = change.update(zero, state, weights)
        return state, ravel_pytree(noise)[0]

    return jax.lax.scan(body, change.init(weights), None, steps)[1]


def test_variance_falls_as_said_and_every_step_draws_anew():
    weights = {"w": jnp.ones((100, 100))}
    found = np.asarray(noises(gradient_noise(eta=0.04, gamma=0.5).gradients, weights, 9))
    np.testing.assert_allclose(found.var(axis=1), 0.04 / np.arange(1, 10) ** 0.5, rtol=0.06)
    np.testing.assert_allclose(np.corrcoef(found) - np.eye(9), 0, atol=0.05)


def test_every_network_has_its_own_and_the_same_again():
    change = gradient_noise(eta=1.0, gamma=0.0).gradients
    drawn = jax.jit(lambda weights: noises(change, weights, 2))
    first = np.asarray(drawn(tree()))
    np.testing.assert_array_equal(first, drawn(tree()))
    for name, leaf in tree().items():
        other = tree() | {name: leaf.at[(0,) * leaf.ndim].multiply(1.001)}
        assert np.abs(drawn(other) - first).min() > 0


def test_eta_0_is_neutral():
    changes_nothing("gradient_noise(0.0)")


@pytest.mark.parametrize("settings", [{"eta": -1.0}, {"gamma": -1.0}, {"eta": float("nan")}])
def test_settings_are_not_negative(settings):
    with pytest.raises(ValueError, match="must be 0 or positive, and finite"):
        gradient_noise(**settings)
