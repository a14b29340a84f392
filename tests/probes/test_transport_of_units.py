"""Where no unit reaches another one the transport is followed unit by unit: exact, and as row by row."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp, mpf

import gradlab
from gradlab import registry
from gradlab.planning import costs
from gradlab.probes import transport as probe
from gradlab.profiles import bound
from gradlab.recurrence import platforms, unitwise, wide
from gradlab.recurrence.lanczos import TOLERANCE
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.primal import equations
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import log10_norm
from gradlab.types import ProbeContext
from tests import oracle
from tests.probes.networks import explicit, measured, network
from tests.tiers import few

ALONE = {"indrnn", "lru", "min_gru", "min_lstm"}
"""Cells whose units reach themselves alone."""
SPECS = [*sorted(ALONE), "indrnn(activation=tanh)", "indrnn(activation=identity)"]


def shape_of(spec):
    net = network(spec, 2)
    return unitwise.of(pullback(net.cell.step, *net[1:3], net.xs[0]), net.state, net.xs[0])


@pytest.mark.parametrize("spec", registry.names("cells"))
def test_cells_whose_units_are_alone_are_known(spec):
    assert shape_of(spec) == ((3,) if spec in ALONE else None)
    # Plans know it from the step, without its way back.
    of = costs.sizes(registry.make("cells", spec), 2, 3)
    assert of.reached == (of.numbers // 3 if spec in ALONE else of.numbers)
    assert of.affine == (spec in ALONE - {"indrnn"})


def exact_blocks(spec, params, state, x, unit):
    """dafter/dbefore of one unit to 50 digits, from the cell's equations."""
    p = params._asdict()
    number = lambda leaf: mpf(float(leaf))
    pre = lambda w, b: sum(number(one) * number(own) for one, own in zip(w, x, strict=True)) + number(b)
    gate = lambda a: 1 / (1 + mp.exp(-a))
    if spec.startswith("indrnn"):
        a = pre(p["w_in"][unit], p["b"][unit]) + number(p["w_rec"][unit]) * number(state.h[unit])
        slope = {"identity": mpf(1), "tanh": 1 - mp.tanh(a) ** 2}.get(spec[18:-1], mpf(a > 0))
        return [[number(p["w_rec"][unit]) * slope]]
    if spec == "lru":
        radius, phase = mp.exp(-mp.exp(number(p["nu"][unit]))), mp.exp(number(p["theta"][unit]))
        across, up = radius * mp.cos(phase), radius * mp.sin(phase)
        return [[across, -up], [up, across]]
    first = gate(pre(p["w_in"][0][unit], p["b"][0][unit]))
    if spec == "min_gru":
        return [[first]]
    return [[first / (first + gate(pre(p["w_in"][1][unit], p["b"][1][unit])))]]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("spec", SPECS)
def test_equals_the_50_digit_product(spec, precision):
    T, n = 200, 3
    net = network(spec, T, n=n, dtype=precision)
    found = measured(net, "transport")
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs)
    with mp.workdps(oracle.DIGITS):
        products = [mp.eye(len(net.state)) for _ in range(n)]
        frobenius, largest = [], []
        for lag in range(T + 1):
            grams = [product * product.T for product in products]
            traces = [sum(gram[i, i] for i in range(gram.rows)) for gram in grams]
            roots = [
                mp.sqrt(max(t * t - 4 * mp.det(g), 0)) if g.rows == 2 else t
                for t, g in zip(traces, grams, strict=True)
            ]
            frobenius.append(mp.sqrt(sum(traces)))
            largest.append(mp.sqrt(max((t + root) / 2 for t, root in zip(traces, roots, strict=True))))
            if lag < T:
                t = T - lag
                before = jax.tree.map(lambda leaf, t=t: leaf[t - 1], states)
                steps = [exact_blocks(spec, net.params, before, net.xs[t - 1], unit) for unit in range(n)]
                products = [one * mp.matrix(step) for one, step in zip(products, steps, strict=True)]
        limit = 1e-9 if precision == "float64" else bound(precision, T)
        assert oracle.relative_log10(found["transport_frobenius"][:, 0], frobenius) < limit
        assert oracle.relative_log10(found["transport"][:, 0], largest) < limit


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("spec", few(SPECS, ("lru", "min_gru")))
def test_equals_the_svd_of_the_explicit_product(spec, precision):
    """With no tolerance of a search: both norms to the bound of the precision."""
    T = 60
    net = network(spec, T, n=33, dtype=precision)
    found = measured(net, "transport")
    products = explicit(net, T)
    for name, norms in (
        ("transport", [np.linalg.norm(p, 2) for p in products]),
        ("transport_frobenius", [np.linalg.norm(p) for p in products]),
    ):
        np.testing.assert_allclose(10 ** found[name][:, 0] / norms, 1, rtol=bound(precision, T))
    columns = [slice(0, 33), slice(33, 66)] if spec == "lru" else []
    for part, some in enumerate(columns, 1):
        norms = [np.linalg.norm(p[:, some]) for p in products]
        alive = np.array(norms) > 1e-12
        np.testing.assert_allclose(
            10 ** found["transport_frobenius"][alive, part], np.array(norms)[alive], rtol=bound(precision, T)
        )


