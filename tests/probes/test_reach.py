"""Reach, readout transport and the transport of parts: closed forms, autodiff, three forms of one cell."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gradlab
from gradlab import metrics
from gradlab.states import (
    BACKWARD_NONFINITE,
    BELOW_PRECISION,
    EXACT_ZERO,
    NOT_COMPUTED,
    OK,
    UNDEFINED,
)
from gradlab.studies.sweep import results, rows, table
from tests.probes.networks import network
from tests.probes.slstm import SLSTM
from tests.tiers import few

T = 60
POINT = ("cell", "init", "w_rec", "T", "seed")
REACH = ("reach", "reach_frobenius")


def column(found, name, **at):
    """Values and states of a column of one network, by lag."""
    return tuple(found[one].squeeze(POINT).sel(at).values for one in (name, f"{name}_state"))


def log_norms(matrices):
    """log10 of the largest singular value and of the Frobenius norm, by lag."""
    flat = [np.asarray(one).reshape(len(one), -1) for one in matrices]
    values = np.array([[np.linalg.norm(one, 2), np.linalg.norm(one)] for one in flat])
    return np.log10(values).T


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_diagonal_linear_cell_has_its_closed_form(dtype):
    w, w_in, out, steps = np.array([0.5, 0.25]), np.array([3.0, -2.0]), np.array([0.1, 7.0]), 1000
    found = gradlab.measure(
        lambda p, h, x: p["w"] * h + p["w_in"] * x,
        {"w": w.astype(dtype), "w_in": w_in.astype(dtype)},
        np.zeros(2, dtype),
        np.zeros((steps, 2), dtype),
        readout=lambda h: jnp.asarray(out, dtype) * h,
        probe="reach",
    )
    # The diagonal at lag k: out_i w_i^k w_in_i, far below what either precision can hold.
    lag = np.arange(steps)
    log = np.log10(np.abs(out * w_in)) + lag[:, None] * np.log10(w)
    value, state = column(found, "reach")
    assert state.tolist() == [OK] * steps + [UNDEFINED]
    np.testing.assert_allclose(
        value[:-1], log.max(axis=1), rtol=0, atol=1e-12 if dtype == np.float64 else 1e-5
    )
    both = log.max(axis=1) + 0.5 * np.log10((10 ** (2 * (log - log.max(axis=1)[:, None]))).sum(axis=1))
    np.testing.assert_allclose(column(found, "reach_frobenius")[0][:-1], both, rtol=0, atol=1e-5)
    # The readout is a product, and no leaf of the state.
    assert set(column(found, "readout_transport")[1].tolist()) == {NOT_COMPUTED}
    assert "whose readout is no leaf" in found["readout_transport"].attrs["note"]


@pytest.mark.parametrize(
    "spec", few(["lstm", "gru", "stacked(cell=elman, layers=2)", "elman(activation=relu)"], ("gru",))
)
def test_they_are_what_autodiff_finds(spec):
    steps = 7
    net = network(spec, steps)
    found = gradlab.measure(
        net.cell.step,
        net.params,
        net.state,
        net.xs,
        readout=net.cell.readout,
        probe=["reach", "part_transport"],
    )
    read = lambda state: ravel_pytree(net.cell.readout(state))[0]

    def onward(state, xs):
        return jax.lax.scan(lambda s, x: (net.cell.step(net.params, s, x), None), state, xs)[0]

    @jax.jit
    def all_jacobians(state, xs):
        return jax.jacrev(lambda s: onward(s, xs))(state), jax.jacrev(lambda xs: read(onward(state, xs)))(xs)

    states = [net.state]
    for x in net.xs:
        states.append(net.cell.step(net.params, states[-1], x))
    by_input = all_jacobians(net.state, net.xs)[1]
    want = log_norms([by_input[:, t] for t in reversed(range(steps))])
    for name, values in zip(REACH, want, strict=True):
        np.testing.assert_allclose(column(found, name)[0][:-1], values, rtol=0, atol=1e-12)
    leaf = next(i for i, one in enumerate(jax.tree.leaves(net.state)) if one is net.cell.readout(net.state))
    parts = [str(part) for part in found["part"].values]
    for lag in (0, 1, 4, steps):
        end = states[steps - lag]
        whole = jax.jit(jax.jacrev(lambda s, lag=lag: onward(s, net.xs[steps - lag :])))(end)
        count = len(jax.tree.leaves(net.state))
        leaves = jax.tree.leaves(whole)
        blocks = {part: leaves[i * count + i] for i, part in enumerate(parts[-count:])}
        sizes = [one.size for one in jax.tree.leaves(net.state)]
        rows_ = [
            np.hstack([leaves[i * count + j].reshape(sizes[i], -1) for j in range(count)])
            for i in range(count)
        ]
        blocks["state"] = np.vstack(rows_)
        for part, block in blocks.items():
            for name, (value,) in zip(
                ("part_transport", "part_transport_frobenius"),
                log_norms([block.reshape(len(block), -1)]),
                strict=True,
            ):
                np.testing.assert_allclose(
                    column(found, name, part=part, lag=lag)[0], value, rtol=0, atol=1e-12
                )
        own = leaves[leaf * count + leaf]
        want = log_norms([own])
        for name, (value,) in zip(("readout_transport", "readout_transport_frobenius"), want, strict=True):
            np.testing.assert_allclose(column(found, name, lag=lag)[0], value, rtol=0, atol=1e-12)


@functools.cache
def slstm(form):
    cell = SLSTM(form)
    params, state = cell.init(
        jax.random.key(3), 2, 3, 1.0, lambda key, n: jax.random.normal(key, (n, n), float)
    )
    xs = jax.random.normal(jax.random.key(4), (T, 2), float)
    return gradlab.measure(
        cell.step,
        params,
        state,
        xs,
        readout=cell.readout,
        probe=["reach", "part_transport"],
        w_rec=cell.recurrent,
    )


@pytest.mark.slow
def test_three_forms_of_one_slstm_agree_in_reach_and_not_in_transport():
    found = {form: slstm(form) for form in ("stabilised", "plain", "ratio")}
    for name in (*REACH, "readout_transport", "readout_transport_frobenius"):
        first, state = column(found["stabilised"], name)
        for form in ("plain", "ratio"):
            value, other = column(found[form], name)
            np.testing.assert_array_equal(other, state)
            np.testing.assert_allclose(value, first, rtol=0, atol=1e-9)
    far = {form: column(one, "transport", part="state", lag=T)[0].item() for form, one in found.items()}
    assert min(abs(far[a] - far[b]) for a, b in (("stabilised", "plain"), ("plain", "ratio"))) > 0.1


def counted(step):
    """The step with a float counter in its state."""
    return lambda p, s, x: (step(p, s[0], x), s[1] + 1.0)


@pytest.mark.slow
def test_a_counter_in_the_state_changes_nothing_in_reach_and_all_in_the_transport():
    step = lambda w, h, x: jnp.tanh(w * h + x)
    xs = np.linspace(-1, 1, 2 * T).reshape(T, 2)
    given = np.float64(0.5), np.zeros(2)
    plain = gradlab.measure(step, *given, xs, probe="reach")
    found = gradlab.measure(
        counted(step), given[0], (given[1], 0.0), xs, readout=lambda s: s[0], probe="reach"
    )
    for name in (*REACH, "readout_transport"):
        for one, other in zip(column(found, name), column(plain, name), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    assert column(found, "transport", part="state", lag=T)[0] == pytest.approx(0, abs=1e-3)
    assert column(plain, "transport", part="state", lag=T)[0] < -10


def saturated_at(where, x):
    """Of a network of one unit whose input is x at one step and 0 elsewhere: states of the reach by lag."""
    xs = np.zeros((8, 1), np.float32)
    xs[where - 1] = x
    step = lambda w, h, x: jnp.where(x > 100, jax.nn.relu(-x), jnp.tanh(w * h + x))
    found = gradlab.measure(step, np.float32(0.5), np.full(1, 0.25, np.float32), xs, probe="reach")
    return column(found, "reach")[1].tolist(), column(found, "readout_transport")[1].tolist()


@pytest.mark.slow
def test_a_zero_by_definition_is_told_from_one_of_rounding():
    # Step 5 of 8: its input is at lag 3.
    assert saturated_at(5, 50.0) == (
        [OK] * 3 + [BELOW_PRECISION] * 5 + [UNDEFINED],
        [OK] * 4 + [BELOW_PRECISION] * 5,
    )
    assert saturated_at(5, 500.0) == ([OK] * 3 + [EXACT_ZERO] * 5 + [UNDEFINED], [OK] * 4 + [EXACT_ZERO] * 5)


def test_a_derivative_that_is_not_finite_is_said_to_be_so():
    xs = np.ones((6, 1))
    xs[2] = 0.0
    step = lambda w, h, x: w * h + jnp.sqrt(x * jnp.ones_like(h) + 0.0 * h)
    found = gradlab.measure(step, np.float64(0.5), np.zeros(1), xs, probe=["reach", "part_transport"])
    assert column(found, "reach")[1].tolist() == [OK] * 3 + [BACKWARD_NONFINITE] * 3 + [UNDEFINED]
    assert column(found, "part_transport", part="state")[1].tolist() == [OK] * 4 + [BACKWARD_NONFINITE] * 3


def test_tokens_have_no_reach():
    step = lambda p, h, x: jnp.tanh(0.5 * h + p[x])
    found = gradlab.measure(step, np.eye(2), np.zeros(2), np.array([0, 1, 1, 0]), probe="reach")
    assert set(column(found, "reach")[1].tolist()) == {UNDEFINED}
    assert set(column(found, "readout_transport")[1].tolist()) == {OK}


@pytest.mark.slow
def test_verdicts_on_a_step_that_rescales_its_state_speak_of_reach():
    found = slstm("stabilised")
    (row,) = rows.groups(found)
    assert row.of == "reach"
    of_reach = {
        metric: one.value.item() for (metric, part), one in metrics.measured(found).items() if part == "state"
    }
    assert row.rate == of_reach["reach_rate"] != of_reach["rate"]
    assert row.values["soft_horizon"] == of_reach["reach_soft_horizon"]
    assert "it rescales its own state, so this is of the reach, dreadout_T/dx_t" in gradlab.verdict(found)
    assert "reach" not in gradlab.verdict(slstm("plain"))


@pytest.fixture(scope="module")
def swept():
    """A rescaling cell beside one that does not, and no probe asked for."""
    return gradlab.sweep(
        cell=["elman", "tests.probes.slstm:SLSTM"], hidden=2, w_rec=1.0, T=12, seeds=3, quiet=True
    )


@pytest.mark.slow
def test_a_sweep_measures_the_reach_of_a_rescaling_cell_alone_and_says_so(swept, tmp_path):
    norms = swept.norms
    assert norms["rescales"].values.tolist() == [False, True]
    states = norms["reach_state"].values.squeeze()
    assert (states[0] == UNDEFINED).all()
    assert (states[1, :, :-1] == OK).all()
    elman, own = results.groups(swept.stored)
    assert (elman.of, own.of) == ("transport", "reach")
    assert own.rate == pytest.approx(np.mean(metrics.named("reach_rate").measure(norms).value[1]))
    said = " ".join(table.render(swept.stored, 110, unicode=False, color=False).plain.split())
    assert "SLSTM: rescales its own state, which moves the transport and no output" in said
    assert "judged by the reach" in swept.verdict
    place = swept.save(tmp_path / "kept")
    again = gradlab.load(place)
    assert again.norms.identical(norms)
    assert again.verdict == swept.verdict
    claim = {"text": "t", "metric": "reach_rate", "where": {"cell": own.cell}, "below": 10.0}
    assert [one.status for one in again.check(claim)] == ["passed"]
    regime = {"text": "t", "metric": "regime", "where": {"cell": own.cell}, "equals": own.regime}
    if own.regime != "UNDECIDED":
        assert [one.status for one in again.check(regime)] == ["passed"]
    assert again.plot("profile", quantity="reach")
