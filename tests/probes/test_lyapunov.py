"""The Lyapunov spectrum: published numbers, eigenvalues, the sum rule and the transport."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.probes.lyapunov import lyapunov
from gradlab.profiles import rate
from gradlab.types import ProbeContext
from tests.probes.networks import measured, network

LONGEST = 400
LINEAR = "elman(activation=identity)"


@functools.cache
def program(step, **settings):
    return jax.jit(
        lambda params, state, xs, T: lyapunov(
            step, params, state, xs, ProbeContext(None, None, T), **settings
        )
    )


def spectrum(net, length=None, **settings):
    return program(net.cell.step, **settings)(net.params, net.state, net.xs, jnp.int32(length or len(net.xs)))


class Point(NamedTuple):
    x: Any
    y: Any


def henon(params, state, x):
    a, b = params
    return Point(1 - a * state.x**2 + state.y, b * state.x)


def test_the_henon_map():
    """Hénon 1976: every step shrinks areas by b = 0.3; the literature gives 0.419 for the first exponent.

    20 000 steps: its standard deviation over starting points is 0.0015.
    """
    start = (0.1, 0.1)
    for _ in range(1000):
        start = 1 - 1.4 * start[0] ** 2 + start[1], 0.3 * start[0]
    found = program(henon)((1.4, 0.3), Point(*map(jnp.float64, start)), jnp.zeros(20_000), 20_000)
    assert float(found.lyapunov.sum()) == pytest.approx(math.log(0.3), abs=1e-12)
    np.testing.assert_allclose(found.lyapunov_sum, math.log(0.3), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.log_determinant, math.log(0.3), rtol=0, atol=1e-12)
    assert float(found.lyapunov[0]) == pytest.approx(0.419, abs=0.003)


def linear(eigenvalues, *, T=LONGEST, seed=0, dtype=np.float64):
    """A linear cell whose matrix has these eigenvalues, and eigenvectors far from orthogonal."""
    n = len(eigenvalues)
    net = network(LINEAR, T, n=n, dtype=dtype)
    basis = np.random.default_rng(seed).standard_normal((n, n)) + n * np.eye(n)
    w = basis @ np.diag(eigenvalues) @ np.linalg.inv(basis)
    return net._replace(params=net.params._replace(w_rec=jnp.asarray(w.astype(dtype))))


def test_of_a_linear_cell_they_are_the_log_moduli_of_the_eigenvalues():
    """The frame turns by at least 1.3/0.9 per step: past 40 steps what it misses is below 1e-6, and falls."""
    eigenvalues = np.array([1.3, -0.9, 0.1])
    net = linear(eigenvalues)
    found = spectrum(net)
    np.testing.assert_allclose(found.lyapunov, np.log(np.abs(eigenvalues)), rtol=0, atol=1e-8)
    # The history starts before the frame is in place, and forgets that as 1/t.
    late = found.lyapunov_history[-1] - np.log(np.abs(eigenvalues))
    early = found.lyapunov_history[99] - np.log(np.abs(eigenvalues))
    np.testing.assert_allclose(late, early / 4, rtol=1e-5)
    assert np.abs(early).max() > 1e-4


def jacobians(net, T):
    """The steps' Jacobians in NumPy, by forward mode, at the states in the network's own precision."""
    step = jax.jit(net.cell.step)
    derivative = jax.jit(jax.jacfwd(net.cell.step, argnums=1))
    state = net.state
    for x in net.xs[:T]:
        blocks = derivative(net.params, state, x)
        yield np.block([[np.asarray(block, float) for block in row] for row in blocks])
        state = step(net.params, state, x)


@pytest.mark.parametrize(("spec", "dtype"), [("elman", "float64"), ("lstm", "float32")])
def test_their_sum_is_the_mean_log_determinant(spec, dtype):
    """Over any number of steps, and against NumPy's determinants.

    QR and LU are backward stable: each log determinant is off by S eps times the step's condition.
    """
    net = network(spec, 60, w_rec=1.2, dtype=dtype)
    found = spectrum(net, 50)
    steps = list(jacobians(net, 50))
    counts = np.arange(1, 51)
    condition = np.cumsum([np.linalg.cond(step) for step in steps]) / counts
    limit = len(steps[0]) * np.finfo(dtype).eps * condition + 20 * np.finfo(dtype).eps
    assert limit[-1] < (1e-12 if dtype == "float64" else 1e-3)
    assert (np.abs(np.asarray(found.lyapunov_sum - found.log_determinant))[:50] < limit).all()
    np.testing.assert_allclose(found.lyapunov_sum[:50], found.lyapunov_history[:50].sum(1), rtol=1e-6)
    for column in (found.lyapunov_history, found.lyapunov_sum, found.log_determinant):
        assert np.isnan(column[50:]).all()
    means = np.cumsum([np.linalg.slogdet(step)[1] for step in steps]) / counts
    assert (np.abs(np.asarray(found.log_determinant)[:50] - means) < limit).all()


@pytest.mark.parametrize("w_rec", [0.9, 2.0])
def test_the_first_is_the_slope_of_the_transport(w_rec):
    """Both see one trajectory; they differ by what the ends weigh, a constant over T."""
    net = network("elman", LONGEST, w_rec=w_rec)
    profile = measured(net, "transport")["transport"][:, 0]
    slope = float(rate(profile, np.zeros(LONGEST + 1, np.int8)).value) * math.log(10)
    first = np.asarray(spectrum(net).lyapunov_history)[:, 0]
    pieces = np.diff(np.concatenate([[0], first * np.arange(1, LONGEST + 1)])[::20]) / 20
    error = pieces.std(ddof=1) / math.sqrt(len(pieces))
    assert abs(first[-1] - slope) < 2 * error
    assert error < 0.15


def test_float32_sums_no_logarithms():
    """0.7 to the 20 000 has a logarithm of -7133, whose last float32 digit is 5e-4: 20 000 sums lose all."""
    T = 20_000
    net = linear([0.7], T=T, dtype=np.float32)
    found = spectrum(net._replace(params=net.params._replace(w_rec=jnp.full((1, 1), 0.7, jnp.float32))))
    eps = np.finfo(np.float32).eps
    np.testing.assert_allclose(found.lyapunov, math.log(0.7), rtol=8 * eps)
    np.testing.assert_allclose(found.log_determinant, math.log(0.7), rtol=8 * eps)


def test_what_rounding_hides_is_not_shown():
    """One relu of three is dead: two exponents are left, those of the live block."""
    net = network("elman(activation=relu)", 60, bias=0)
    found = spectrum(net._replace(params=net.params._replace(b=jnp.array([50.0, 50.0, -1e4]))))
    truth = np.linalg.slogdet(np.asarray(net.params.w_rec)[:2, :2])[1]
    assert float(found.lyapunov[:2].sum()) == pytest.approx(truth, abs=1e-10)
    assert np.isnan(found.lyapunov[2])


def test_an_exact_zero_is_minus_infinity():
    found = spectrum(network("elman", 60, w_rec=0.0), 30)
    np.testing.assert_array_equal(found.lyapunov, -np.inf)
    np.testing.assert_array_equal(found.log_determinant[:30], -np.inf)


def test_the_greatest_comes_first_and_the_history_goes_with_it():
    """Moduli so close that the frame's own order is not theirs within 60 steps."""
    eigenvalues = np.array([0.9, 0.91, -0.92, 0.93, -0.94, 0.95])
    swapped = 0
    for seed in range(5):
        net = linear(eigenvalues, T=60, seed=seed)
        found = spectrum(net, warm_up=0.0)
        np.testing.assert_array_equal(found.lyapunov, np.sort(found.lyapunov)[::-1])
        np.testing.assert_allclose(found.lyapunov, found.lyapunov_history[-1], rtol=1e-14)
        swapped += bool((np.diff(np.asarray(found.lyapunov_history)[5]) > 0).any())
        assert float(found.lyapunov.sum()) == pytest.approx(np.log(np.abs(eigenvalues)).sum(), abs=1e-11)
    assert swapped