def norms(net, length, fixed=False):
    setup = ProbeContext(objective("unit", net.state, net.cell.readout), None, length, cell=net.cell)
    if fixed:
        found = jax.jit(lambda p, s, x: probe.transport(net.cell.step, p, s, x, setup))(*net[1:])
    else:
        run = lambda p, s, x, T: probe.transport(net.cell.step, p, s, x, setup._replace(length=T))
        found = jax.jit(run)(*net[1:], jnp.int32(length))
    return [log10_norm(norm)[: length + 1] for norm in found]


@pytest.mark.parametrize("spec", few(SPECS, ("lru",)))
def test_row_by_row_gives_the_same(spec, monkeypatch):
    net = network(spec, 300, n=6)
    ours = norms(net, 270)
    monkeypatch.setattr(unitwise, "of", lambda *given: None)
    rows = norms(net, 270)
    for one, other, limit in zip(ours, rows, (TOLERANCE["float64"], 1e-12), strict=True):
        assert one.shape == other.shape
        np.testing.assert_array_equal(np.isneginf(one), np.isneginf(other))
        alive = np.isfinite(one)
        np.testing.assert_allclose(one[alive], other[alive], rtol=0, atol=limit)


@pytest.mark.parametrize("spec", few(SPECS, ("lru",)))
@pytest.mark.parametrize(("length", "segment"), [(7, 3), (8, 256)])
def test_a_length_that_is_a_fact_gives_the_same(spec, length, segment, monkeypatch):
    net = network(spec, 8, n=6)
    here = norms(net, length)
    monkeypatch.setattr(platforms, "on_cpu", lambda: False)
    monkeypatch.setattr(wide, "segment_of", lambda bytes_a_step, at_once=False: segment)
    for one, other in zip(norms(net, length, fixed=True), here, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_no_product_of_matrices_is_left():
    net = network("lru", 4, n=6)
    setup = ProbeContext(objective("unit", net.state, net.cell.readout), None, jnp.int32(4), cell=net.cell)
    run = lambda p, s, x: probe.transport(net.cell.step, p, s, x, setup)
    found = equations(jax.make_jaxpr(run)(*net[1:]).jaxpr)
    largest = max(
        var.aval.size for eqn in found for var in eqn.outvars if eqn.primitive.name == "dot_general"
    )
    assert largest == 6


def test_a_unit_far_below_the_others_is_not_lost():
    """The forget gate of one unit is shut for 100 steps and the other's open, then the other way round."""
    T = 200
    net = network("min_gru", T, n=2, d=2, dtype="float32", bias=0)
    eye = jnp.eye(2, dtype=jnp.float32)
    params = net.params._replace(w_in=jnp.stack([eye, 0 * eye]))
    pushes = np.full((T, 2), 20.0, np.float32)
    pushes[:100, 0] = pushes[100:, 1] = -3.0
    found = measured(net._replace(params=params, xs=jnp.asarray(pushes)), "transport")
    shut, open_ = (np.log10(1 / (1 + np.exp(-x))) for x in (-3.0, 20.0))
    lag = np.arange(T + 1)
    last, first = np.minimum(lag, 100), np.maximum(lag - 100, 0)
    exact = np.stack([last * open_ + first * shut, last * shut + first * open_])
    np.testing.assert_allclose(found["transport"][:, 0], exact.max(0), rtol=0, atol=1e-4)
    frobenius = np.logaddexp(*(2 * np.log(10) * exact)) / (2 * np.log(10))
    np.testing.assert_allclose(found["transport_frobenius"][:, 0], frobenius, rtol=0, atol=1e-4)


def test_a_complex_state_of_ones_own_is_followed_unit_by_unit(monkeypatch):
    """A diagonal recurrence as its users write it: z' = lambda z + B x."""
    T, n = 40, 5
    rng = np.random.default_rng(0)
    turn = jnp.asarray(rng.uniform(0.8, 1.05, n) * np.exp(1j * rng.uniform(0, 3, n)))
    params = {"turn": turn, "b": jnp.asarray(rng.standard_normal((n, 2)) + 0j)}
    step = lambda p, z, x: p["turn"] * z + p["b"] @ jax.lax.complex(x, 0 * x)
    found = []
    kept = probe._of_units
    monkeypatch.setattr(probe, "_of_units", lambda *given: found.append(given[2]) or kept(*given))
    # Of a step of its own: what was compiled for another one is not asked.
    run = gradlab.measure(step, params, jnp.zeros(n, turn.dtype), jnp.asarray(rng.standard_normal((T, 2))))
    assert found == [(n,)]
    transport = run["transport"].isel(part=0).squeeze().values
    np.testing.assert_allclose(transport, np.arange(T + 1) * np.log10(np.abs(turn).max()), rtol=0, atol=1e-12)
