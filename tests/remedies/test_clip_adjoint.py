import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.cells.elman import Elman
from gradlab.probes.adjoint import adjoint
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.scaled import log10_norm, norms
from gradlab.remedies.clip_adjoint import clip_adjoint
from gradlab.testing import network, orthogonal
from gradlab.types import ProbeContext, Scaled
from tests.remedies.training import (
    Follow,
    batch,
    changes_nothing,
    close,
    gradient,
    setting,
    untrained,
)


def length(scaled):
    return float(log10_norm(norms(scaled))[0])


@pytest.mark.ends
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("exponent", [-(2**30), -90000, -3000, -1, 0, 3, 3000, 90000])
@pytest.mark.parametrize("threshold", [1e-3, 1.0, 1e20])
def test_every_exponent_comes_down_to_the_threshold_and_keeps_its_direction(dtype, exponent, threshold):
    value = {"h": jnp.asarray([0.75, -0.5], dtype), "c": jnp.asarray([0.25], dtype)}
    sent = Scaled(value, jnp.int32(exponent))
    found = clip_adjoint(threshold=threshold).adjoint(jnp.int32(3), sent)
    assert length(found) == pytest.approx(min(length(sent), np.log10(threshold)), abs=1e-6)
    direction = [leaf / found.value["h"][0] * 0.75 for leaf in jax.tree.leaves(found.value)]
    close(direction, jax.tree.leaves(value), rtol=4 * np.finfo(dtype).eps)


def test_zero_stays_zero():
    sent = Scaled(jnp.zeros(2), jnp.int32(-(2**30)))
    assert length(clip_adjoint().adjoint(jnp.int32(1), sent)) == -np.inf


@pytest.mark.parametrize(("w_rec", "T"), [(30.0, 300), (1.05, 40)])
def test_no_adjoint_on_the_way_is_longer_far_beyond_float32(w_rec, T, key):
    """Linear and orthogonal: without clipping the norm is w_rec^lag, up to 10^443."""
    threshold = 2.0
    cell = Elman("identity")
    params, state = cell.init(key, 1, 3, w_rec, orthogonal)
    params, state = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (params, state))
    target = jax.tree.map(lambda leaf: jnp.asarray([0.6, 0.0, 0.8], leaf.dtype), state)
    change = clip_adjoint(threshold=threshold).adjoint
    setup = ProbeContext(objective("unit", target, cell.readout), None, T, change)
    xs = jnp.zeros((T, 1), jnp.float32)
    found = log10_norm(jax.jit(lambda p: adjoint(cell.step, p, state, xs, setup).adjoint)(params))[:, 0]
    expected = np.minimum(np.log10(w_rec) * np.arange(T + 1), np.log10(threshold))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_training_gradient_is_that_of_a_backward_pass_by_hand():
    """a_t = dL_t/dh_t + clipped(W^T slope_{t+1} a_{t+1}) of each sequence's own loss, in NumPy."""
    task, threshold = Follow(every=True, length=5), 0.2
    of = setting(clip_adjoint(threshold=threshold), task=task)
    one = untrained(of, w_rec=2.0)
    found = gradient(of, one)[0]
    p, w_out, b_out = (jax.tree.map(np.asarray, leaf) for leaf in one.weights)
    examples = jax.tree.map(np.asarray, batch(of, one))
    total, clips = [np.zeros_like(leaf) for leaf in p], 0
    for xs, target in zip(examples.xs, examples.target, strict=True):
        hs = [np.zeros(of.hidden)]
        for x in xs[: task.length]:
            hs.append(np.tanh(p.w_rec @ hs[-1] + p.w_in @ x + p.b))
        sent = np.zeros(of.hidden)
        for t in range(task.length, 0, -1):
            miss = w_out @ hs[t] + b_out - target[t - 1]
            a = sent + 2 / task.length * w_out.T @ miss
            of_drive = a * (1 - hs[t] ** 2)
            parts = np.outer(of_drive, xs[t - 1]), np.outer(of_drive, hs[t - 1]), of_drive
            total = [old + part / of.batch for old, part in zip(total, parts, strict=True)]
            sent = p.w_rec.T @ of_drive
            clips += np.linalg.norm(sent) > threshold
            sent *= min(1, threshold / np.linalg.norm(sent))
    assert 0 < clips < of.batch * task.length
    close(list(found.cell), total, rtol=1e-11)


def test_of_a_gated_cell_the_whole_state_is_clipped(key):
    threshold = 0.01
    cell = registry.make("cells", "lstm")
    params, state, xs = network(cell, key)
    target = jax.tree.map(jnp.ones_like, state)
    change = clip_adjoint(threshold=threshold).adjoint
    setup = ProbeContext(objective("unit", target, cell.readout), None, len(xs), change)
    found = log10_norm(jax.jit(lambda p: adjoint(cell.step, p, state, xs, setup).adjoint)(params))
    assert found[1, 0] == pytest.approx(np.log10(threshold), abs=1e-12)
    assert found[1:, 0].max() < np.log10(threshold) + 1e-12
    assert found[1, 1:].max() < np.log10(threshold)


def test_huge_threshold_is_neutral():
    changes_nothing("clip_adjoint(1e300)")


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("inf")])
def test_threshold_is_positive_and_finite(threshold):
    with pytest.raises(ValueError, match=f"threshold={threshold} must be positive and finite"):
        clip_adjoint(threshold=threshold)
