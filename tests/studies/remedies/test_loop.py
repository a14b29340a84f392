"""The training loop against one written by hand, and what becomes of a network that diverges."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab.studies.remedies import arms, loop
from gradlab.studies.remedies.losses import evaluate
from gradlab.studies.remedies.optimizers import OPTIMIZERS, rule
from tests.remedies.training import Follow, batch, close, equal, setting, untrained
from tests.tiers import few

HAND = {
    "sgd": lambda rate: optax.sgd(rate),
    "momentum": lambda rate: optax.sgd(rate, momentum=0.9),
    "adam": lambda rate: optax.adam(rate),
    "rmsprop": lambda rate: optax.rmsprop(rate, decay=0.9, eps_in_sqrt=False),
}


def by_hand(of, one, updates, optimizer):
    """A plain optax loop over a plain loop over time; the weights after it, and the loss of each update."""

    def alone(weights, example):
        state, read = one.state, []
        for x in example.xs:
            state = of.cell.step(weights.cell, state, x)
            read.append(of.cell.readout(state))
        outputs = jnp.stack(read) @ weights.w_out.T + weights.b_out[None]
        return of.task.loss(outputs, example)

    mean = lambda weights, examples: jax.vmap(lambda e: alone(weights, e))(examples).mean()
    grad = jax.jit(jax.value_and_grad(mean))
    weights, memory, losses = one.weights, optimizer.init(one.weights), []
    for count in range(updates):
        value, found = grad(weights, batch(of, one._replace(updates=jnp.int32(count))))
        step, memory = optimizer.update(found, memory, weights)
        weights = optax.apply_updates(weights, step)
        losses.append(float(value))
    return weights, losses


@functools.cache
def update(of):
    return jax.jit(functools.partial(loop.update, of))


def after(of, one, updates=3):
    said = []
    for _ in range(updates):
        one, new = update(of)(one)
        said.append(new)
    return one, said


SMALL = {"T": 3, "hidden": 2}


@pytest.mark.parametrize("name", few(OPTIMIZERS, ["adam"]))
def test_without_a_remedy_it_is_a_plain_optax_loop(name):
    of = setting(optimizer=name, **SMALL)
    one = untrained(of, rate=0.05)
    # optax divides a float by its step count, a promotion that the other tests forbid.
    with jax.numpy_dtype_promotion("standard"):
        found, said = after(of, one)
        weights, losses = by_hand(of, one, 3, HAND[name](0.05))
    close(found.weights, weights, rtol=1e-11 if name in ("adam", "rmsprop") else 1e-12)
    close([s["loss"] for s in said], losses)
    assert (int(found.updates), int(found.broken)) == (3, 0)
    assert not any(s["changed"] for s in said)
    close([s["cosine"] for s in said], [1.0] * 3)


def rmsprop(gradients):
    """Tieleman and Hinton's, its constant outside the root as in `torch.optim.RMSprop(alpha=0.9)`."""
    v = 0.0
    for g in gradients:
        v = 0.9 * v + 0.1 * g**2
        yield g / (np.sqrt(v) + 1e-8)