@pytest.mark.parametrize("spec", ["elman", "lstm"])
def test_the_top_are_the_first_of_all(spec):
    """By forward mode: QR of the first columns is that of all, cut; only the order may differ."""
    net = network(spec, 200, w_rec=1.5)
    whole, some = spectrum(net), spectrum(net, top=2)
    np.testing.assert_allclose(some.lyapunov, whole.lyapunov[:2], rtol=0, atol=1e-10)
    np.testing.assert_allclose(some.lyapunov_history, whole.lyapunov_history[:, :2], rtol=0, atol=1e-10)
    assert not hasattr(some, "log_determinant")
    np.testing.assert_array_equal(spectrum(net, top=99).lyapunov, whole.lyapunov)


@jax.custom_vjp
def plain(h):
    return jnp.tanh(h)


plain.defvjp(lambda h: (jnp.tanh(h), h), lambda h, sent: (sent * (1 - jnp.tanh(h) ** 2),))


def test_the_top_of_a_step_without_forward_mode():
    net = network("elman", 50)
    step = lambda params, state, x: state._replace(h=plain(net.cell.drive(params, state, x)))
    found = program(step, top=2)(net.params, net.state, net.xs, 50)
    np.testing.assert_allclose(found.lyapunov, spectrum(net, 50, top=2).lyapunov, rtol=0, atol=1e-12)


