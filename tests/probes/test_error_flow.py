"""Every pair of steps, against one adjoint an error, and below the range of the numbers."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.probes.error_flow import error_flow
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.scaled import log10_norm
from gradlab.types import ProbeContext
from tests.probes.networks import measured, network, target
from tests.tiers import few

T = 30


@functools.cache
def program(cell, name):
    @jax.jit
    def run(params, state, xs, goal, length):
        return error_flow(
            cell.step, params, state, xs, ProbeContext(objective(name, goal, cell.readout), None, length)
        )

    return run


def flow(net, name="unit", length=None):
    goal = target(net, name)
    run = program(net.cell, name)
    found = run(net.params, net.state, net.xs, goal, jnp.int32(length or len(net.xs)))
    return log10_norm(found.error_flow)


@pytest.mark.parametrize(("spec", "name"), few([("elman", "last"), ("lstm", "unit")], [("elman", "last")]))
def test_every_error_is_the_adjoint_of_a_loss_at_its_step_alone(spec, name):
    """Row t is what a sequence that ends at step t sends back: another probe, run once for each t."""
    net = network(spec, T)
    found = flow(net, name, 25)
    assert found.shape == (T, T)
    for t in range(1, 26):
        alone = measured(net, "adjoint", objective=name, length=t)["adjoint"][:, 0]
        np.testing.assert_allclose(found[t - 1, :t], alone[t - 1 :: -1], rtol=0, atol=1e-12)
        assert np.isnan(found[t - 1, t:]).all()
    assert np.isnan(found[25:]).all()


def test_with_a_loss_at_every_step_the_errors_add_up_to_the_adjoint():
    """In one dimension all errors that reach a state have signs: their sum is the adjoint's."""
    net = network("elman(activation=sigmoid)", T, n=1, d=1)
    net = net._replace(params=net.params._replace(w_rec=jnp.abs(net.params.w_rec)))
    goal = jnp.full(1, -3.0)
    run = program(net.cell, "every")
    norms = run(net.params, net.state, net.xs, goal, jnp.int32(T)).error_flow
    # Every state is above the target and every Jacobian positive: no error cancels another.
    total = np.nansum(10 ** log10_norm(norms), axis=0)[::-1]
    adjoint = measured(net, "adjoint", objective="every", goal=goal)["adjoint"][:T, 0]
    np.testing.assert_allclose(np.log10(total), adjoint, rtol=0, atol=1e-12)


def test_errors_of_any_size_stand_side_by_side():
    """A scalar weight of 1e-6 in float32: 10^-180 beside 1, each a number."""
    net = network("elman(activation=identity)", T, n=1, d=1, dtype="float32", bias=0)
    found = flow(net._replace(params=net.params._replace(w_rec=jnp.full((1, 1), 1e-6, jnp.float32))))
    to, of = np.arange(1, T + 1)[None], np.arange(1, T + 1)[:, None]
    truth = np.where(to <= of, -6.0 * (of - to), np.nan)
    np.testing.assert_allclose(found, truth, rtol=0, atol=T * 2e-7)
    assert np.nanmin(found) < math.log10(float(np.finfo(np.float32).tiny)) - 100


def test_an_exact_zero_is_one():
    found = flow(network("elman(activation=identity)", T, n=1, d=1, w_rec=0.0, dtype="float32", bias=0))
    assert np.isfinite(np.diag(found)).all()
    assert np.isneginf(found[4, :4]).all()
