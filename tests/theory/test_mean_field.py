"""Theory against published numbers, closed forms and large random networks written here in NumPy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.special import expit

from gradlab import registry
from gradlab.theory import mean_field
from gradlab.theory.mean_field import Drive, critical_gain, gru, lstm, minimal, vanilla

N = 500

# ---- without a memory path


@pytest.mark.parametrize(
    ("w_rec", "std", "exponent"),
    [
        (0.5, 0.0, -0.693),
        (0.9, 0.0, -0.105),
        (1.5, 0.0, 0.0652),
        (2.0, 0.0, 0.1547),
        (5.0, 0.0, 0.5324),
        (1.5, 0.5, -0.0167),
        (1.5, 1.0, -0.142),
        (2.0, 0.5, 0.120),
    ],
)
def test_largest_exponent_of_tanh_units(w_rec, std, exponent):
    """Independent evaluations, to the digits they were noted with."""
    solved = vanilla("tanh", w_rec, Drive(std**2))
    assert solved.exponent == pytest.approx(exponent, abs=5.1e-4)
    assert solved.exact
    if solved.chi < 1:
        assert solved.time_scale == pytest.approx(-0.5 / solved.exponent)


def test_largest_exponent_is_measured():
    """Networks of N units over 250 steps: with noise in every unit, and with one input for all of them."""
    rng = np.random.default_rng(1)
    cases = [(1.5, 0.0), (2.0, 0.0), (5.0, 0.0), (1.5, 0.5), (1.5, 1.0), (2.0, 0.5)]
    w_rec, std = np.array([*cases, (1.5, 1.0)]).T
    w = rng.normal(size=(N, N)) / math.sqrt(N)
    w_in = rng.normal(size=N)
    h, tangent = rng.normal(size=(2, N, len(std)))
    growth = np.zeros(len(std))
    settling, steps = 50, 250
    for t in range(settling + steps):
        noise = std * rng.normal(size=h.shape)
        noise[:, -1] = std[-1] * w_in * rng.normal()
        h, fed = np.split(w @ np.concatenate([h, tangent], 1), 2, axis=1)
        h = np.tanh(w_rec * h + noise)
        tangent = (1 - h**2) * w_rec * fed
        norm = np.linalg.norm(tangent, axis=0)
        tangent, growth = tangent / norm, growth + (t >= settling) * np.log(norm)
    theory = [vanilla("tanh", g, Drive(s**2)).exponent for g, s in cases]
    np.testing.assert_allclose(growth[:-1] / steps, theory, atol=0.02)
    one_input = vanilla("tanh", 1.5, Drive(1.0, 1)).exponent
    # The log of chi varies by 0.1 from step to step with a single input.
    assert growth[-1] / steps == pytest.approx(one_input, abs=0.02)
    assert one_input > theory[4] + 0.03


def test_strong_gains_saturate():
    """For w_rec -> inf, q -> w_rec^2 and E tanh'(sqrt(q) z)^2 -> (4/3) / sqrt(2 pi q)."""
    solved = vanilla("tanh", 1000.0)
    assert solved.q == pytest.approx(1e6, rel=2e-3)
    assert solved.chi == pytest.approx(1000 * 4 / 3 / math.sqrt(2 * math.pi), rel=2e-3)


def test_rectified_and_linear_units_in_closed_form():
    relu = vanilla("relu", 1.2, Drive(0.3))
    assert relu.q == pytest.approx(0.3 / (1 - 0.72))
    assert relu.chi == pytest.approx(0.72)
    linear = vanilla("identity", 0.8, Drive(0.3, 2))
    assert linear.exponent == pytest.approx(math.log(0.8))
    assert linear.q == pytest.approx(0.3 / (1 - 0.64), rel=0.01)
    assert vanilla("identity", 1.1, Drive(0.3, 2)).q == math.inf
    assert vanilla("relu", 1.5, Drive(0.3)).chi == pytest.approx(1.125)


def test_no_recurrence_passes_nothing():
    solved = vanilla("tanh", 0.0, Drive(0.25, 3))
    assert (solved.chi, solved.exponent, solved.time_scale) == (0, -math.inf, 0)
    assert solved.q == pytest.approx(0.25)


