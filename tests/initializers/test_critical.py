import dataclasses
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.initializers.critical import Critical, Tuned, _crossing, growths
from tests.tiers import few


class State(NamedTuple):
    h: jax.Array


@dataclasses.dataclass(frozen=True)
class Toy:
    """h' = keep h + W h: critical at the gain 1 - keep, for a Gaussian W; `keep` alone if it has no gain."""

    keep: float
    recurrent: bool = True
    has_gain: bool = True

    def init(self, key, d_in, d_hidden, w_rec, initializer):
        return w_rec * initializer(key, d_hidden), State(jnp.zeros(d_hidden, float))

    def step(self, params, state, x):
        return State(self.keep * state.h + (params @ state.h if self.recurrent else 0))


def test_plainly_it_is_the_gaussian(key):
    w = np.asarray(Critical()(key, 100))
    np.testing.assert_allclose(w, np.asarray(jax.random.normal(key, (100, 100), float)) / 10, rtol=1e-14)


def made(cell, std=0.0, d_in=1, hidden=64, **settings):
    return Critical(**settings).for_cell(cell, std, d_in, hidden)


@pytest.mark.slow
def test_a_linear_cell_has_the_gain_that_undoes_its_mean_growth():
    """ln sigma of a product of equal matrices is linear in ln gain: one network-wide shift makes it 0."""
    found = made(Toy(0.0))
    at = growths(Toy(0.0), 64, 0.0, 1, 200)
    assert found.gain == pytest.approx(math.exp(-at(1.0, 8).mean), rel=2e-3)
    # sigma(W^200)^(1/200) is near the radius, which is near 1.
    assert found.gain == pytest.approx(1, abs=0.1)
    assert found.growth.networks == 128
    assert found.growth.spread == pytest.approx(at(1.0, 8).spread, rel=1e-3)


@pytest.mark.slow
def test_it_is_made_for_the_user_s_cell_size_and_input():
    """Small networks need more gain, and so do driven ones: input takes slope from tanh."""
    of = lambda n, std: made(registry.make("cells", "elman"), std, 2, n, steps=50).gain
    gains = [of(32, 0.1), of(16, 0.1), of(32, 1.0)]
    assert gains[0] + 0.1 < gains[1]
    assert gains[0] + 0.3 < gains[2]


@pytest.mark.slow
def test_equal_demands_make_equal_initialisers():
    pair = [made(Toy(0.2), hidden=8) for _ in range(2)]
    assert pair[0] == pair[1]
    assert hash(pair[0]) == hash(pair[1])
    assert pair[0] != made(Toy(0.2), hidden=9)


@pytest.mark.slow
def test_a_kept_state_leaves_less_to_the_matrix():
    assert made(Toy(0.6)).gain == pytest.approx(0.4, rel=0.1)


def test_a_cell_without_gain_is_left_alone(key):
    draw = made(Toy(0.5, has_gain=False))
    np.testing.assert_array_equal(draw(key, 5), Critical()(key, 5))


@pytest.mark.parametrize(("keep", "words"), [(0.5, "makes a mean transport grow"), (1.5, "keeps a mean")])
def test_no_gain_is_critical(keep, words):
    with pytest.raises(
        GradlabError, match=f"--init: critical is not possible for 8 units .* no gain.* {words}"
    ):
        made(Toy(keep, recurrent=False), hidden=8)


def test_steps_are_at_least_one():
    with pytest.raises(ValueError, match="steps=0 must be at least 1"):
        Critical(steps=0)


@pytest.mark.parametrize("root", [0.1, 1.0, 3.3, 60.0, 2000.0])
@pytest.mark.parametrize("off", [1.0, 3.0, 1 / 3])
def test_search(root, off):
    """Also where the rough look puts the root elsewhere."""
    rough = lambda gain: math.log(gain / (root * off))
    assert _crossing(rough, lambda gain: math.log(gain / root)) == pytest.approx(root, rel=2e-3)


def transports(cell, draw, n, std, steps, networks):
    """log10 of the largest singular value of the product of Jacobians, in NumPy, of fresh networks."""
    jacobian = jax.jit(jax.vmap(jax.jacfwd(cell.step, argnums=1), (0, 0, 0)))
    advance = jax.jit(jax.vmap(cell.step))
    keys = jax.random.split(jax.random.key(1234), networks)
    params, state = jax.vmap(lambda key: cell.init(key, 1, n, 1.0, draw))(keys)
    xs = std * np.random.default_rng(5).standard_normal((steps, networks, 1))
    product, log = np.eye(sum(leaf[0].size for leaf in state))[None], np.zeros(networks)
    for x in xs:
        blocks = jacobian(params, state, jnp.asarray(x))
        product = np.block([[np.asarray(block) for block in row] for row in blocks]) @ product
        scale = np.abs(product).max((1, 2))
        product, log = product / scale[:, None, None], log + np.log10(scale)
        state = advance(params, state, jnp.asarray(x))
    return log + np.log10(np.linalg.norm(product, 2, (1, 2)))


def within(spec, n, networks, std=0.1, steps=200):
    """Fresh networks, none of them in the search: their mean is 0 within what both samples leave open."""
    cell = registry.make("cells", spec)
    draw = made(cell, std, hidden=n)
    rate = transports(cell, draw, n, std, steps, networks) / steps
    error = math.hypot(rate.std(ddof=1) / math.sqrt(networks), draw.growth.error / math.log(10))
    assert rate.std(ddof=1) * math.log(10) == pytest.approx(draw.growth.spread, rel=5 / math.sqrt(networks))
    # Of the 8 perturbations' estimate of sigma: a factor 1.2 over all steps.
    assert abs(rate.mean()) < 3 * error + math.log10(1.2) / steps


@pytest.mark.slow
def test_fresh_networks_neither_shrink_nor_grow():
    within("elman", 16, 100)


LARGE = {("elman", 128)}


@pytest.mark.parametrize(
    ("spec", "n"),
    few(
        itertools.product(["elman", "gru", "minimal", "lstm"], [16, 64, 128]),
        (),
        lambda one: one[1] == 16 or one in LARGE,
    ),
)
def test_fresh_networks_of_each_kind_neither_shrink_nor_grow(spec, n):
    within(spec, n, {16: 100, 64: 50, 128: 30}[n])


def test_growth_is_the_transport_s():
    """The estimate from 8 perturbations against the exact product, network by network in the mean."""
    cell = registry.make("cells", "gru")
    estimate = growths(cell, 16, 0.1, 1, 50)(3.0, 4)
    exact = transports(cell, Tuned(3.0), 16, 0.1, 50, 64) * math.log(10) / 50
    error = math.hypot(exact.std(ddof=1) / 8, estimate.error)
    assert estimate.mean == pytest.approx(exact.mean(), abs=3 * error + math.log(1.2) / 50)
    assert error < 0.01


def test_a_network_that_overflows_counts_as_growing_and_one_that_is_gone_as_shrinking():
    relu = growths(registry.make("cells", "elman(activation=relu)"), 8, 1.0, 1, 200)
    assert relu(1e3, 1).mean > 10
    assert growths(registry.make("cells", "elman(activation=relu)"), 8, 0.0, 1, 50)(1.0, 1).mean == -50


@pytest.mark.slow
def test_what_was_found_is_said():
    words = str(made(Toy(0.0)))
    assert words.startswith("gain ")
    assert "spread over 128 networks" in words
    assert str(Tuned(1.0)) == "gain 1"
