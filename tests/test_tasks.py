"""The contract of tasks, for every member that there is; names none of them."""

import pytest

from gradlab import registry, testing
from gradlab.studies.remedies.acting import of_task
from gradlab.testing import tasks
from tests.members import checks, counted, held, specs

CHECKS = checks("tasks", testing.task_checks)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_task_keeps_its_contract(check):
    held(check)


def test_every_contract_is_about_some_task():
    judged = counted(CHECKS)
    every = specs("tasks")
    several = sum(hasattr(registry.make("tasks", spec), "shortest") for spec in every)
    assert 5 <= several <= len(every) - 2
    assert judged == {
        **{contract.__name__: len(every) for contract in testing.TASK},
        **{contract.__name__: several for contract in tasks.OF_SEVERAL_LENGTHS},
        "numbers_may_be_arrays_and_are_no_facts": sum(
            bool(of_task(registry.make("tasks", s))) for s in every
        ),
        **{contract.__name__: len(every) - several for contract in tasks.OF_ONE_LENGTH},
    }


@pytest.mark.parametrize("spec", specs("tasks"))
def test_a_task_is_spelled_in_one_way_and_says_where_it_comes_from(spec):
    made = registry.make("tasks", spec)
    assert registry.label("tasks", spec) == registry.spelling(made) == spec
    assert "Reference:" in type(made).__doc__