def test_many_inputs_are_a_steady_drive():
    steady, many = (vanilla("tanh", 1.5, Drive(0.5, inputs)) for inputs in (None, 10**5))
    np.testing.assert_allclose(many[:3], steady[:3], rtol=1e-3)


def test_a_random_bias_is_a_steady_drive_too():
    assert vanilla("tanh", 1.5, Drive(0.25), bias_variance=0.5) == vanilla("tanh", 1.5, Drive(0.75))


# ---- with a memory path

CHEN = [
    (1.0, 1.0, 1.0, 0.0, 0.3645, -0.505, -0.500),
    (1.0, 1.0, 1.0, 2.0, 0.7444, -0.148, -0.148),
    (1.0, 1.0, 1.0, 6.0, 0.9920, -0.0040, -0.0040),
    (6.88, 1.39, 0.46, 0.0, 0.9988, -0.0006, 0.016),
]
"""w_rec, input gain, power, bias; chi and 1/2 ln chi by an independent evaluation; an exponent measured."""


@pytest.mark.parametrize(("w_rec", "input_gain", "power", "bias", "chi", "half_log", "exponent"), CHEN)
def test_minimal(w_rec, input_gain, power, bias, chi, half_log, exponent):
    solved = minimal(w_rec, power, input_gain=input_gain, bias=bias)
    assert solved.chi == pytest.approx(chi, abs=6e-5)
    assert solved.exponent == pytest.approx(half_log, abs=6e-4)
    assert solved.exponent == pytest.approx(exponent, abs=0.02)
    assert not solved.exact


@pytest.mark.parametrize(("w_rec", "input_gain", "power", "bias"), [row[:4] for row in CHEN])
def test_chi_of_minimal_is_measured(w_rec, input_gain, power, bias):
    """The mean squared singular value of a step of a network of N units."""
    rng = np.random.default_rng(2)
    w, v = rng.normal(size=(2, N, N)) / math.sqrt(N)
    solved = minimal(w_rec, power, input_gain=input_gain, bias=bias)
    h = rng.normal(size=N) * math.sqrt((solved.q - input_gain**2 * power) / w_rec**2)
    squares = []
    for t in range(60):
        x = math.sqrt(power) * rng.normal(size=N)
        u = expit(w_rec * (w @ h) + input_gain * (v @ x) + bias)
        if t >= 40:
            slope = w_rec * u * (1 - u) * (h - x)
            squares.append((u**2).mean() + (slope**2 @ (w**2).sum(1) + 2 * (u * slope) @ np.diag(w)) / N)
        h = u * h + (1 - u) * x
    # Critical, the fixed matrices leave their mark: h and u are no longer independent.
    assert np.mean(squares) == pytest.approx(solved.chi, rel=0.02)


def fresh(step, parts, w_rec, variance, gates):
    """1/2 ln chi of units whose fields are drawn anew at every step: matrices that never come back.

    Values and derivatives go together, as the real part and 1e30 times the imaginary part.
    """
    rng, units, settling, steps = np.random.default_rng(3), 4000, 60, 60
    state = rng.normal(size=(parts, units)) * (0.3 + 1e-30j)
    growth = 0.0

    def field(v):
        """W v for a new W: Gaussian, v and its derivative through the same W."""
        pair = np.stack([v.real, v.imag * 1e30])
        root = np.linalg.cholesky(pair @ pair.T / units)
        value, tangent = w_rec * root @ rng.normal(size=(2, units))
        return value + 1e-30j * tangent

    for t in range(settling + steps):
        given = math.sqrt(variance) * rng.normal(size=(gates, units))
        state = step(state, field, given)
        norm = np.linalg.norm(state.imag) * 1e30 / math.sqrt(units)
        state.imag /= norm
        growth += (t >= settling) * math.log(norm)
    return growth / steps


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(state, field, given):
    h, c = state
    i, f, g, o = (field(h) + x for x in given)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    return np.stack([sigmoid(o) * np.tanh(c), c])


def gru_step(reset):
    def step(state, field, given):
        h = state[0]
        r, z = (sigmoid(field(h) + x) for x in given[:2])
        n = np.tanh((field(r * h) if reset == "before" else r * field(h)) + given[2])
        return (z * h + (1 - z) * n)[None]

    return step


