"""A value that rounding hides is told from one that there is not."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.findings import sampling
from gradlab.findings.claims import Claim
from gradlab.findings.judge import judge
from gradlab.states import FORWARD_NONFINITE, NOT_COMPUTED, OK, UNDEFINED
from gradlab.studies.sweep import probe_states, probed, results
from tests.tiers import few

T = 5
FACTORS = (0.5, 1e-9)
"""Of a linear step: the second is far below what float32 tells from 0 beside the first."""


def linear(w, h, x):
    return w * h + x


def measured(*probes, dtype=np.float32, factors=FACTORS, step=linear):
    w = np.array(factors, dtype)
    start, xs = np.ones(len(w), dtype), np.zeros((T, len(w)), dtype)
    return gradlab.measure(step, w, start, xs, probes=probes)


def of(found, column):
    """Values and states of one network."""
    at = ("cell", "init", "w_rec", "T", "seed")
    return (found[name].squeeze(at).values for name in (column, f"{column}_state"))


@pytest.mark.slow
def test_singular_values_that_float32_loses_are_there_and_not_computed():
    values, states = of(measured("jacobian_spectrum"), "product_singular_values")
    assert states.tolist() == [[OK, OK], *[[OK, NOT_COMPUTED]] * T]
    np.testing.assert_allclose(values[:, 0], np.arange(T + 1) * math.log10(0.5), rtol=1e-6)
    _, states = of(measured("jacobian_spectrum"), "step_singular_values")
    assert states.tolist() == [[OK, NOT_COMPUTED]] * T
    values, states = of(measured("jacobian_spectrum", dtype=np.float64), "product_singular_values")
    assert (states == OK).all()
    np.testing.assert_allclose(values[:, 1], -9.0 * np.arange(T + 1), rtol=1e-12)
    values, _ = of(measured("jacobian_spectrum", dtype=np.float64), "step_singular_values")
    np.testing.assert_allclose(values, [FACTORS] * T, rtol=1e-12)


@pytest.mark.slow
def test_a_zero_beside_a_singular_value_is_a_zero():
    _, states = of(measured("jacobian_spectrum", factors=(0.5, 0.0)), "step_singular_values")
    assert states.tolist() == [[OK, OK]] * T


@pytest.mark.parametrize("probe", few(["lyapunov", "lyapunov(top=2)"], []))
def test_exponents_that_float32_loses_are_there_and_not_computed(probe):
    found = measured(probe)
    values, states = of(found, "lyapunov")
    assert states.tolist() == [OK, NOT_COMPUTED]
    first = values[0]
    _, states = of(found, "lyapunov_history")
    assert states.tolist() == [[OK, NOT_COMPUTED]] * T
    _, states = of(found, "lyapunov_sum")
    assert (states == NOT_COMPUTED).all()
    found = measured(probe, dtype=np.float64)
    values, states = of(found, "lyapunov")
    assert (states == OK).all()
    assert values[0] == pytest.approx(first, rel=1e-5)
    # Their sum knows nothing of the frame, which has not turned into place.
    assert values.sum() == pytest.approx(np.log(FACTORS).sum(), rel=1e-12)


@pytest.mark.ends
@pytest.mark.parametrize(("size", "code"), [(1.0, OK), (1e-25, NOT_COMPUTED), (0.0, UNDEFINED)])
def test_a_memory_of_inputs_whose_squares_are_no_number_is_not_computed(size, code):
    xs = (size * np.random.default_rng(0).standard_normal((40, 1))).astype(np.float32)
    line = lambda w, h, x: w * jnp.concatenate([x, h[:-1]])
    found = gradlab.measure(line, np.float32(1), np.zeros(2, np.float32), xs, probes=["memory_capacity"])
    for column in ("memory_function", "memory_capacity"):
        _, states = of(found, column)
        assert (states == code).all()


@pytest.mark.slow
def test_what_has_no_value_stays_undefined():
    """A warm-up that leaves no step, a step after the last, a gate of a cell without gates."""
    _, states = of(measured(f"lyapunov(warm_up={T})"), "lyapunov")
    assert (states == UNDEFINED).all()
    found = gradlab.sweep(
        cell=["elman"], hidden=3, T=(4, 9), seeds=2, probe=("lyapunov", "jacobian_spectrum", "gates")
    ).norms
    assert (found["lyapunov_history_state"].sel(T=4).values[..., 4:, :] == UNDEFINED).all()
    assert (found["product_singular_values_state"].sel(T=4).values[..., 5:, :] == UNDEFINED).all()
    assert (found["opening_state"] == UNDEFINED).all()


def test_a_network_that_is_not_finite_hides_nothing():
    square = lambda w, h, x: w * h + x * h * h
    found = measured("lyapunov", "jacobian_spectrum", factors=(3e38, 1e-9), step=square)
    for column in ("lyapunov", "lyapunov_history", "product_singular_values"):
        _, states = of(found, column)
        assert NOT_COMPUTED not in states


def test_of_a_linear_network_the_derivative_is_there_whatever_its_states_are():
    """As in a sweep: the same step whose states are finite has the same derivative."""
    found = measured("jacobian_spectrum", factors=(3e38, 1e-9))
    assert (found["nonfinite_step"] > 0).all()
    values, states = of(found, "product_singular_values")
    assert states.tolist() == [[OK, OK], *[[OK, NOT_COMPUTED]] * T]
    np.testing.assert_allclose(values[:, 0], np.arange(T + 1) * math.log10(3e38), rtol=1e-6)


def test_a_mean_over_some_sequences_alone_is_not_computed():
    value = np.array([[[1.0, 1.0], [3.0, np.nan]]])
    none = np.zeros(value.shape, bool)
    mean, state = probe_states._pooled(value, none, np.array([False]), np.isnan(value))
    assert state.tolist() == [[OK, NOT_COMPUTED]]
    assert mean[0, 0] == 2
    _, state = probe_states._pooled(value, none, np.array([True]), np.isnan(value))
    assert state.tolist() == [[FORWARD_NONFINITE] * 2]
    _, state = probe_states._pooled(value, none, np.array([False]), none)
    assert state.tolist() == [[OK, OK]]


@pytest.fixture(scope="module")
def dead():
    """Networks with units that relu has shut: of their exponents the last ones are lost."""
    run = gradlab.sweep(
        cell=["elman(activation=relu)", "elman"], hidden=4, T=20, seeds=3, w_rec=0.9, probe=("lyapunov",)
    )
    return results.Run(run.about, results.metrics(run.norms), run.norms)


@pytest.mark.slow
def test_tables_and_claims_say_which_of_the_two_it_is(dead):
    lost = (dead.norms["lyapunov_state"].values[0, 0, 0, 0, :, -1] == NOT_COMPUTED).sum()
    assert lost > 0
    text = probed.render(dead, 200, color=False, names=["lyapunov"]).plain
    assert "Not computed in some networks: lyapunov[index=" in text
    assert "Undefined" not in text
    where = {"cell": "elman(activation=relu)", "index": 4.0}
    (point,) = sampling.swept(dead, "lyapunov", {"index": [4]}).at({"cell": where["cell"]})
    assert point.lost == f"not computed in {lost} of 3 seeds"
    (found,) = judge(dead, [Claim("x", "lyapunov", where, "below", 0.0, {})])
    assert found.status != "passed"


def test_the_bound_of_a_readout_needs_no_derivative():
    """Where the way back is NaN, states that are near their bound are so still."""
    step = lambda w, h, x: jnp.where(x > 0, jnp.sqrt(h - h) + 0.95, 0.0 * h)
    found = gradlab.measure(
        step, np.float32(1), np.zeros(1, np.float32), np.float32([[0], [1], [0]]), probes=("saturation",)
    )
    values, states = of(found, "near_bound")
    assert (states == OK).all()
    np.testing.assert_array_equal(values, [0, 1, 0])
    _, states = of(found, "small_derivative")
    assert (states == UNDEFINED).all()


MINE = '''"""A probe of another package."""

from typing import Any, NamedTuple

import jax.numpy as jnp

AXES = {"mine": ("step",)}


class Columns(NamedTuple):
    mine: Any
    hidden: Any


def hiding(step, params, state, xs, setup) -> Columns:
    where = jnp.arange(len(xs)) % 2 == 0
    return Columns(jnp.ones(len(xs)), HIDDEN)
'''


@pytest.mark.ends
@pytest.mark.parametrize(
    ("name", "hidden", "said"),
    [
        ("right", '{"mine": where}', ""),
        ("other", '{"yours": where}', "says that rounding hides yours, which is none of its columns"),
        ("short", '{"mine": where[1:]}', "says where rounding hides mine in the shape"),
        (
            "wide",
            '{"mine": where.astype(float)}',
            "says where rounding hides mine in float64, and not in True and False",
        ),
    ],
)
def test_a_probe_of_another_package_says_it_in_the_same_way(tmp_path, monkeypatch, name, hidden, said):
    (tmp_path / f"{name}.py").write_text(MINE.replace("HIDDEN)", f"{hidden})").replace("hiding(", f"{name}("))
    monkeypatch.setattr(gradlab.probes, "__path__", [*gradlab.probes.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "is_foreign", lambda kind, one: one == name)
    with jax.numpy_dtype_promotion("standard"):
        if said:
            with pytest.raises(GradlabError, match=said):
                measured(name)
        else:
            values, states = of(measured(name), "mine")
            assert states.tolist() == [NOT_COMPUTED, OK] * 2 + [NOT_COMPUTED]
            np.testing.assert_array_equal(values, np.where(states == OK, 1, np.nan))
