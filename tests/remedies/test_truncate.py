import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.probes.adjoint import adjoint
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.scaled import log10_norm
from gradlab.testing import network
from gradlab.types import ProbeContext
from tests.remedies.training import (
    Follow,
    batch,
    changes_nothing,
    close,
    gradient,
    remedy,
    setting,
    untrained,
)
from tests.tiers import few


@pytest.mark.parametrize(
    "cell", few(["elman", "lstm", "residual(skip=3)", "stacked(cell=minimal)"], ("elman", "residual(skip=3)"))
)
def test_hard_horizon_is_k_in_every_cell(cell, key):
    """Exactly zero beyond k, and untouched up to k: the truncated profile is the whole one, cut."""
    k = 2
    cell = registry.make("cells", cell)
    params, state, xs = network(cell, key)
    T = len(xs)
    target = jax.tree.map(jnp.ones_like, state)

    @jax.jit
    def profiles(params, state, xs):
        changes = None, remedy(f"truncate({k})").adjoint
        setups = [
            ProbeContext(objective("unit", target, cell.readout), cell.recurrent, T, c) for c in changes
        ]
        return [adjoint(cell.step, params, state, xs, setup) for setup in setups]

    whole, cut = profiles(params, state, xs)
    before, after = (log10_norm(columns.adjoint)[:, 0] for columns in (whole, cut))
    assert np.isfinite(before).all()
    np.testing.assert_array_equal(after[: k + 1], before[: k + 1])
    assert np.isneginf(after[k + 1 :]).all()
    # The step that the adjoint of lag k ends still uses the weights; none further back does.
    np.testing.assert_array_equal(np.isneginf(log10_norm(cut.weight_gradient)[:T]), np.arange(T) > k)


@pytest.mark.parametrize(("cell", "task"), [("elman", Follow()), ("lstm", Follow(every=True, length=5))])
def test_training_gradient_is_that_of_a_graph_cut_by_hand(cell, task):
    """Against states that are made constants where the sequence is cut, counted from its own end."""
    k = 2
    of = setting(remedy(f"truncate({k})"), cell, task=task)
    one = untrained(of)
    examples = batch(of, one)

    def alone(weights, example):
        state, read = one.state, []
        length = task.length or of.T
        for t in range(1, of.T + 1):
            lag = length - t + 1
            if lag > 1 and (lag - 1) % k == 0:
                state = jax.lax.stop_gradient(state)
            state = of.cell.step(weights.cell, state, example.xs[t - 1])
            read.append(of.cell.readout(state))
        outputs = jnp.stack(read) @ weights.w_out.T + weights.b_out[None]
        return task.loss(outputs, example)

    by_hand = lambda w: jax.vmap(lambda example: alone(w, example))(examples).mean()
    expected = jax.jit(jax.value_and_grad(by_hand))(one.weights)
    close(gradient(of, one), expected[::-1])


def test_as_long_as_the_sequence_it_is_neutral():
    changes_nothing("truncate(6)")


@pytest.mark.parametrize("k", [0, -1, 2**31])
def test_k_is_at_least_1(k):
    with pytest.raises(ValueError, match=f"k={k} must be at least 1, and below"):
        registry.make("remedies", f"truncate({k})")()
