"""Training with carried state: its gradient, its states, and the learning rate along the way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.recurrence import batch
from gradlab.studies.neurons import training
from gradlab.studies.remedies.networks import initialised
from tests.studies.neurons import hand_set

SYMBOLS, T, B = 5, 8, 4


@pytest.fixture(scope="module")
def parts():
    setting = hand_set.setting(SYMBOLS, 3, "gru")
    normal = lambda key, n: jax.random.normal(key, (n, n)) / np.sqrt(n)
    network = initialised(setting, normal, 1.0, 0.01, jax.random.key(3), jnp.float32)
    ring = jnp.asarray(np.random.default_rng(0).integers(0, SYMBOLS, 101), jnp.int32)
    return setting, network, ring, jnp.asarray([0, 25, 50, 95], jnp.int32)


def around(ring, starts, count):
    """So many codes from each start, the text taken as a ring."""
    return jnp.asarray(
        np.take(np.asarray(ring), np.add.outer(np.asarray(starts), np.arange(count)), mode="wrap")
    )


def numbers(tree):
    """The leaves of a tree, random keys as the integers that they are."""
    is_key = lambda leaf: jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return [np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf) for leaf in jax.tree.leaves(tree)]


def plain(setting, weights, states, codes):
    """The same loss, step by step."""
    nats = 0.0
    for t in range(codes.shape[1] - 1):
        xs = jax.nn.one_hot(codes[:, t], SYMBOLS, dtype=jnp.float32)
        states = jax.vmap(setting.cell.step, (None, 0, 0))(weights.cell, states, xs)
        hidden = jax.vmap(setting.cell.readout)(states)
        log = jax.nn.log_softmax(hidden @ weights.w_out.T + weights.b_out[None])
        nats -= jnp.take_along_axis(log, codes[:, t + 1 : t + 2], 1).mean()
    return nats / (codes.shape[1] - 1), states


@pytest.mark.slow
def test_a_batch_may_start_from_states_of_its_own(parts):
    setting, network, _, _ = parts
    rng = np.random.default_rng(1)
    begin = jax.tree.map(
        lambda leaf: jnp.asarray(rng.standard_normal((B, *leaf.shape)), jnp.float32), network.state
    )
    xs = jnp.asarray(rng.standard_normal((T, B, SYMBOLS)), jnp.float32)
    each = jax.vmap(setting.cell.step, (None, 0, 0))
    cell = network.weights.cell

    def both(params, begin):
        wanted = jax.lax.scan(lambda state, x: (each(params, state, x),) * 2, begin, xs)[1]
        return wanted, batch.states(setting.cell.step, params, network.state, xs, begin)

    def squared(which):
        return lambda params, begin: sum(
            jnp.sum(leaf**2) for leaf in jax.tree.leaves(both(params, begin)[which])
        )

    for wanted, found in zip(*(jax.tree.leaves(one) for one in both(cell, begin)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    wanted, found = (jax.grad(squared(which), argnums=(0, 1))(cell, begin) for which in (0, 1))
    for one, other in zip(*(jax.tree.leaves(tree) for tree in (wanted, found)), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_the_loss_its_gradient_and_the_states_are_those_of_a_loop(parts):
    setting, network, ring, starts = parts
    reader = training.begun(setting, network)
    codes = around(ring, starts, T + 1)
    grad = jax.value_and_grad(lambda w: training.loss(setting, w, reader.states, codes), has_aux=True)
    (nats, after), raw = grad(network.weights)
    (wanted, states), slope = jax.value_and_grad(
        lambda w: plain(setting, w, reader.states, codes), has_aux=True
    )(network.weights)
    assert nats == pytest.approx(float(wanted), rel=1e-5)
    for found, one in zip(jax.tree.leaves((after, raw)), jax.tree.leaves((states, slope)), strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-4, atol=1e-5)


def test_states_are_carried_round_the_ring_and_the_clock_counts_updates(parts):
    setting, network, ring, starts = parts
    still = training.begun(setting, network._replace(rate=jnp.float32(0)))
    program = training.program(setting, training.devices())
    given = (ring, starts, jnp.int32(3), jnp.float32(3))
    after, states, bits = program(still.network, still.states, *given)
    codes = around(ring, starts, 3 * T + 1)
    nats, wanted = plain(setting, network.weights, still.states, codes)
    assert int(after.updates) == 3
    assert float(bits) == pytest.approx(float(nats) / np.log(2), rel=1e-5)
    for found, one in zip(jax.tree.leaves(states), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-4, atol=1e-5)


def test_three_updates_at_once_are_three_updates_one_by_one(parts):
    setting, network, ring, starts = parts
    program = training.program(setting, training.devices())
    reader = training.begun(setting, network)
    total = jnp.float32(10)
    whole = program(reader.network, reader.states, ring, starts, jnp.int32(3), total)
    now, states = reader.network, reader.states
    for _ in range(3):
        now, states, _ = program(now, states, ring, starts, jnp.int32(1), total)
    for found, wanted in zip(numbers((now, states)), numbers(whole[:2]), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_the_learning_rate_rises_and_falls():
    base, total = jnp.float32(2.0), jnp.float32(1000)
    values = [float(training.rate(base, jnp.int32(u), total)) for u in (0, 19, 500, 1000)]
    middle = 2 * (training.LAST + (1 - training.LAST) * 0.5)
    np.testing.assert_allclose(values, (2.0 / training.WARM, 2.0, middle, 2 * training.LAST), rtol=2e-3)


def test_an_evaluation_is_the_mean_over_places_without_their_first_characters(parts):
    setting, network, ring, _ = parts
    codes = np.stack([np.asarray(ring[i : i + 40]) for i in range(training.LANES)], axis=1)
    found = float(training.evaluation(setting)(network.weights, network.state, jnp.asarray(codes)))
    states = jax.tree.map(lambda leaf: jnp.tile(leaf, (training.LANES, *(1,) * leaf.ndim)), network.state)
    _, states = plain(setting, network.weights, states, jnp.asarray(codes.T[:, :11]))
    nats, _ = plain(setting, network.weights, states, jnp.asarray(codes.T[:, 10:]))
    assert found == pytest.approx(float(nats) / np.log(2), rel=1e-5)


def test_what_is_written_is_drawn_from_what_the_network_expects(parts):
    """With one logit far above the others, that symbol is all that is written."""
    setting, network, _, _ = parts
    weights = network.weights._replace(b_out=jnp.asarray([0, 0, 0, 50.0, 0], jnp.float32))
    write = training.writing(setting)
    assert set(write(weights, network.state, jnp.int32(0), jax.random.key(0)).tolist()) == {3}
    loose = network.weights._replace(b_out=jnp.zeros(SYMBOLS, jnp.float32), w_out=0 * network.weights.w_out)
    found = [write(loose, network.state, jnp.int32(0), jax.random.key(i)).tolist() for i in range(30)]
    counts = np.bincount(np.concatenate(found), minlength=SYMBOLS)
    assert counts.sum() == 30 * training.WRITTEN
    assert (np.abs(counts / counts.sum() - 0.2) < 0.06).all()
