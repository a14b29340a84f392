"""Derivatives that differ from the function on purpose, and say so."""

import jax
import jax.numpy as jnp
import pytest

from gradlab import surrogate
from gradlab.gradcheck.verify import verify
from gradlab.registry import make
from gradlab.types import Cell
from tests import planted

T = 6
SPIKES = {"vjp": "none", "jvp": "ok", "straight through": "ok"}
"""How a surrogate is written, and whether it has a forward mode of its own."""


def spiking_network():
    params, _, xs = planted.a_network(T=T)
    return params, {"h": params["b"], "v": params["b"]}, xs


@pytest.mark.ends
@pytest.mark.parametrize("rule", SPIKES)
def test_a_declared_surrogate_is_not_wrong_and_says_how_far_off_it_is(rule):
    step = planted.spiking(rule)
    options = {"lengths": (2, T), "scales": (1.0, 5.0)}
    results = {(c.name, c.T): c for c in verify(step, *spiking_network(), surrogate=True, **options).checks}
    off = results["reverse = differences", T]
    assert (off.result, off.note) == ("declared", "differs on purpose")
    assert off.error > 1e-2
    assert results["reverse = forward", T].result == SPIKES[rule]
    for name in ("scan = loop", "alone = padded", "autodiff = backpropagate"):
        assert results[name, T].result == "ok"
    assert not any(check.result == "WRONG" for check in results.values())


def test_a_surrogate_that_is_not_declared_is_wrong():
    found = verify(planted.spiking("vjp"), *spiking_network(), lengths=(T,), scales=(1.0,))
    wrong = {check.name for check in found.checks if check.result == "WRONG"}
    assert wrong == {"reverse = differences", "reverse = forward"}
    assert found.tried.rules == ("custom_vjp hard",)


def test_a_declared_surrogate_with_a_fault_is_still_wrong():
    step = planted.spiking("vjp", leak_over_batch=True)
    found = verify(step, *spiking_network(), lengths=(2, T), scales=(1.0,), surrogate=True)
    # The backward pass of the probes takes steps side by side, and so meets the fault, too.
    wrong = {check.name for check in found.checks if check.result == "WRONG"}
    assert wrong == {"alone = padded", "autodiff = backpropagate"}


@pytest.mark.slow
def test_a_derivative_that_is_clipped_on_purpose_may_be_declared():
    clipped = planted.with_rule(lambda d, y, t, g, x: g * jnp.clip(1 - y**2, 0.5, 1.0))
    options = {"lengths": (2,), "scales": (1.0, 5.0), "readout": lambda state: state["h"]}
    found = verify(surrogate(clipped), *planted.a_network(T=2), **options)
    assert found.tried.surrogate
    assert not found.wrong
    assert {check.result for check in found.checks if check.name == "autodiff = backpropagate"} == {"ok"}


def test_what_clips_the_cotangent_is_followed_by_no_scaled_backward_pass_and_says_so():
    clipped = planted.with_rule(lambda d, y, t, g, x: jnp.clip(g, -0.1, 0.1) * (1 - y**2))
    options = {
        "lengths": (2,),
        "scales": (1.0,),
        "readout": lambda state: state["h"],
        "ways": ("backpropagate",),
    }
    options["loss"] = lambda h: 100 * jnp.sum(h * h)
    check = verify(clipped, *planted.a_network(T=2), surrogate=True, **options).checks[0]
    assert check.result == "declared"
    assert "not proportional" in check.note


def test_the_decorator_marks_functions_and_classes_and_is_read_through_a_cell():
    from gradlab.recurrence.surrogates import declared

    @surrogate
    class Decorated(Cell):
        def step(self, params, state, x):
            return state

    class Stated(Cell):
        surrogate = True

        def step(self, params, state, x):
            return state

    class ByMethod:
        @surrogate
        def step(self, params, state, x):
            return state

    for own in (Decorated(), Stated(), ByMethod()):
        assert declared(own.step)
    assert Decorated().surrogate
    assert not make("cells", "elman").surrogate
    assert declared(surrogate(lambda w, h, x: h))
    assert declared(jax.jit(surrogate(lambda w, h, x: h)))
    assert not declared(make("cells", "elman").step)
    with pytest.raises(TypeError, match="decorate the function"):
        surrogate(make("cells", "elman").step)