@pytest.mark.ends
@pytest.mark.parametrize(("w_rec", "variance"), [(1.0, 0.25), (3.0, 0.25), (3.0, 1.0), (5.0, 1.0)])
def test_gated_cells_of_fresh_matrices(w_rec, variance):
    drive = Drive(variance)
    theory = lstm(w_rec, drive, forget_bias=1.0)
    assert theory.exponent == pytest.approx(fresh(lstm_step, 2, w_rec, variance, 4), abs=0.02)
    for reset in ("before", "after"):
        theory = gru(w_rec, drive, reset=reset)
        assert theory.exponent == pytest.approx(fresh(gru_step(reset), 1, w_rec, variance, 3), abs=0.02)


@pytest.mark.ends
@pytest.mark.parametrize(
    ("spec", "theory"),
    [
        ("lstm(forget_bias=1.0)", lambda w_rec: lstm(w_rec, forget_bias=1.0)),
        ("gru", gru),
        ("gru(reset=after)", lambda w_rec: gru(w_rec, reset="after")),
    ],
)
def test_gated_cells_at_rest(spec, theory, key):
    """The radius of the step's Jacobian; the identity has that of a large Gaussian matrix."""
    cell, w_rec = registry.make("cells", spec), 0.9
    params, state = cell.init(key, 1, 2, w_rec, lambda k, n: jnp.eye(n, dtype=float))
    flat, unravel = ravel_pytree(state)
    step = lambda v: ravel_pytree(cell.step(params, unravel(v), jnp.zeros(1, float)))[0]
    radius = np.abs(np.linalg.eigvals(jax.jacfwd(step)(flat))).max()
    assert theory(w_rec).exponent == pytest.approx(math.log(radius), rel=1e-12)
    assert theory(w_rec).exact
    assert theory(w_rec).q == 0


def test_a_rest_that_the_network_leaves_is_not_exact():
    """1/2 + W / 4 grows from w_rec = 2 on, where fresh matrices would still have the state die out."""
    solved = gru(2.2)
    assert solved.q == 0
    assert solved.chi < 1
    assert solved.exponent > 0
    assert not solved.exact


def test_what_an_exponent_is_not_is_said_with_it():
    """The power of D white inputs, chi^2 of D degrees over D, has the standard deviation sqrt(2 / D)."""
    assert vanilla("tanh", 1.0, Drive(0.01, 1)).says == ""
    assert lstm(1.0, Drive(0.25)).says == mean_field.REDRAWN
    for solved in (lstm(1.0, Drive(0.25, 1)), gru(1.0, Drive(0.25, 1)), minimal(1.0, 0.25, inputs=1)):
        assert (
            solved.says
            == f"{mean_field.REDRAWN}; takes the drive for steady, whose power with 1 input "
            + ("varies by 141 %")
        )
    assert "with 8 inputs varies by 50 %" in gru(1.0, Drive(0.25, 8)).says
    assert gru(1.0, Drive(0.0, 1)).says == ""
    for spec in ("lstm", "gru", "minimal"):
        assert "1 input " in registry.make("cells", spec).mean_field(1.0, Drive(0.01, 1)).says


# ---- critical gains


def test_critical_gains_in_closed_form():
    at = lambda theory: critical_gain(lambda w_rec: theory(w_rec).exponent)
    assert at(lambda w_rec: vanilla("tanh", w_rec)) == pytest.approx(1, abs=1e-6)
    assert at(lambda w_rec: vanilla("identity", w_rec, Drive(0.1))) == pytest.approx(1, abs=1e-6)
    assert at(lambda w_rec: vanilla("relu", w_rec, Drive(0.1, 1))) == pytest.approx(math.sqrt(2), abs=1e-6)
    assert at(gru) == pytest.approx(2, abs=1e-6)
    forget = expit(1.0)
    assert at(lambda w_rec: lstm(w_rec, forget_bias=1.0)) == pytest.approx(4 * (1 - forget), abs=1e-6)


def test_a_critical_gain_grows_with_the_input():
    gains = [
        critical_gain(lambda w_rec, d=d: vanilla("tanh", w_rec, Drive(d)).exponent) for d in (0.01, 0.25, 1.0)
    ]
    assert 1 < gains[0] < gains[1] < gains[2]


def test_no_critical_gain():
    with pytest.raises(ValueError, match=r"no gain from 0\.001 to 1000 is critical"):
        critical_gain(lambda w_rec: minimal(w_rec, 0.0).exponent)
