import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.remedies.training import remedy


def seen(rate, seed, t, x):
    """What the step is given."""
    change = remedy(f"dropout(rate={rate})").step
    changed = change(lambda params, state, x: x, jax.random.key(seed), jnp.int32(t))
    return np.asarray(changed(None, jnp.zeros(3), x))


def test_an_input_is_left_out_as_often_as_asked_and_the_mean_stays():
    x = jnp.ones(4000)
    found = seen(0.25, 0, 1, x)
    assert set(np.unique(found)) == {0.0, 1 / 0.75}
    assert abs((found == 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)
    assert abs(found.mean() - 1) < 0.05


def test_steps_and_sequences_draw_their_own():
    x = jnp.ones(100)
    assert np.array_equal(seen(0.5, 0, 1, x), seen(0.5, 0, 1, x))
    assert not np.array_equal(seen(0.5, 0, 1, x), seen(0.5, 0, 2, x))
    assert not np.array_equal(seen(0.5, 0, 1, x), seen(0.5, 1, 1, x))


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_the_rate_is_a_share(rate):
    from gradlab.remedies.dropout import dropout

    with pytest.raises(ValueError, match="0 or more, and below 1"):
        dropout(rate=rate)
