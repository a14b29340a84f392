"""Multiply-adds of an update, against counts by hand."""

import jax
import jax.numpy as jnp
import pytest

from gradlab.studies.remedies import arms, effort
from gradlab.studies.remedies.settings import Training
from gradlab.studies.remedies.work import setting_of

N, D, O = 8, 1, 2
READOUT = 3 * N * O
"""Forward, and back to the state and to the weights."""


def gated(matrices):
    """Of a cell that multiplies (h, x, 1): forward, back to h, and back to the weights."""
    inner = matrices * N
    return inner * (N + D + 1) + inner * N + inner * (N + D + 1) + READOUT


ELMAN = gated(1)
FORWARD, BACK = N * N + N * D + N * O, N * N + N * O
TWICE = FORWARD + BACK + 2 * BACK + (2 * N * N + N * D + 2 * N * O)
"""The adjoints of a penalty; and back through each of their products, to both factors except to x."""
BY_HAND = {
    "none": ELMAN,
    # Its U x and the gradient of that are made apart; (h, x, 1) has columns of x all the same.
    "lstm": gated(4) + 2 * 4 * N * D,
    "gru": gated(3),
    "gradient_penalty": ELMAN + TWICE,
}


def setting(name, T=20, batch=4):
    comparison = Training(task="latch", remedies=("none",), T=(T,), hidden=N, batch=batch)
    arm = arms.arm(name, "elman", "gaussian")
    return setting_of(comparison, arm, T, N), arm


@pytest.mark.ends
@pytest.mark.parametrize(("name", "each"), BY_HAND.items())
def test_a_step_of_a_sequence_costs_what_is_counted_by_hand(name, each):
    first, arm = setting(name)
    second, _ = setting(name, T=23, batch=5)
    assert effort.multiply_adds(second, arm.numbers) - effort.multiply_adds(first, arm.numbers) == each * (
        23 * 5 - 20 * 4
    )
    costs = effort.of_arm(first, arm.closed_form, arm.numbers)
    # What is done once an update: norms, the cosine and the layout of the weights.
    assert 0 <= costs["multiply_adds"] - each * 20 * 4 < 4 * costs["trained"]
    assert (costs["trained"], costs["untrained"]) == (arms.count(arm.cell, (D, O), N), 0)


def test_the_numbers_of_elman_are_those_of_its_definition():
    assert ELMAN == 272


def test_a_reservoir_makes_no_update_and_its_readout_alone_is_trained():
    drawn, arm = setting("esn")
    found = effort.of_arm(drawn, arm.closed_form, arm.numbers)
    assert found == {"trained": O * (N + 1), "untrained": N * N + N * D + N}


def test_a_loop_of_unknown_length_has_no_count():

    def program(n, w):
        return jax.lax.fori_loop(0, n, lambda i, v: w @ v, jnp.ones(3))

    made = jax.make_jaxpr(program)(4, jnp.eye(3)).jaxpr
    assert effort._counted(made, [True]) is None
    made = jax.make_jaxpr(lambda w: program(jnp.int32(4), w))(jnp.eye(3)).jaxpr
    assert effort._counted(made, [True]) == 4 * 9
    assert effort._counted(made, [False]) == 0
