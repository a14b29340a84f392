import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import mean_field, registry
from gradlab.initializers.critical import Critical, _crossing, measured_exponent
from gradlab.mean_field import Drive
from gradlab.status import GradlabError


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


@dataclasses.dataclass(frozen=True)
class Solved(Toy):
    """One whose theory is asked, not its step: h' = f(W h + U x)."""

    activation: str = "tanh"
    exact: bool = True

    def mean_field(self, w_rec, drive):
        return mean_field.vanilla(self.activation, w_rec, drive)._replace(exact=self.exact)

    def step(self, params, state, x):
        raise AssertionError("measured where theory is exact")


def gain(draw, key, n=200):
    return float(np.std(np.asarray(draw(key, n))) * math.sqrt(n))


def test_plainly_it_is_the_gaussian(key):
    w = np.asarray(Critical()(key, 100))
    np.testing.assert_allclose(w, np.asarray(jax.random.normal(key, (100, 100), float)) / 10, rtol=1e-14)


def test_it_is_made_for_the_cell_and_the_input(key):
    unit = gain(Critical(), key)
    at = lambda std, d_in, **setting: gain(Critical().for_cell(Solved(0.0, **setting), std, d_in), key) / unit
    assert at(0.0, 1) == pytest.approx(1, abs=1e-6)
    assert at(0.5, 3, activation="identity") == pytest.approx(1, abs=1e-6)
    assert at(0.5, 3, activation="relu") == pytest.approx(math.sqrt(2), abs=1e-6)
    strong = at(1.0, 3)
    assert mean_field.vanilla("tanh", strong, Drive(1.0, 3)).exponent == pytest.approx(0, abs=1e-6)
    assert strong > at(0.1, 3) > 1.05


def test_equal_demands_make_equal_initialisers():
    made = [Critical().for_cell(Solved(0.0), 0.3, 2) for _ in range(2)]
    assert made[0] == made[1]
    assert hash(made[0]) == hash(made[1])
    assert made[0] != Critical().for_cell(Solved(0.0), 0.4, 2)


def test_without_an_exact_theory_a_network_is_measured(key):
    """Finite size: the radius of a matrix of 200 units differs from 1 by a few per cent."""
    with pytest.raises(AssertionError, match="measured where"):
        Critical().for_cell(Solved(0.0, exact=False), 0.0, 1)
    found = gain(Critical().for_cell(Toy(0.6), 0.0, 1), key) / gain(Critical(), key)
    assert found == pytest.approx(0.4, rel=0.1)


def test_a_cell_without_gain_is_left_alone(key):
    draw = Critical().for_cell(Toy(0.5, has_gain=False), 0.1, 1)
    np.testing.assert_array_equal(draw(key, 5), Critical()(key, 5))


@pytest.mark.parametrize("keep", [0.5, 1.5])
def test_no_gain_is_critical(keep):
    with pytest.raises(GradlabError, match=r"no gain from .* is critical"):
        Critical().for_cell(Toy(keep, recurrent=False), 0.0, 1)


@pytest.mark.parametrize("root", [0.1, 1.0, 3.3, 60.0])
def test_search(root):
    assert _crossing(lambda gain: math.log(gain / root)) == pytest.approx(root, rel=0.02)


def test_measured_exponent_is_that_of_the_theory():
    """Elman's network of 200 units over 200 steps: the limit to 0.01 or so."""
    measured = measured_exponent(registry.make("cells", "elman"), 1.0, 20)
    for w_rec in (1.0, 2.0, 4.0):
        theory = mean_field.vanilla("tanh", w_rec, Drive(1.0, 20)).exponent
        assert measured(w_rec) == pytest.approx(theory, abs=0.03)


def test_a_gated_cell_at_rest():
    """GRU without input: the Jacobian is 1/2 + W / 4, of radius 1 where W has radius 2."""
    measured = measured_exponent(registry.make("cells", "gru"), 0.0, 1)
    assert measured(1.7) < 0 < measured(2.4)
    assert measured(1.0) == pytest.approx(math.log(0.75), abs=0.03)
