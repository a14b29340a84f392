"""The contracts of initialisers: a right one keeps them, and each is broken by one that breaks it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import testing
from tests.members import told


def right(key, n):
    """An initialiser of another package."""
    return jax.random.normal(key, (n, n), float) / np.sqrt(n)


def unseeded(key, n):
    return right(key, n) * np.random.default_rng().standard_normal()


def half_where_float64_is_off(key, n):
    return right(key, n).astype(float if jax.config.jax_enable_x64 else jnp.float16)


class Scaled:
    """Of a norm that it states."""

    gain = 0.3

    def __call__(self, key, n):
        return self.gain * right(key, n)


def turned(key, n):
    return jnp.linalg.qr(right(key, n))[0]


def of_unit_radius(key, n):
    drawn = right(key, n)
    return drawn / jnp.abs(jnp.linalg.eigvals(drawn)).max()


MEASURED = [
    (right, "norm"),
    (Scaled(), "norm"),
    (turned, "singular values"),
    (of_unit_radius, "radius"),
]


@pytest.mark.parametrize(("draw", "unit"), MEASURED)
def test_a_right_initializer_keeps_them(monkeypatch, draw, unit):
    monkeypatch.setitem(globals(), "UNIT", unit)
    testing.check_initializer(draw)


def test_one_that_states_no_unit_is_told_what_to_state():
    """The spectral radius of a gaussian matrix is near 1, too: only its author knows which it shall be."""
    said = told(testing.initializer_checks(right), "has_the_gain_that_it_states")
    assert said.startswith("its file states no UNIT, which of 'norm', 'radius', 'singular values' is 1: its")
    assert "its norm is 0.9991, its radius is " in said


@pytest.mark.parametrize(
    ("draw", "unit", "gain"),
    [
        *((draw, unit, gain) for draw, unit in MEASURED for gain in (2.0, 0.5)),
        (right, "norm", 1.05),
        (right, "norm", 0.97),
        (turned, "singular values", 1.001),
        # Its norm is near 1: what it states tells.
        (of_unit_radius, "radius", 1.05),
    ],
)
def test_another_gain_is_told(monkeypatch, draw, unit, gain):
    monkeypatch.setitem(globals(), "UNIT", unit)

    def wrong(key, n):
        return gain * draw(key, n)

    wrong.gain = getattr(draw, "gain", 1.0)
    said = told(testing.initializer_checks(wrong), "has_the_gain_that_it_states")
    assert said.startswith(f"of gain {wrong.gain:g}, its {unit} is ")


@pytest.mark.parametrize(("unit", "said"), [("radius", "its radius is"), ("size", "UNIT is 'size'")])
def test_the_measure_that_the_file_states_must_hold(monkeypatch, unit, said):
    monkeypatch.setitem(globals(), "UNIT", unit)
    assert said in told(testing.initializer_checks(right), "has_the_gain_that_it_states")


@pytest.mark.parametrize(
    ("draw", "contract", "said"),
    [
        (lambda key, n: right(key, n)[:, :1], "draws_square_matrices_of_its_key", "the shape (2, 1)"),
        (lambda key, n: right(key, n).astype(jnp.float32), "draws_square_matrices_of_its_key", "float32"),
        (unseeded, "draws_square_matrices_of_its_key", "one key draws two matrices"),
        (half_where_float64_is_off, "draws_float32_where_float64_is_off", "float16"),
        (unseeded, "vmap_draws_what_a_loop_draws", "Not equal"),
    ],
)
def test_an_initializer_that_breaks_one_is_told(draw, contract, said):
    assert said in told(testing.initializer_checks(draw), contract)
