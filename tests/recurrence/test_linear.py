"""Steps taken side by side against one after the other: to rounding, and at every range."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.recurrence import platforms, wide
from gradlab.recurrence.linear import Powers, Units, linear
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import log10_norm
from gradlab.studies.sweep.program import measure_one
from gradlab.types import ProbeContext
from tests.probes.networks import network
from tests.tiers import few

LINEAR = "elman(activation=identity)"


KINDS = {
    LINEAR: (Powers, True),
    "lru": (Units, True),
    "min_gru": (Units, True),
    "min_lstm": (Units, True),
    "indrnn(activation=identity)": (Units, True),
    "indrnn": (Units, False),
    "indrnn(activation=tanh)": (Units, False),
}


def steps_of(spec, beside=1, n=3):
    net = network(spec, 2, n=n)
    given = net.cell.step, net.params, net.state, net.xs[0]
    return linear(pullback(*given, weights=True), *given, beside)


@pytest.mark.parametrize("spec", dict.fromkeys([*registry.names("cells"), *KINDS]))
def test_cells_whose_steps_may_be_taken_at_once_are_known(spec):
    found = steps_of(spec)
    kind, affine = KINDS.get(spec, (type(None), None))
    assert type(found) is kind
    assert found is None or found.affine == affine


def test_a_matrix_that_keeps_a_card_busy_goes_step_by_step():
    assert steps_of(LINEAR, beside=platforms.LAUNCH // 9) is not None
    assert steps_of(LINEAR, beside=platforms.LAUNCH // 9 + 1) is None


@pytest.mark.parametrize("bent", ["sign", "stopped", "rounded", "counted"])
def test_a_step_that_hides_what_it_does_has_no_states_at_once(bent):
    """Its derivative is the same everywhere, and it is not linear."""
    step = {
        "sign": lambda p, h, x: p * h + jnp.sign(h) + x,
        "stopped": lambda p, h, x: p * h + jax.lax.stop_gradient(h**2) + x,
        "rounded": lambda p, h, x: p * h + jnp.round(h) + x,
        "counted": lambda p, h, x: p * h + (h > 0).astype(h.dtype) + x,
    }[bent]
    given = step, jnp.full(3, 0.5), jnp.ones(3), jnp.ones(3)
    found = linear(pullback(*given), *given, 1)
    assert found is None or not found.affine


@pytest.mark.parametrize(
    ("segment", "spec", "still"),
    few(
        [(s, c, b) for s in (4, 256) for c in (LINEAR, "indrnn(activation=identity)") for b in (False, True)],
        ((256, LINEAR, False), (256, "indrnn(activation=identity)", False)),
    ),
)
def test_a_state_that_leaves_its_range_is_named_and_one_of_zeros_stays(spec, still, segment, monkeypatch):
    """w_rec = 30 in float32: 30^26 is the last power below 2^128. Of a state of zeros 0 is left."""
    T, n = 40, 3
    net = network(spec, T, n=n, dtype=np.float32, bias=0)
    weight = 30 * (jnp.eye(n) if spec == LINEAR else jnp.ones(n)).astype(jnp.float32)
    net = net._replace(
        params=net.params._replace(w_rec=weight),
        state=net.state._replace(h=jnp.full(n, 0.0 if still else 1.0, jnp.float32)),
        xs=0 * net.xs,
    )
    monkeypatch.setattr(platforms, "on_cpu", lambda: False)
    monkeypatch.setattr(wide, "segment_of", lambda bytes_a_step, at_once=False: segment)
    setup = ProbeContext(objective("unit", net.state, net.cell.readout), net.cell.recurrent, T, cell=net.cell)
    found = jax.jit(lambda p, s, x: measure_one(net.cell.step, p, s, x, setup, "adjoint"))(*net[1:])
    assert found["nonfinite_step"].item() == (0 if still else math.floor(128 / math.log2(30)) + 1)


def both_ways(step, params, state, xs, goal, read, name, monkeypatch):
    """The adjoint one step after the other, as a CPU does it, and at once."""
    T = len(xs)
    setup = ProbeContext(objective(name, goal, read), lambda params: params, T)
    found = []
    for on_cpu in (True, False):
        monkeypatch.setattr(platforms, "on_cpu", lambda on_cpu=on_cpu: on_cpu)
        run = lambda p, s, x: measure_one(step, p, s, x, setup, "adjoint")
        columns = jax.jit(run)(params, state, xs)
        norms = [log10_norm(columns["adjoint"])[: T + 1, 0], log10_norm(columns["weight_gradient"])[:T]]
        found.append([*norms, log10_norm(columns["gradient"].norm)])
    return found


def declared(kind):
    """The identity with a derivative of one half, as somebody says."""
    half = jax.custom_vjp(lambda h: h) if kind == "vjp" else jax.custom_jvp(lambda h: h)
    if kind == "vjp":
        half.defvjp(lambda h: (h, None), lambda _, sent: (sent * 0.5,))
    else:
        half.defjvp(lambda h, push: (h[0], 0.5 * push[0]))
    return half


@pytest.mark.parametrize(
    ("dense", "kind", "name"),
    few(
        [(d, k, n) for d in (False, True) for k in ("vjp", "jvp") for n in ("last", "every")],
        ((False, "vjp", "every"), (True, "jvp", "last")),
    ),
)
def test_a_derivative_that_somebody_has_set_moves_no_state(dense, kind, name, monkeypatch):
    half, w = declared(kind), 0.9 * (jnp.eye(3) + 0.1 if dense else jnp.ones(3))
    step = (lambda p, h, x: p @ half(h) + x) if dense else (lambda p, h, x: p * half(h) + x)
    given = step, w, jnp.ones(3), jnp.ones((10, 3)), jnp.zeros(3), lambda h: h
    here, there = both_ways(*given, name, monkeypatch)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-12)


def slow_and_fast(params, state, x):
    """Two times scales that do not meet."""
    return {"c": 0.5 * params * state["c"] + x, "h": params * state["h"] + x}


DECAYING = {
    "diagonal": ([[1, 0, 0], [0, 0.5, 0], [0, 0, 0.1]], [0, 1, 0]),
    "upper": ([[0.5, 1, 0], [0, 1, 0], [0, 0, 1]], [0, 1, 0]),
    "lower": ([[0.5, 0, 0], [1, 1, 0], [0, 0, 1]], [1, 0, 0]),
}


@pytest.mark.parametrize("dtype", few(["float32", "float64"], ("float32",)))
@pytest.mark.parametrize("name", DECAYING)
def test_what_decays_is_not_lost_beside_what_does_not(name, dtype, monkeypatch):
    """Down to 2^-1300 of the largest entry of the same power of the matrix."""
    matrix, goal = (jnp.asarray(one, dtype) for one in DECAYING[name])
    given = (
        lambda p, h, x: p @ h + x,
        matrix,
        jnp.ones(3, dtype),
        jnp.zeros((1300, 3), dtype),
        goal,
        lambda h: h,
    )
    here, there = both_ways(*given, "unit", monkeypatch)
    np.testing.assert_allclose(there[0], here[0], rtol=0, atol=1e-3 if dtype == "float32" else 1e-10)
    if name == "diagonal":
        np.testing.assert_allclose(there[0], np.arange(1301) * np.log10(0.5), rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", few(["float32", "float64"], ("float32",)))
def test_a_number_of_a_unit_is_not_lost_beside_its_other_one(dtype, monkeypatch):
    state = {"c": jnp.ones(2, dtype), "h": jnp.ones(2, dtype)}
    given = slow_and_fast, jnp.ones(2, dtype), state, jnp.zeros((1300, 2), dtype)
    goal = {"c": jnp.ones(2, dtype), "h": jnp.zeros(2, dtype)}
    here, there = both_ways(*given, goal, lambda state: state, "unit", monkeypatch)
    np.testing.assert_allclose(there[0], here[0], rtol=0, atol=1e-4)
    assert here[0][-1] == pytest.approx(1300 * np.log10(0.5) + np.log10(2) / 2, abs=1e-3)


@pytest.mark.parametrize("segment", few([4096, 7], (4096,)))
@pytest.mark.parametrize("matrix", [[[1.5, 0], [0, 0.9]], [[0.9, 0], [1, 1.5]], [[0.9, 1], [0, 1.5]]])
def test_a_state_that_decays_is_not_lost_beside_one_that_grows(matrix, segment, monkeypatch):
    """1.5^200 is 1e35, and 0.9^200 is 7e-10; in the last one nothing drives what decays."""
    monkeypatch.setattr(wide, "segment_of", lambda bytes_a_step, at_once=False: segment)
    T, which, matrix = 200, int(matrix[0][0] != 0.9), jnp.asarray(matrix, jnp.float32)
    read = lambda h: h[which]
    begin = jnp.asarray([1.0, 1.0 if matrix[0, 1] == 0 else 0.0], jnp.float32)
    xs, goal = jnp.zeros((T, 2), jnp.float32), jnp.zeros((), jnp.float32)
    here, there = both_ways(lambda p, h, x: p @ h + x, matrix, begin, xs, goal, read, "last", monkeypatch)
    assert here[0][0] == pytest.approx(T * np.log10(0.9), abs=1e-3)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-4)


def loops(spec, length, probe, monkeypatch):
    """Trip counts of all loops in a probe's program, those within a loop times that loop's."""
    monkeypatch.setattr(platforms, "on_cpu", lambda: False)
    net = network(spec, length, n=4)
    setup = ProbeContext(
        objective("unit", net.state, net.cell.readout), net.cell.recurrent, length, cell=net.cell
    )
    traced = jax.make_jaxpr(lambda p, s, x: measure_one(net.cell.step, p, s, x, setup, probe))(*net[1:])

    def rounds(jaxpr, times):
        total = 0
        for eqn in jaxpr.eqns:
            own = times
            if eqn.primitive.name == "scan":
                own = times * eqn.params["length"]
                total += own
            total += sum(rounds(inner, own) for inner in jax.extend.core.jaxprs_in_params(eqn.params))
        return total

    return rounds(traced.jaxpr, 1)


@pytest.mark.parametrize(
    ("spec", "probe"),
    few(
        [(s, p) for s in (LINEAR, "lru", "min_gru") for p in ("adjoint", "state_shift")],
        ((LINEAR, "adjoint"),),
    ),
)
def test_a_million_steps_are_some_hundred_rounds(spec, probe, monkeypatch):
    """One after the other the loops would turn three million times."""
    T = 2**20
    assert loops(spec, T, probe, monkeypatch) <= 2 * T // wide.LONGEST
    assert loops("elman", 2**12, probe, monkeypatch) >= 2**12
