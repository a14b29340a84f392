"""From which lags a batch's weight gradient comes: against plain autodiff that is cut off at a lag."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gradlab.recurrence.shares import shares
from gradlab.remedies.truncate import truncate
from tests.probes.networks import network

B, T = 5, 7
KEPT = ("elman",)
CELLS = (*KEPT, "lstm", "gru", "indrnn", "stacked(cell=elman, layers=2)", "lru")


def at_last(outputs, target):
    return ((outputs[-1] - target[-1]) ** 2).sum() / 2


def at_every_step(outputs, target):
    return ((outputs - target) ** 2).sum() / 2


@functools.cache
def given(cell, dtype="float64"):
    """A network, sequences with their targets, and the outputs of a state."""
    with jax.enable_x64(True):
        net = network(cell, T, dtype=np.dtype(dtype))
        rng = np.random.default_rng(4)
        units = ravel_pytree(net.cell.readout(net.state))[0].size
        matrix = rng.standard_normal((2, units)).astype(dtype)
        xs, target = (jnp.asarray(rng.standard_normal((B, T, 2)).astype(dtype)) for _ in range(2))
        return net, xs, target, lambda state: matrix @ ravel_pytree(net.cell.readout(state))[0]


def outputs(net, params, xs, read, cut=0):
    """Of one sequence; the state at lag `cut` sends nothing back."""

    def step(state, given):
        x, lag = given
        sent = jax.tree.map(lambda leaf: jnp.where(lag == cut, jax.lax.stop_gradient(leaf), leaf), state)
        after = net.cell.step(params, sent, x)
        return after, read(after)

    return jax.lax.scan(step, net.state, (xs, T - jnp.arange(T)))[1]


@functools.cache
def program(cell, adjoint=None, dtype="float64"):
    """Of cotangents of the outputs."""
    net, xs, _, read = given(cell, dtype)
    found = functools.partial(shares, net.cell.step, net.params, net.state, xs)
    return jax.jit(lambda sent: found(sent, read=read, recurrent=net.cell.recurrent, adjoint=adjoint))


def measured(cell, loss, adjoint=None, scale=1.0, dtype="float64"):
    net, xs, target, read = given(cell, dtype)
    own = jax.vmap(lambda xs: outputs(net, net.params, xs, read))(xs)
    sent = jax.vmap(jax.grad(loss))(own, target) * scale
    return np.asarray(program(cell, adjoint, dtype)(sent))


def by_autodiff(cell, loss):
    """The part from within each lag: the truncated gradient on the whole; one loss, at the last step."""
    net, xs, target, read = given(cell)

    def gradient(cut):
        def whole(params):
            return jax.vmap(lambda x, y: loss(outputs(net, params, x, read, cut), y))(xs, target).sum()

        return ravel_pytree(net.cell.recurrent(jax.grad(whole)(net.params)))[0]

    # No lag is 0 before a step: nothing is cut off.
    whole, *within = np.asarray(jax.jit(jax.vmap(gradient))(jnp.arange(T + 1)))
    return np.array(within) @ whole / (whole @ whole)


@pytest.mark.parametrize("cell", [c if c in KEPT else pytest.param(c, marks=pytest.mark.slow) for c in CELLS])
def test_what_comes_from_within_a_lag_is_the_truncated_gradient_on_the_whole(cell):
    with jax.enable_x64(True):
        found = measured(cell, at_last)
        np.testing.assert_allclose(np.cumsum(found), by_autodiff(cell, at_last), rtol=1e-9, atol=1e-12)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert found[1:].any()


def test_lags_count_from_the_last_step_whatever_step_has_a_loss():
    """Each step's use of the weights by itself: autodiff by a copy of them for each step."""
    net, xs, target, read = given("elman")

    def of(copies, x, y):
        state, found = net.state, []
        for t in range(T):
            state = net.cell.step(net.params._replace(w_rec=copies[t]), state, x[t])
            found.append(read(state))
        return at_every_step(jnp.stack(found), y)

    with jax.enable_x64(True):
        copies = jnp.stack([net.params.w_rec] * T)
        each = jax.vmap(jax.grad(of), (None, 0, 0))(copies, xs, target).sum(0).reshape(T, -1)[::-1]
        whole = each.sum(0)
        np.testing.assert_allclose(
            measured("elman", at_every_step), each @ whole / (whole @ whole), rtol=1e-9
        )


def test_what_a_remedy_cuts_off_is_no_part_of_it():
    with jax.enable_x64(True):
        cut, whole = (measured("elman", at_last, adjoint) for adjoint in (truncate(k=3).adjoint, None))
        assert (cut[4:] == 0).all()
        assert cut.sum() == pytest.approx(1, abs=1e-12)
        assert (whole[4:] != 0).all()


def test_shares_are_there_where_the_gradient_itself_is_not():
    """Far above and far below what numbers hold: the same to the last bit, being powers of two apart."""
    one = measured("elman", at_last, dtype="float32")
    for scale in (2.0**-100, 2.0**100):
        np.testing.assert_array_equal(measured("elman", at_last, scale=scale, dtype="float32"), one)


def test_no_gradient_has_no_shares():
    assert np.isnan(measured("elman", at_last, scale=0.0, dtype="float32")).all()