def adam(gradients):
    """Kingma and Ba's Algorithm 1, as in `torch.optim.Adam()`."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        yield m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


@pytest.mark.parametrize("size", [1.0, 1e-6])
@pytest.mark.parametrize("formula", [rmsprop, adam])
def test_small_gradients_take_the_steps_of_large_ones(formula, size):
    """A constant inside the root would be a floor: at 1e-6 the step would be 100 times too small."""
    made = rule(formula.__name__)
    gradients = size * np.array([[1.0, -2.0], [0.5, 3.0], [-0.7, 0.1], [0.2, 1.0], [1.0, 1.0]])
    state = made.init(jnp.zeros(2))
    for g, expected in zip(gradients, formula(gradients), strict=True):
        step, state = made.update(jnp.asarray(g), state)
        np.testing.assert_allclose(step, expected, rtol=1e-12)
        assert np.abs(expected).max() > 0.1


NEUTRAL = "clip_norm(1e30)+clip_value(1e30)+scale_gradient(1.0)+gradient_noise(0.0)+adaptive_clip(1e30)"
NEUTRAL += "+truncate(9)+clip_adjoint(1e30)+omega(0.0)+gradient_penalty(0.0)+flossing(0.0)"
NEUTRAL += "+spectral_norm(1e30)+weight_clip(1e30)+zoneout(0.0)+dropout(0.0)"


@pytest.mark.slow
def test_all_remedies_together_in_their_neutral_settings_change_no_number():
    arm = arms.arm(NEUTRAL, "elman", "gaussian")
    plain = setting(**SMALL)
    one = untrained(plain)
    found, said = after(setting(arm.remedy, **SMALL), untrained(setting(arm.remedy, **SMALL)))
    expected, heard = after(plain, one)
    close(found.weights, expected.weights)
    for name in ("loss", "raw", "used", "cosine"):
        close([s[name] for s in said], [s[name] for s in heard])
    assert not any(s["changed"] for s in said)


@pytest.mark.slow
def test_changes_of_the_gradient_chain_in_the_order_given():
    """Against the chain by hand: shorten then cut, and cut then shorten."""
    plain = setting(**SMALL)
    one = untrained(plain, rate=1.0)
    gradient = jax.tree.map(lambda a, b: np.asarray(a - b), one.weights, after(plain, one, 1)[0].weights)
    leaves, structure = jax.tree.flatten(gradient)
    size = lambda parts: np.sqrt(sum((part**2).sum() for part in parts))
    shorten = lambda parts: [part * min(1, 1 / size(parts)) for part in parts]
    cut = lambda parts: [np.clip(part, -0.4, 0.4) for part in parts]
    assert size(leaves) > 1.5
    results = []
    for text, expected in (
        ("clip_norm(1.0)+clip_value(0.4)", cut(shorten(leaves))),
        ("clip_value(0.4)+clip_norm(1.0)", shorten(cut(leaves))),
    ):
        of = setting(arms.arm(text, "elman", "gaussian").remedy, **SMALL)
        moved, said = after(of, untrained(of, rate=1.0), 1)
        used = jax.tree.map(lambda a, b: np.asarray(a - b), one.weights, moved.weights)
        close(used, jax.tree.unflatten(structure, expected), atol=1e-14)
        results.append(used.cell.w_in)
        raw, changed = (np.concatenate([np.ravel(p) for p in parts]) for parts in (leaves, expected))
        cosine = raw @ changed / np.linalg.norm(raw) / np.linalg.norm(changed)
        assert bool(said[0]["changed"])
        found = [float(said[0][name]) for name in ("raw", "used", "cosine")]
        sizes = np.log10([np.linalg.norm(raw), np.linalg.norm(changed)])
        np.testing.assert_allclose(found, [*sizes, cosine], rtol=1e-12, atol=1e-14)
    assert np.abs(results[0] - results[1]).max() > 0.01


@pytest.mark.parametrize(("scale", "log"), [(1e-30, -30), (1e30, 30), (0.0, np.log10(2.0**-126))])
def test_norms_of_gradients_are_told_beyond_their_squares(scale, log):
    raw = {"w": jnp.full((2, 2), 0.5 * scale, jnp.float32)}
    sizes, cosine = loop._compared(raw, jax.tree.map(lambda leaf: leaf / 4, raw))
    np.testing.assert_allclose(sizes, [log, log - np.log10(4) * (scale > 0)], rtol=1e-6)
    assert float(cosine) == pytest.approx(1, abs=1e-6)


def test_what_a_cell_says_is_fixed_stays_to_the_last_bit():
    of = setting(cell="esn(density=1.0)", **SMALL)
    one = untrained(of)
    found, _ = after(of, one)
    equal(found.weights.cell, one.weights.cell)
    assert np.abs(found.weights.w_out - one.weights.w_out).max() > 0


@dataclasses.dataclass(frozen=True)
class Broken(Follow):
    """A loss that is not finite."""

    def loss(self, outputs, example):
        return super().loss(outputs, example) * jnp.inf


@pytest.fixture(scope="module")
def rounds():
    """Two rounds of four networks at once: rates 0.1, 1e30, 0.1 and 0.01."""
    of = setting(eval_every=3, **SMALL)
    networks = [
        untrained(of, seed, rate, dtype=jnp.float32) for seed, rate in enumerate((0.1, 1e30, 0.1, 0.01))
    ]
    many = jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)
    call = jax.jit(jax.vmap(functools.partial(loop.advance, of)))
    keys = jnp.stack([jax.random.key(9)] * 4)
    first = call(many, keys)
    return many, call, keys, first, call(first[0], keys)


class TestANetworkThatDiverges:
    def test_it_stops_and_says_when_and_what(self, rounds):
        _, _, _, (networks, evaluation), (later, again) = rounds
        assert list(networks.broken > 0) == [False, True, False, False]
        assert int(networks.updates[1]) == int(networks.broken[1]) - 1 < 3
        assert loop.QUANTITIES[int(networks.what[1])] in ("loss", "gradient")
        assert all(np.isfinite(leaf[1]).all() for leaf in jax.tree.leaves(networks.weights))
        at = lambda networks: jax.tree.map(lambda leaf: leaf[1], networks._replace(key=None))
        equal(at(later), at(networks))
        # It made no update in its second round, so there is no mean.
        assert np.isfinite(evaluation.train_loss).all()
        for values in (again.train_loss, again.gradient_norm, again.largest_norm, again.cosine):
            assert list(np.isnan(values)) == [False, True, False, False]

    def test_its_neighbours_do_not_notice(self, rounds):
        many, call, keys, (networks, evaluation), _ = rounds
        calm = many._replace(rate=many.rate.at[1].set(0.1))
        others, seen = call(calm, keys)
        for i in (0, 2, 3):
            pick = lambda tree, i=i: jax.tree.map(lambda leaf: leaf[i], tree)
            equal(pick((networks._replace(key=None), evaluation)), pick((others._replace(key=None), seen)))


@pytest.mark.parametrize(("task", "rate", "what"), [(Broken(), 0.1, "loss"), (Follow(), 3e38, "weights")])
def test_the_quantity_that_was_not_finite_first_is_named(task, rate, what):
    of = setting(task=task, **SMALL)
    one = untrained(of, rate=rate, dtype=jnp.float32, w_rec=1.0)
    one = one._replace(weights=one.weights._replace(b_out=one.weights.b_out + 5))
    found, _ = after(of, one, 1)
    assert (int(found.broken), loop.QUANTITIES[int(found.what)]) == (1, what)
    equal(found.weights, one.weights)


def test_judging_is_the_mean_over_fresh_sequences():
    of = setting(**SMALL)
    one = untrained(of)
    key = jax.random.key(3)
    found = evaluate(of, one, key, 4)
    losses = []
    for k in jax.random.split(key, 4):
        example, state, read = of.task.sample(k, of.T), one.state, []
        for x in example.xs:
            state = of.cell.step(one.weights.cell, state, x)
            read.append(state.h)
        outputs = jnp.stack(read) @ one.weights.w_out.T + one.weights.b_out[None]
        losses.append(float(of.task.loss(outputs, example)))
    close(found, (np.mean(losses), np.mean(losses)))
