"""A finite forward pass with a derivative that is not: named by step and leaf, and the rest is kept."""

import json
import sys
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab import metrics, profiles
from gradlab.pytest import assert_horizon
from gradlab.states import BACKWARD_NONFINITE, OK
from tests.cli import calling
from tests.tiers import optimised

T, BROKEN = 30, 12
"""The derivative of step 12 is not finite: lags 0 to 18 have norms, all further back have none."""


class State(NamedTuple):
    h: jax.Array
    c: jax.Array


def norm_at_zero(w, state, x):
    """Input 1 at one step adds the norm of a vector of zeros: 0 forward, 0/0 backward."""
    h = jnp.tanh(w * state.h)
    kink = jnp.linalg.norm(jnp.where(x[0] > 0, 0 * state.c, state.c))
    return State(h, 0.9 * state.c + 0 * kink)


def flagged(step=BROKEN, dtype=np.float32):
    xs = np.zeros((T, 1), dtype)
    xs[step - 1] = 1
    return jnp.asarray(xs)


@pytest.fixture(scope="module")
def measured():
    state = State(jnp.full(2, 0.5, jnp.float32), jnp.full(2, 0.5, jnp.float32))
    return gradlab.measure(norm_at_zero, jnp.full(2, 0.9, jnp.float32), state, flagged())


def test_the_lags_before_the_break_are_kept_and_those_behind_it_named(measured):
    state = measured.transport_state.sel(part="state").values.ravel()
    assert (state[: T - BROKEN + 1] == OK).all()
    assert (state[T - BROKEN + 1 :] == BACKWARD_NONFINITE).all()
    assert (measured.nonfinite_step.values == 0).all()
    # Equal to a network without the break, as far as both have norms.
    whole = gradlab.measure(
        norm_at_zero,
        jnp.full(2, 0.9, jnp.float32),
        State(jnp.full(2, 0.5, jnp.float32), jnp.full(2, 0.5, jnp.float32)),
        jnp.zeros((T, 1), jnp.float32),
    )
    for name in ("adjoint", "transport", "transport_frobenius"):
        ours = measured[name].values[..., : T - BROKEN + 1]
        np.testing.assert_array_equal(ours, whole[name].values[..., : T - BROKEN + 1])


def test_the_step_and_the_leaf_are_named(measured):
    assert profiles.backward_leaves(measured) == {(0, 0, 0, 0, 0): ("c",)}
    step = metrics.measured(measured)["backward_nonfinite_step", "state"]
    assert float(step.value.item()) == BROKEN
    said = gradlab.verdict(measured)
    assert "NONFINITE" in said
    assert f"first at step {BROKEN} in c" in said
    assert f"over lags 0 to {T - BROKEN}" in said


def test_a_horizon_that_may_lie_behind_the_break_is_not_said_to_be_beyond_the_sequence(measured):
    found = metrics.measured(measured)
    # Half is lost after 7 steps of 0.9; a factor 1000 would be after 66.
    assert int(found["half_life", "state"].state.item()) == OK
    assert int(found["soft_horizon", "state"].state.item()) == BACKWARD_NONFINITE


def test_assert_horizon_fails_with_the_reason():
    state = State(jnp.full(2, 0.5, jnp.float32), jnp.full(2, 0.5, jnp.float32))
    with pytest.raises(AssertionError, match=rf"derivative of a step is not finite.*step {BROKEN} in c"):
        assert_horizon(norm_at_zero, jnp.full(2, 0.9, jnp.float32), state, flagged(), at_least=20.0)


@jax.custom_jvp
def steep(a):
    """A surrogate whose derivative is 1/a^2, and so infinite at 0."""
    return (a > 0).astype(a.dtype)


steep.defjvp(lambda primals, tangents: (steep(primals[0]), tangents[0] / primals[0] ** 2))


def test_a_surrogate_that_is_too_steep_is_named_too():
    step = lambda w, h, x: 0.5 * h + steep(w * h - x)
    found = gradlab.measure(
        step, jnp.float32(1), jnp.ones(1, jnp.float32), jnp.full((5, 1), 10.0, jnp.float32)
    )
    assert (found.transport_state.values != BACKWARD_NONFINITE).all()
    xs = jnp.full((5, 1), 10.0, jnp.float32).at[2].set(0.25)
    # State after two steps of 0.5 h is 0.25: the argument of the third is exactly 0.
    found = gradlab.measure(step, jnp.float32(1), jnp.ones(1, jnp.float32), xs)
    assert profiles.backward_leaves(found) == {(0, 0, 0, 0, 0): ("state",)}
    assert "first at step 3" in gradlab.verdict(found)


CELL = '''
"""A step whose derivative is 0/0 in those networks whose first weight is negative."""
import jax, jax.numpy as jnp


def init(key, d_in, d_hidden):
    w = jax.random.normal(key, (d_hidden,), float)
    return {"w_rec": w}, jnp.full(d_hidden, 0.5, float)


def step(params, h, x):
    bad = jnp.where(params["w_rec"][0] < 0, 0 * h, h)
    return jnp.tanh(params["w_rec"] * h) + 0 * jnp.linalg.norm(bad)
'''


@optimised
def test_in_a_sweep_the_neighbours_are_untouched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "zeronorm.py").write_text(CELL)
    words = ("--w-rec", "0.9", "-T", "8", "--hidden", "2", "--seeds", "6", "--quiet")
    said = calling.gradlab("sweep", "--cell", "zeronorm:step", *words, "--name", "a")
    assert said.code == 3
    assert "a pass is not finite, forward or backward" in said.err
    lines = [json.loads(line) for line in (tmp_path / "results/a/failures.jsonl").read_text().splitlines()]
    assert 0 < len(lines) < 6
    assert all(line["pass"] == "backward" and line["step"] == 8 for line in lines)
    assert all(line["leaves"] == ["state"] for line in lines)
    assert "back at 8" in calling.gradlab("show", "results/a").out
    # The same weights, for they are drawn by the cell's name.
    (tmp_path / "zeronorm.py").write_text(CELL.replace("0 * h, h)", "h, h)"))
    plain = calling.finished("sweep", "--cell", "zeronorm:step", *words, "--name", "b", cwd=tmp_path)
    assert plain.code == 0
    one, other = (gradlab_norms(tmp_path / "results" / name) for name in "ab")
    bad = {line["seed"] for line in lines}
    for seed in set(range(6)) - bad:
        for name in ("transport", "adjoint"):
            np.testing.assert_array_equal(one[name].sel(seed=seed), other[name].sel(seed=seed))
    del sys.modules["zeronorm"]


def gradlab_norms(folder):
    from gradlab.studies.sweep import results

    return results.read(folder).norms.squeeze("cell", drop=True)
