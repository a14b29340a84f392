"""A loss, a readout and resets of one's own in `gradlab.measure`, against autodiff by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gradlab
from gradlab.errors import GradlabError
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, OK, UNDEFINED
from tests.probes.networks import network

T, POINT = 7, ("cell", "init", "w_rec", "T", "seed")
CLASSES = np.array([0, 2, 1, 1, 0, 2, 0])
RESETS = np.array([False, False, False, True, False, False, False])


@pytest.fixture(scope="module")
def net():
    return network("gru", T, n=3)


def cross_entropy(logits, label):
    return jax.nn.logsumexp(logits) - logits[label]


OUT = np.linspace(-1, 1, 9).reshape(3, 3)


def read(state):
    return OUT @ jnp.tanh(state.h)


def by_copies(net, loss, resets=None):
    """Norms of the adjoint and of each step's part of dL/dW_rec, by lag, and the gradient of all weights."""

    def total(copies, moves):
        state, states = net.state, []
        for t in range(T):
            if resets is not None and resets[t]:
                state = net.state
            params = jax.tree.map(lambda leaf, t=t: leaf[t], copies)
            state = net.cell.step(params, state, net.xs[t])
            state = jax.tree.map(lambda leaf, move, t=t: leaf + move[t], state, moves)
            states.append(state)
        return loss(states)

    copies = jax.tree.map(lambda leaf: jnp.stack([leaf] * T), net.params)
    moves = jax.tree.map(lambda leaf: jnp.zeros((T, *leaf.shape)), net.state)
    of_params, of_states = jax.jit(jax.grad(total, argnums=(0, 1)))(copies, moves)
    adjoint = [
        np.linalg.norm(ravel_pytree(jax.tree.map(lambda g, t=t: g[t], of_states))[0]) for t in range(T)
    ]
    weights = [np.linalg.norm(np.ravel(net.cell.recurrent(of_params)[t])) for t in range(T)]
    whole = {name: np.linalg.norm(leaf.sum(0)) for name, leaf in of_params._asdict().items()}
    return adjoint[::-1], weights[::-1], whole


def lags(found, name):
    column = found[name].squeeze(POINT)
    return (column.sel(part="state") if "part" in column.dims else column).values


def assert_equal(found, want):
    adjoint, weights, whole = want
    with np.errstate(divide="ignore"):
        known = np.array(adjoint) > 0
        np.testing.assert_allclose(lags(found, "adjoint")[:T][known], np.log10(adjoint)[known], atol=1e-12)
        known = np.array(weights) > 0
        np.testing.assert_allclose(
            lags(found, "weight_gradient")[:T][known], np.log10(weights)[known], atol=1e-12
        )
    for name, norm in whole.items():
        np.testing.assert_allclose(found["gradient"].sel(leaf=name).item(), np.log10(norm), atol=1e-12)


@pytest.mark.slow
def test_an_own_loss_at_the_last_step_reads_the_own_readout(net):
    found = gradlab.measure(
        net.cell.step, net.params, net.state, net.xs, readout=read, loss=cross_entropy, targets=2
    )
    assert found.attrs["objective"] == "own loss, last"
    assert_equal(found, by_copies(net, lambda states: cross_entropy(read(states[-1]), 2)))


@pytest.mark.slow
def test_an_own_loss_at_every_step_has_a_target_for_each(net):
    found = gradlab.measure(
        net.cell.step,
        net.params,
        net.state,
        net.xs,
        readout=read,
        loss=cross_entropy,
        targets=CLASSES,
        objective="every",
        probe="error_flow",
    )
    each = lambda states: sum(cross_entropy(read(s), k) for s, k in zip(states, CLASSES, strict=True))
    assert_equal(found, by_copies(net, each))
    # The error of step 3 alone, as it is there: that of its own class.
    error = by_copies(net, lambda states: cross_entropy(read(states[2]), CLASSES[2]))[0]
    value = found["error_flow"].squeeze(POINT).values[2, :3]
    np.testing.assert_allclose(value, np.log10(error[::-1][:3]), atol=1e-12)


@pytest.mark.slow
def test_beyond_a_reset_the_gradient_is_zero_by_definition(net):
    found = gradlab.measure(
        net.cell.step,
        net.params,
        net.state,
        net.xs,
        readout=read,
        loss=cross_entropy,
        targets=1,
        resets=RESETS,
        probe="reach",
    )
    assert_equal(found, by_copies(net, lambda states: cross_entropy(read(states[-1]), 1), RESETS))
    # Step 4 begins anew: states 4 to 7 are at lags 3 to 0.
    for name in ("transport", "adjoint"):
        states = found[f"{name}_state"].squeeze(POINT).sel(part="state").values.tolist()
        assert states == [OK] * 4 + [EXACT_ZERO] * 4, name
    assert found["reach_state"].squeeze(POINT).values.tolist() == [OK] * 4 + [EXACT_ZERO] * 3 + [UNDEFINED]


@pytest.mark.slow
def test_a_loss_whose_gradient_rounds_to_zero_is_below_precision_and_one_without_is_zero():
    step = lambda w, h, x: w * h + x
    given = np.float32(0.5), np.full(1, 40.0, np.float32), np.full((4, 1), 40.0, np.float32)

    def states(loss):
        found = gradlab.measure(step, *given, loss=loss, targets=0.0)
        return set(found["adjoint_state"].values.ravel().tolist())

    assert states(lambda h, y: jnp.tanh(h).sum() + y) == {BELOW_PRECISION}
    assert states(lambda h, y: jax.nn.relu(-h).sum() + y) == {EXACT_ZERO}


def test_a_linear_cell_with_resets_is_linear_still():
    found = gradlab.measure(
        lambda w, h, x: w * h + x,
        np.float64(2.0),
        np.zeros(1),
        np.ones((T, 1)),
        resets=[False] * T,
    )
    assert found["linear"].item()
    assert "chaotic" not in gradlab.verdict(found)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objective": cross_entropy}, "objective: is a function; pass it as loss"),
        (
            {"loss": lambda h, y: h, "targets": 0},
            r"loss: returns float64\[3\]; it must return one real number",
        ),
        ({"loss": lambda h: h.sum()}, "loss: fails on one readout and its target: TypeError"),
        (
            {"loss": cross_entropy, "targets": CLASSES[:3], "objective": "every"},
            "targets: has 3 entries; a loss at every step takes one for each of the 7 steps",
        ),
        ({"loss": cross_entropy, "targets": np.full(3, np.nan)}, r"targets\[0\]: is nan"),
        ({"resets": [1, 0, 0, 0, 0, 0, 0]}, r"resets: is int64\[7\]; write True or False for each of the 7"),
        ({"resets": [True]}, r"resets: is bool\[1\]; write True or False for each of the 7 steps"),
    ],
)
def test_what_cannot_be_measured_is_told_in_a_line(net, given, said):
    with pytest.raises(GradlabError, match=said):
        gradlab.measure(net.cell.step, net.params, net.state, net.xs, readout=read, **given)
