import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.testing import gaussian
from tests.remedies.training import remedy


@pytest.fixture
def network(key):
    cell = registry.make("cells", "lstm")
    params, state = cell.init(key, 2, 400, 1.0, gaussian)
    return cell.step, params, jax.tree.map(lambda leaf: leaf + 0.5, state), jnp.ones(2)


def test_each_number_is_the_old_or_the_new_one_and_as_often_as_asked(network):
    step, params, state, x = network
    after = step(params, state, x)
    found = remedy("zoneout(rate=0.3)").step(step, jax.random.key(1), jnp.int32(5))(params, state, x)
    kept = []
    for got, old, new in zip(*map(jax.tree.leaves, (found, state, after)), strict=True):
        assert ((got == old) | (got == new)).all()
        kept.append(np.asarray(got == old))
    assert abs(np.mean(kept) - 0.3) < 4 * np.sqrt(0.3 * 0.7 / np.size(kept))
    assert not np.array_equal(*kept)


def test_a_kept_number_passes_its_gradient_on_unchanged(network):
    step, params, state, x = network
    changed = remedy("zoneout(rate=0.5)").step(step, jax.random.key(1), jnp.int32(5))
    found = changed(params, state, x)
    _, pull = jax.vjp(lambda c: changed(params, state._replace(c=c), x).c, state.c)
    kept = np.asarray(found.c == state.c)
    np.testing.assert_array_equal(np.asarray(pull(jnp.ones_like(state.c))[0])[kept], 1.0)


def test_steps_and_sequences_draw_their_own(network):
    step, params, state, x = network
    make = lambda seed, t: remedy("zoneout(rate=0.5)").step(step, jax.random.key(seed), jnp.int32(t))
    drawn = [make(*at)(params, state, x).h for at in ((0, 1), (0, 2), (1, 1), (0, 1))]
    np.testing.assert_array_equal(drawn[0], drawn[3])
    assert not np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_the_rate_is_a_share(rate):
    from gradlab.remedies.zoneout import zoneout

    with pytest.raises(ValueError, match="0 or more, and below 1"):
        zoneout(rate=rate)