@pytest.mark.ends
@pytest.mark.parametrize(("warm_up", "left_out"), [(0.0, 0), (0.1, 40), (0.25, 100), (7.0, 7), (399.0, 399)])
def test_the_warm_up_is_left_out(warm_up, left_out):
    found = spectrum(network("elman", LONGEST), warm_up=warm_up)
    total = np.asarray(found.lyapunov_history) * np.arange(1, LONGEST + 1)[:, None]
    before = total[left_out - 1] if left_out else 0
    np.testing.assert_allclose(found.lyapunov, (total[-1] - before) / (LONGEST - left_out), atol=1e-11)


def test_a_warm_up_without_end_leaves_nothing():
    assert np.isnan(spectrum(network("elman", 60), warm_up=60.0).lyapunov).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"top": -1}, "top=-1 must be 0"),
        ({"warm_up": -0.1}, "warm_up=-0.1 must be a share"),
        ({"warm_up": 1.5}, "warm_up=1.5 must be a share"),
        ({"seed": -1}, "seed=-1 must not be negative"),
    ],
)
def test_settings_that_are_not_possible(settings, words):
    with pytest.raises(ValueError, match=words):
        spectrum(network("elman", 5), **settings)


# ---- at rest


def silent(n, gain):
    """Sompolinsky's network without input: the weights, in NumPy, and the step."""
    weights = gain * np.random.default_rng(4).standard_normal((n, n)) / math.sqrt(n)
    return weights, lambda w, h, x: jnp.tanh(w @ h + x)


def benettin(weights, steps, left_out, count):
    """The leading exponents in NumPy: the step's derivative written out, NumPy's QR, another start."""
    rng = np.random.default_rng(99)
    h, frame = rng.standard_normal(len(weights)), rng.standard_normal((len(weights), count))
    logs = []
    for _ in range(steps):
        h = np.tanh(weights @ h)
        frame, triangle = np.linalg.qr((1 - h**2)[:, None] * (weights @ frame))
        logs.append(np.log(np.abs(np.diagonal(triangle))))
    logs = np.array(logs[left_out:])
    blocks = logs.reshape(20, -1, count).mean(1)
    return logs.mean(0), blocks.std(0, ddof=1) / math.sqrt(20)


def test_on_the_fixed_point_and_on_the_attractor():
    """Gain 3, 100 units, no input: at rest the log moduli of the eigenvalues, elsewhere far less.

    Two trajectories of one attractor: they differ by what 3000 steps leave uncertain.
    """
    weights, step = silent(100, 3.0)
    given = jnp.asarray(weights), jnp.zeros(100), jnp.zeros((3000, 100)), 3000
    rest = program(step, top=3, warm_up=0.5)(*given)
    eigenvalues = np.sort(np.log(np.abs(np.linalg.eigvals(weights))))[::-1]
    assert float(rest.lyapunov_at_rest) == 1
    np.testing.assert_allclose(rest.lyapunov, eigenvalues[:3], rtol=0, atol=0.01)
    away = program(step, top=3, warm_up=300.0, start="random", seed=1)(*given)
    assert float(away.lyapunov_at_rest) == 0
    expected, error = benettin(weights, 3300, 300, 3)
    assert expected[0] < 0.4 < eigenvalues[0] - 0.5
    assert (np.abs(np.asarray(away.lyapunov) - expected) < 5 * error).all()
    assert error.max() < 0.01


def test_another_seed_is_another_start_on_the_same_attractor():
    weights, step = silent(30, 3.0)
    given = jnp.asarray(weights), jnp.zeros(30), jnp.zeros((50, 30)), 50
    found = [program(step, start="random", seed=seed)(*given).lyapunov[0] for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


@pytest.mark.slow
def test_a_state_that_moves_once_is_not_at_rest():
    weights, step = silent(5, 0.5)
    xs = jnp.zeros((20, 5)).at[10, 2].set(1e-3)
    found = program(step)(jnp.asarray(weights), jnp.zeros(5), xs, 20)
    assert float(found.lyapunov_at_rest) == 0
    assert float(program(step)(jnp.asarray(weights), jnp.zeros(5), xs, 10).lyapunov_at_rest) == 1


@pytest.mark.slow
def test_measure_says_it_beside_the_number():
    weights, step = silent(5, 3.0)
    measured = lambda *probes: gradlab.measure(
        step, jnp.asarray(weights), jnp.zeros(5), jnp.zeros((40, 5)), probe=probes
    )
    assert "fixed point" in measured("lyapunov(top=2)").lyapunov.attrs["note"]
    assert "note" not in measured("lyapunov(top=2, start=random)").lyapunov.attrs
    assert measured("lyapunov(top=2)").sizes["index"] == 2
    with pytest.raises(GradlabError, match=r"probe: 'lyapunov\(top=-2\)' is not possible"):
        measured("lyapunov(top=-2)")
