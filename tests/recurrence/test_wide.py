"""The forms that loops take on a GPU, run on a CPU: they give what the forms of a CPU give."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.recurrence import batch, platforms, wide
from gradlab.recurrence.objectives import draw_target
from gradlab.recurrence.objectives import objective as make_objective
from gradlab.recurrence.scaled import Norm, log10_norm
from gradlab.recurrence.scan import reverse_scan
from gradlab.studies.sweep.program import measure_one
from gradlab.types import ProbeContext, Scaled
from tests.recurrence.test_batch import network, weighed
from tests.tiers import few


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(platforms, "on_cpu", lambda: False)


def ways(length, segment, capacity=11):
    """A way there and back, of which everything is seen, by both forms."""
    rng = np.random.default_rng(length)
    w, xs = jnp.asarray(rng.standard_normal((3, 3))), jnp.asarray(rng.standard_normal((capacity, 3)))
    state = jnp.asarray(rng.standard_normal(3))

    def forward(state, x, t):
        after = jnp.tanh(w @ state + x)
        return after, (after, jnp.asarray(t, float))

    def back(carry, kept):
        return w.T @ (carry * (1 - kept[0] ** 2)) + 0.1 * kept[1]

    def finish(held, kept, carries, t):
        counts = (t > 0)[:, None]
        return held + jnp.sum(jnp.where(counts, kept[0], 0)), carries, kept[0] + carries[1:]

    start = lambda final: 2.0 * final
    mine = wide.reverse_scan(forward, start, back, finish, state, jnp.zeros(()), xs, length, segment)

    step = lambda carry, kept: (back(carry, kept), kept[0] + carry)
    observed, passed, _ = reverse_scan(forward, start, step, lambda c, lag: (c, c), state, xs, length)
    total, after = 0.0, state
    for x in xs[:length]:
        after = jnp.tanh(w @ after + x)
        total += float(after.sum())
    return mine, (observed, passed, total)


@pytest.mark.ends
@pytest.mark.parametrize(
    ("length", "segment"),
    few([(1, 4), (4, 4), (5, 4), (7, 3), (11, 11), (11, 2), (10, 4)], ((1, 4), (7, 3), (10, 4))),
)
def test_segments_of_any_length_give_the_same(length, segment):
    mine, theirs = ways(length, segment)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def measured(spec, name, length, probe, adjoint=None):
    """One probe of a small network, in float64, as the platform would run it."""
    cell = registry.make("cells", spec)
    normal = registry.make("initializers", "gaussian")
    params, state = cell.init(jax.random.key(0), 2, 5, 1.1, normal)
    xs = 0.5 * jax.random.normal(jax.random.key(1), (16, 2), float)
    target = draw_target(name, jax.random.key(2), state, cell.readout)
    setup = ProbeContext(make_objective(name, target, cell.readout), cell.recurrent, length, adjoint, cell, 8)
    found = jax.jit(lambda p, s, x: measure_one(cell.step, p, s, x, setup, probe))(params, state, xs)
    norms = lambda one: log10_norm(one) if isinstance(one, Norm) else np.asarray(one)
    return jax.tree.map(norms, found, is_leaf=lambda one: isinstance(one, Norm))


CELLS = ["elman", "lstm", "lru", "stacked(cell=gru)"]
AT_ONCE = ["elman(activation=identity)", "min_gru", "min_lstm", "indrnn", "indrnn(activation=identity)"]
"""More of those whose steps are taken side by side."""


@pytest.mark.parametrize(
    ("spec", "probe", "length", "segment"),
    few(
        [
            (spec, probe, *sizes)
            for spec in (*CELLS, *AT_ONCE)
            for probe in ("adjoint", "transport", "state_shift")
            for sizes in ((7, 3), (8, 256))
        ],
        lambda case: case[:3] in (("elman", "adjoint", 7), ("lru", "adjoint", 7), (AT_ONCE[0], "adjoint", 7)),
        slow=lambda case: case[0] == "lstm" or case[:3] == ("stacked(cell=gru)", "adjoint", 7),
    ),
)
def test_probes_give_what_they_give_on_a_cpu(spec, probe, length, segment, monkeypatch):
    name = "every" if length == 7 else "unit"
    here = measured(spec, name, length, probe)
    monkeypatch.setattr(platforms, "on_cpu", lambda: False)
    monkeypatch.setattr(wide, "segment_of", lambda bytes_a_step, at_once=False: segment)
    there = measured(spec, name, length, probe)
    assert here.keys() == there.keys()
    for key, one in here.items():
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(there[key]), strict=True):
            lags = slice(None, length + (key != "weight_gradient") if np.ndim(a) else None)
            a, b = (np.asarray(x)[lags] if np.ndim(x) else np.asarray(x) for x in (a, b))
            # A singular value is exact to a tolerance, from whatever vector its search starts.
            bound = 1e-3 if key == "transport" else 1e-9
            np.testing.assert_allclose(b, a, rtol=bound, atol=bound, err_msg=key)


def test_a_remedys_backward_pass_acts_at_every_lag(as_on_a_gpu, monkeypatch):
    def halved_at_three(lag, sent):
        return Scaled(sent.value, sent.exponent - (lag == 3).astype(jnp.int32))

    plain, changed = (measured("elman", "unit", 6, "adjoint", how) for how in (None, halved_at_three))
    moved = plain["adjoint"][:7, 0] - changed["adjoint"][:7, 0]
    np.testing.assert_allclose(moved, [0, 0, 0, *[np.log10(2)] * 4], atol=1e-12)


@pytest.mark.parametrize("spec", few([*CELLS, "peephole_lstm", "layer_norm(cell=lstm)"], ("elman", "lstm")))
def test_training_gives_the_same_gradients(spec, monkeypatch):
    cell = registry.make("cells", spec)
    given = network(cell, jnp.float64)
    here = weighed(batch.states, cell.step, given[2])(*given)
    monkeypatch.setattr(platforms, "on_cpu", lambda: False)
    there = weighed(batch.states, cell.step, given[2])(*given)
    for a, b in zip(jax.tree.leaves(there), jax.tree.leaves(here), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * max(1.0, float(np.abs(b).max())))
