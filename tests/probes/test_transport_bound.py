"""The printed bound of the transport is given its forward pass."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core
from jax.flatten_util import ravel_pytree

from gradlab.profiles import bound
from gradlab.recurrence.pullback import pullback
from tests.probes.networks import explicit, measured, network


def in_float64(jaxpr, consts, args):
    """The program of a jaxpr, every operation of it carried out in float64."""
    wide = lambda a: jnp.asarray(a, jnp.float64 if jnp.issubdtype(jnp.result_type(a), jnp.floating) else None)
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], map(wide, [*consts, *args]), strict=True))
    read = lambda var: wide(var.val) if isinstance(var, core.Literal) else known[var]
    for eqn in jaxpr.eqns:
        ins, params = [read(var) for var in eqn.invars], dict(eqn.params)
        if eqn.primitive.name == "jit":
            outs = in_float64(params["jaxpr"].jaxpr, params["jaxpr"].consts, ins)
        else:
            kinds = {"new_dtype", "dtype", "preferred_element_type"} & params.keys()
            params |= {key: np.dtype("float64") for key in kinds if params[key] == np.float32}
            outs = eqn.primitive.bind(*ins, **params)
            outs = outs if eqn.primitive.multiple_results else [outs]
        known |= dict(zip(eqn.outvars, outs, strict=True))
    return [read(var) for var in jaxpr.outvars]


def given_the_forward_pass(net):
    """Frobenius norms by lag, the way back in float64 from what the steps of a float32 network have kept."""
    one = pullback(net.cell.step, net.params, net.state, net.xs[0])
    ahead, state, kept = jax.jit(one.forward), net.state, []
    for x in net.xs:
        state, values = ahead(state, x)
        kept.append(values)
    flat, unravel = ravel_pytree(net.state)
    pull = jax.make_jaxpr(lambda values, v: ravel_pytree(one.pull(values, unravel(v))[1])[0])(kept[0], flat)
    rows = jax.jit(
        jax.vmap(lambda values, v: in_float64(pull.jaxpr, pull.consts, [*values, v])[0], (None, 0))
    )
    product, norms = jnp.eye(flat.size, dtype=jnp.float64), []
    for values in [None, *kept[::-1]]:
        product = product if values is None else rows(values, product)
        norms.append(np.linalg.norm(product))
    return norms


@pytest.mark.slow
def test_the_bound_of_a_stack_of_layer_norms_is_given_its_forward_pass():
    """From zero states a layer norm divides by what is nearly 0, and amplifies the rounding within a step.

    The derivative at the same states, in float64, differs by more than the bound; with the values that
    float32 has computed within each step it does not.
    """
    T, limit, worst = 23, bound("float32", 23), 0.0
    for seed in (4, 6, 11):
        net = network(
            "stacked(cell=layer_norm, layers=3)", T, n=4, w_rec=1.0, dtype="float32", seed=seed, bias=0
        )
        net = net._replace(state=jax.tree.map(jnp.zeros_like, net.state))
        found = 10 ** measured(net, "transport")["transport_frobenius"][:, 0]
        np.testing.assert_allclose(found, given_the_forward_pass(net), rtol=limit)
        at_its_states = [np.linalg.norm(product) for product in explicit(net, T)]
        worst = max(worst, np.abs(found / at_its_states - 1).max())
    assert limit < worst < 0.01
