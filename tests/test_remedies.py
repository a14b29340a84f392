"""The contract of remedies, for every member that there is; names none of them."""

import jax
import numpy as np
import pytest

from gradlab import registry, testing
from gradlab.studies.remedies import arms
from gradlab.studies.remedies.losses import evaluate
from gradlab.testing.remedies import IN_PLACE, PLACES, Treated
from gradlab.types import Remedy
from tests.members import checks, counted, held, specs
from tests.remedies.training import remedy, setting, untrained

SPECS = specs("remedies")
CHECKS = checks("remedies", testing.remedy_checks)


def acting(place):
    """The remedies that act in a place."""
    return [spec for spec in SPECS if getattr(remedy(spec), place) is not None]


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_remedy_keeps_its_contract(check):
    held(check)


def test_every_contract_is_about_some_remedy_and_every_place_has_one():
    of_all = {contract.__name__: len(SPECS) for contract in testing.REMEDY}
    of_some = {each.__name__: len(acting(place)) for place in PLACES for each in IN_PLACE[place]}
    assert counted(CHECKS) == of_all | of_some
    assert min(of_some.values()) >= 1
    assert set(IN_PLACE) == set(PLACES)


def changing(spec):
    """The places in which a remedy changes something: of a cell it may only ask that it has what it needs."""
    made, before = remedy(spec), Treated(remedy(spec)).before
    asks = made.cell is not None and made.cell(before) is before
    return [place for place in PLACES if getattr(made, place) is not None and not (asks and place == "cell")]


@pytest.mark.parametrize("spec", SPECS)
def test_ours_act_in_one_place_and_are_spelled_in_one_way(spec):
    assert len(changing(spec)) == 1
    assert registry.label("remedies", spec) == spec
    given = registry.spelling(Treated(remedy(spec)).before)
    label = arms.arm(spec, given, "gaussian").label
    assert arms.arm(label, given, "gaussian").label == label


@pytest.mark.parametrize("spec", acting("step"))
def test_a_step_of_its_own_acts_in_training_alone(spec, key):
    of, without = setting(remedy(spec), T=3, hidden=2), setting(Remedy(), T=3, hidden=2)
    judged = jax.jit(lambda one: evaluate(of, one, key, 4))(untrained(of))
    np.testing.assert_array_equal(judged[0], evaluate(without, untrained(without), key, 4)[0])
