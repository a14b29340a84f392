"""What depends on targets: by hand and by autodiff, a closed form without bias, and a test that keeps 5 %."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.special import ndtr, ndtri

from gradlab import stats
from gradlab.recurrence import evidence as house
from gradlab.recurrence.evidence import evidence
from gradlab.recurrence.scaled import log10_norm
from tests.probes.networks import network
from tests.tiers import few

WAYS = ["products", "sums"]
KEPT = [("elman", "products")]
CELLS = ["elman", "indrnn", "gru", "lstm", "stacked(cell=elman, layers=2)", "elman(activation=relu)"]


def squared(outputs, target):
    return ((outputs[-1] - target) ** 2).sum() / 2


def at_every_step(outputs, target):
    """Cross-entropy of classes, one at each step."""
    logs = jax.nn.log_softmax(outputs, axis=-1)
    return -jnp.take_along_axis(logs, target[:, None], axis=1).sum()


def flips(count, pairs, dtype=np.float64):
    return jnp.asarray(np.random.default_rng(5).choice([-1.0, 1.0], (count, pairs)).astype(dtype))


def by_hand(net, xs, targets, loss, signs):
    """Share, error of its root, chance and log10 |E d| by lag: autodiff by a copy of W for each step."""
    T, cell = xs.shape[1], net.cell
    picked, put = ravel_pytree(cell.recurrent(net.params))

    def of(copies, x, target):
        state, outputs = net.state, []
        for t in range(T):
            # What differs from the weights is added where they stand.
            shift = put(copies[t])
            params = with_recurrent(cell, net.params, shift)
            state = cell.step(params, state, x[t])
            outputs.append(ravel_pytree(cell.readout(state))[0])
        return loss(jnp.stack(outputs), target)

    slope = jax.jit(jax.vmap(jax.grad(of), (None, 0, 0)))
    copies = jnp.zeros((T, picked.size))
    other = jax.tree.map(lambda leaf: leaf[np.arange(len(leaf)) ^ 1], targets)
    each = np.asarray(slope(copies, xs, targets) - slope(copies, xs, other)) / 2
    d = each[0::2] + each[1::2]
    found = []
    for lag in range(T):
        own = d[:, T - 1 - lag]
        found.append(statistics(own, np.asarray(signs)))
    return np.array(found).T


def with_recurrent(cell, params, shift):
    """The parameters with recurrent weights that are moved: where `cell.recurrent` finds them."""
    flat, put = ravel_pytree(params)
    at = jax.jacobian(lambda flat: ravel_pytree(cell.recurrent(put(flat)))[0])(flat)
    return put(flat + ravel_pytree(shift)[0] @ at)


def statistics(d, signs):
    """Of gradients (pair, weight): every product of two apart, and the jackknife one pair at a time."""

    def square(d):
        n = len(d)
        gram = d @ d.T
        return (gram.sum() - np.trace(gram)) / (n * (n - 1)), np.trace(gram) / n

    whole, all_ = square(d)
    left = [np.divide(*square(np.delete(d, i, 0))) for i in range(len(d))]
    n = len(d)
    error = np.sqrt((n - 1) / n * ((np.array(left) - np.mean(left)) ** 2).sum())
    seen = np.linalg.norm(d.sum(0)) ** 2
    others = (np.linalg.norm(signs @ d, axis=1) ** 2 >= seen * (1 - 1e-12)).sum()
    root = np.sqrt(whole / all_) if whole > 0 else np.nan
    return whole / all_, error / (2 * root), (1 + others) / (1 + len(signs)), whole


@pytest.mark.parametrize(("spec", "way"), few(itertools.product(CELLS, WAYS), KEPT))
def test_it_is_what_autodiff_finds(spec, way, monkeypatch):
    T, B, n = 3, 16, 3
    net = network(spec, T, n=n)
    rng = np.random.default_rng(1)
    xs = jnp.asarray(rng.standard_normal((B, T, 2)))
    monkeypatch.setattr(house, "_pays", lambda factors, signs: way == "products")
    units = ravel_pytree(net.cell.readout(net.state))[0].size
    signs = flips(19, B // 2)
    # Half of the target is there in the sequence.
    aims = jnp.asarray(np.asarray(xs[:, 1, :1]) + 0.3 * rng.standard_normal((B, units)))
    classes = jnp.asarray(rng.integers(0, units, (B, T)))
    for loss, targets in ((squared, aims), (at_every_step, classes)):
        found = jax.jit(
            lambda xs, targets, length, loss=loss: evidence(
                net.cell.step,
                net.params,
                net.state,
                xs,
                targets,
                length,
                loss=loss,
                read=lambda state: ravel_pytree(net.cell.readout(state))[0],
                recurrent=net.cell.recurrent,
                signs=signs,
            )
        )(xs, targets, T)
        share, error, chance, square = by_hand(net, xs, targets, loss, signs)
        np.testing.assert_allclose(found.share, share, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(found.error, error, rtol=1e-8)
        np.testing.assert_allclose(found.chance, chance, rtol=1e-12)
        mine = np.asarray(found.gradient.square) * 4.0 ** np.asarray(found.gradient.exponent)
        np.testing.assert_allclose(mine, square, rtol=1e-9, atol=1e-11 * np.abs(square).max())


W, GAIN, STEPS, WHEN, NOISE = 0.8, 1.5, 6, 2, 0.7
"""Of h_t = w h_{t-1} + u x_t, and of the target x_{WHEN + 1} + NOISE z."""


def closed():
    """|E d|^2 and E |d|^2 by lag: E d = -Cov(J, y), J = dh_T/dw at that lag = w^lag h_{T-lag-1}."""
    lag = np.arange(STEPS)
    cov = np.where(lag < STEPS - 1 - WHEN, GAIN * W ** (STEPS - 2.0 - WHEN), 0.0)
    ago = [sum((GAIN * W**j) ** 2 for j in range(STEPS - 1 - k)) for k in lag]
    # Of two normal variables a, b: E (da db / 2)^2 = (var a)(var b) + 2 cov^2, with da of variance 2 var a.
    return cov**2, W ** (2.0 * lag) * np.array(ago) * (1 + NOISE**2) + 2 * cov**2


@functools.cache
def linear(draws, B, told=True, offset=0.0, flipped=19):
    """Share, chance and |E d|^2 of so many batches, (draw, lag); `told`: the target is in x."""

    def one(key):
        of_x, of_y, of_signs = jax.random.split(key, 3)
        xs = jax.random.normal(of_x, (B, STEPS), float)
        noise = jax.random.normal(of_y, (2, B), float)
        y = (xs[:, WHEN] if told else noise[1]) + NOISE * noise[0] + offset
        found = evidence(
            lambda w, h, x: w * h + GAIN * x,
            jnp.float64(W),
            jnp.float64(0.0),
            xs,
            y[:, None],
            STEPS,
            loss=squared,
            read=lambda h: h[None],
            recurrent=lambda w: w,
            signs=jax.random.rademacher(of_signs, (flipped, B // 2), float),
        )
        square = found.gradient.square * 4.0 ** found.gradient.exponent.astype(float)
        return found.share, found.chance, square

    made = jax.jit(lambda keys: jax.lax.map(one, keys, batch_size=100))
    return tuple(np.asarray(part) for part in made(jax.random.split(jax.random.key(B), draws)))


def test_the_estimate_has_no_bias():
    """Over 4000 batches of 8 sequences, to four standard errors; where the closed form is 0, too."""
    # At the last lag there is no state to use W on.
    square = linear(4000, 8)[2][:, :-1]
    want, whole = (part[:-1] for part in closed())
    error = square.std(0) / np.sqrt(len(square))
    assert (np.abs(square.mean(0) - want) < 4 * error).all()
    assert (want == 0).tolist() == [False] * (STEPS - 1 - WHEN) + [True] * (WHEN)
    # Of 4 pairs the squares themselves, which are not taken off, would be this much more.
    assert (whole / 4 > 10 * error).all()


def test_with_many_sequences_the_share_is_that_of_the_closed_form():
    share, _, _ = linear(8, 4000)
    square, whole = (part[:-1] for part in closed())
    np.testing.assert_allclose(share.mean(0)[:-1], square / whole, atol=0.02)


def alarms(chance):
    """How often the test fires at each lag, and how often any lag is taken for seen, in order."""
    return (chance <= stats.WRONG + 1e-9).mean(0)


@pytest.mark.parametrize("draws", [1000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_targets_that_sequences_do_not_tell_are_seldom_seen(draws):
    """5 % at lag 0 is 5 % for all lags together, since others count only if lag 0 does."""
    _, chance, _ = linear(draws, 16, told=False)
    room = 4 * np.sqrt(0.05 * 0.95 / draws)
    assert alarms(chance)[:-1].max() <= 0.05 + room
    assert alarms(chance)[:-1].min() >= 0.05 - room
    assert (chance[:, -1] == 1).all()


@pytest.mark.slow
def test_the_offset_of_the_output_plays_no_part():
    for one, other in zip(linear(200, 16, told=False), linear(200, 16, told=False, offset=1e4), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-8)


@pytest.mark.slow
def test_more_sequences_see_as_much_more_as_the_normal_law_says():
    """d is one number: the test is that of a mean of n = B/2 with mean^2 / variance from the closed form."""
    square, whole = (part[0] for part in closed())
    for B in (16, 100):
        far = np.sqrt(B / 2 * square / (whole - square))
        want = ndtr(far - ndtri(0.975)) + ndtr(-far - ndtri(0.975))
        power = alarms(linear(200, B)[1])[0]
        assert abs(power - want) < 4 * np.sqrt(want * (1 - want) / 200)
    # Beyond the step that the target is of there is nothing to see.
    assert alarms(linear(200, 100)[1])[STEPS - 1 - WHEN : -1].max() < 0.12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_underflows(dtype):
    """A factor of 10^-25 a step: at lag 38 the gradient is 10^-950 of what it is at lag 0, and is seen."""
    T, B = 40, 64
    rng = np.random.default_rng(0)
    xs = rng.standard_normal((B, T)).astype(dtype)
    # The state is held at 1 + x / 10 by what is put in; only the way back is short.
    step = lambda w, h, x: w * h + jax.lax.stop_gradient(1 + x / 10 - w * h)
    found = jax.jit(
        lambda w, xs, y: evidence(
            step,
            w,
            jnp.ones((), dtype),
            xs,
            y,
            T,
            loss=squared,
            read=lambda h: h[None],
            recurrent=lambda w: w,
            signs=flips(99, B // 2, dtype),
        )
    )(dtype(1e-25), xs, xs[:, :1])
    log = log10_norm(found.gradient)
    assert (np.asarray(found.share) <= 1).all()
    # The state before step 2 is that of x_1, the target: at lag T - 2.
    assert found.chance[T - 2] == 0.01
    assert log[T - 2] == pytest.approx(-25 * (T - 2) - 1, abs=0.2)
