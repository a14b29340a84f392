"""The contracts of remedies: right ones keep them, and each is broken by a remedy that breaks it."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import optax
import pytest

from gradlab import registry, testing
from gradlab.cells.elman import Elman
from gradlab.testing.remedies import IN_PLACE, PLACES
from gradlab.types import Remedy
from tests.members import told


def over(function):
    """A function of every leaf of a tree."""
    return lambda tree, *_: jax.tree.map(function, tree)


def noisy(step, key, t):
    def changed(params, state, x):
        after = step(params, state, x)
        return over(lambda leaf: leaf + jax.random.normal(jax.random.fold_in(key, t), (), leaf.dtype))(after)

    return changed


def small_states(trail):
    inside = jnp.arange(len(trail.xs), dtype=jnp.int32) < trail.length
    return jnp.where(inside[:, None], trail.before.h, 0).sum() ** 2 + trail.params.w_rec.sum() ** 2


RIGHT = {
    "cell": Remedy(cell=lambda cell: dataclasses.replace(cell, activation="relu")),
    "init": Remedy(init=lambda start: lambda key, n: 0.5 * start(key, n)),
    "adjoint": Remedy(adjoint=lambda lag, sent: sent._replace(exponent=sent.exponent - 1)),
    "gradients": Remedy(gradients=optax.stateless(over(lambda leaf: leaf / 2))),
    "penalty": Remedy(penalty=small_states),
    "project": Remedy(project=over(lambda leaf: jnp.clip(leaf, -1, 1))),
    "step": Remedy(step=noisy),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_right_remedy_keeps_them(place):
    testing.check_remedy(RIGHT[place])
    names = [repr(check) for check in testing.remedy_checks(RIGHT[place])]
    assert names == [contract.__name__ for contract in (*testing.REMEDY, *IN_PLACE[place])]


class Fresh(Elman):
    """A cell that is not equal to another one like it."""

    __eq__, __hash__ = object.__eq__, object.__hash__


def refused(cell):
    raise ValueError("needs another cell")


FAULTS = {
    "acts_somewhere_and_says_what_it_replaces": [
        (Remedy(), "it acts in no place"),
        (RIGHT["cell"]._replace(replaces="init"), "it replaces init and acts on ['cell']"),
        (RIGHT["step"]._replace(replaces="step"), "replaces is 'step'"),
    ],
    "an_update_keeps_the_form_of_a_network": [
        (Remedy(project=over(lambda leaf: leaf.astype(float))), "an update"),
        (Remedy(step=lambda step, key, t: lambda p, s, x: s.h), "an update of a float32 network fails"),
        (Remedy(cell=refused), "does not accept any cell"),
    ],
    "equal_cells_become_equal_ones": [(Remedy(cell=lambda cell: Fresh()), "two cells of one")],
    "its_initialisation_is_one": [
        (Remedy(init=lambda start: lambda key, n: start(key, n).astype(jnp.float32)), "draws float32"),
    ],
    "a_changed_adjoint_keeps_its_form_at_every_exponent": [
        (Remedy(adjoint=lambda lag, s: s._replace(value=over(lambda leaf: leaf / 8)(s.value))), "rescale it"),
        (Remedy(adjoint=lambda lag, s: s._replace(exponent=s.exponent.astype(float))), "becomes"),
    ],
    "a_changed_gradient_keeps_its_form_and_is_finite": [
        (Remedy(gradients=optax.stateless(over(lambda leaf: 1 / leaf))), "of size 0 becomes"),
        (Remedy(gradients=optax.stateless(over(lambda leaf: leaf * leaf))), "becomes one that is not finite"),
    ],
    "a_penalty_is_finite_and_does_not_see_beyond_the_end": [
        (Remedy(penalty=lambda trail: (trail.before.h**2).sum()), "beyond the length are seen"),
        (Remedy(penalty=lambda trail: jnp.log(-(trail.params.w_rec**2).sum())), "the penalty is nan"),
        (Remedy(penalty=lambda trail: 0 * trail.params.w_rec.sum()), "the penalty is 0"),
    ],
    "a_projection_keeps_the_form_and_what_it_has_brought_back": [
        (Remedy(project=over(lambda leaf: leaf / 2)), "projected twice"),
        (Remedy(project=lambda params: params), "stay where they are"),
    ],
    "a_step_of_its_own_keeps_the_form_and_is_drawn": [
        (Remedy(step=lambda step, key, t: step), "30 keys draw the plain step"),
        (
            Remedy(step=lambda step, key, t: lambda p, s, x: over(lambda v: v[:2])(step(p, s, x))),
            "becomes",
        ),
    ],
}
CASES = [(contract, *case) for contract, cases in FAULTS.items() for case in cases]


@pytest.mark.parametrize(("contract", "remedy", "said"), CASES, ids=[f"{c}-{said}" for c, _, said in CASES])
def test_a_remedy_that_breaks_one_is_told(contract, remedy, said):
    assert said in told(testing.remedy_checks(remedy), contract)


def test_every_contract_has_its_fault():
    contracts = (*testing.REMEDY, *itertools.chain(*IN_PLACE.values()))
    assert set(FAULTS) == {contract.__name__ for contract in contracts}


def test_a_remedy_of_some_cells_alone_is_tried_on_one_that_it_accepts_or_on_the_one_that_is_given():
    testing.check_remedy(registry.make("remedies", "forget_bias")())
    testing.check_remedy("forget_bias", cell="peephole_lstm")
    assert "does not accept elman" in told(
        testing.remedy_checks("forget_bias", cell="elman"), "an_update_keeps_the_form_of_a_network"
    )
