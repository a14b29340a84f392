"""Contracts of initialisers: what every one must do, ours and other people's."""

import inspect
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.testing._held import Check, Contract, checks, hold
from gradlab.testing.networks import key


def initializer_checks(initializer: Any) -> list[Check]:
    """The contracts of an initialiser, one callable each: of `(key, n) -> W`, or by its spelling."""
    made = registry.make("initializers", initializer) if isinstance(initializer, str) else initializer
    return checks(INITIALIZER, made)


def check_initializer(initializer: Any) -> None:
    """Hold an initialiser to all its contracts.

    Raises:
      AssertionError: for the first that does not hold.
    """
    hold(initializer_checks(initializer))


def draws_square_matrices_of_its_key(draw: Any) -> None:
    """A key decides a finite matrix (n, n) in float64, of one unit too."""
    for n in (1, 2, 7):
        w = draw(key(), n)
        assert w.shape == (n, n), f"for {n} units it draws the shape {w.shape}"
        assert w.dtype == jnp.float64, f"it draws {w.dtype} where float64 is on"
        assert np.isfinite(w).all(), f"for {n} units a number is not finite"
        np.testing.assert_array_equal(w, draw(key(), n), err_msg="one key draws two matrices")


def draws_float32_where_float64_is_off(draw: Any) -> None:
    """Without float64 it draws in float32."""
    with jax.enable_x64(False):
        found = jax.eval_shape(lambda key: draw(key, 5), jax.random.key(0)).dtype
    assert found == jnp.float32, f"it draws {found} where float64 is off"


def vmap_draws_what_a_loop_draws(draw: Any) -> None:
    """A batch of keys gives what each of them gives alone."""
    keys = jax.random.split(key(), 3)
    together = jax.jit(jax.vmap(lambda k: draw(k, 5)))(keys)
    for one, k in zip(together, keys, strict=True):
        np.testing.assert_allclose(one, draw(k, 5), rtol=1e-12, atol=1e-14)


def has_the_gain_that_it_states(draw: Any) -> None:
    """`w_rec` multiplies a matrix of unit gain: its norm, its radius or its singular values are 1.

    Which of them the file of an initialiser says as `UNIT`. Instead of 1 it is `gain`, where the initialiser
    has it. The norm, Frobenius / sqrt(n), is that of many draws together.
    """
    gain = abs(float(getattr(draw, "gain", 1.0)))
    # A function with settings is inside a `functools.partial`.
    home = inspect.unwrap(getattr(draw, "func", draw))
    unit = getattr(sys.modules.get(getattr(home, "__module__", None) or type(home).__module__), "UNIT", None)
    weights = np.asarray(jax.jit(jax.vmap(lambda k: draw(k, UNITS)))(jax.random.split(key(), DRAWS)))
    found = {name: measure(weights, gain) for name, measure in MEASURES.items()}
    known = ", ".join(f"its {name} {said}" for name, (said, _) in found.items())
    names = ", ".join(repr(name) for name in MEASURES)
    assert unit is not None, f"its file states no UNIT, which of {names} is {gain:g}: {known}"
    assert unit in MEASURES, f"UNIT is {unit!r}, and none of {names}"
    said, held = found[unit]
    assert held, f"of gain {gain:g}, its {unit} {said}"


UNITS, DRAWS = 32, 64
"""Of the matrices whose gain is measured."""


def _norm(weights: Any, gain: float) -> tuple[str, bool]:
    found = float(np.sqrt((weights**2).sum(axis=(1, 2)).mean() / UNITS))
    # Of n^2 normal numbers in each of m draws it scatters by 1 / (n sqrt(2 m)): 0.3 %.
    return f"is {found:.4g}", abs(found - gain) <= 0.02 * gain


def _radius(weights: Any, gain: float) -> tuple[str, bool]:
    found = np.abs(np.linalg.eigvals(weights)).max(axis=1)
    return _between(found), bool(np.allclose(found, gain, rtol=1e-9, atol=0))


def _singular(weights: Any, gain: float) -> tuple[str, bool]:
    found = np.linalg.svd(weights, compute_uv=False)
    return _between(found), bool(np.allclose(found, gain, rtol=1e-9, atol=0))


def _between(found: Any) -> str:
    return f"is {found.min():.4g} to {found.max():.4g}"


MEASURES = {"norm": _norm, "radius": _radius, "singular values": _singular}
"""What may be the unit of an initialiser."""


INITIALIZER: tuple[Contract, ...] = (
    draws_square_matrices_of_its_key,
    draws_float32_where_float64_is_off,
    vmap_draws_what_a_loop_draws,
    has_the_gain_that_it_states,
)
"""Contracts of every initialiser."""
