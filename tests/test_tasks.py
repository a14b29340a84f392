"""The contract of tasks, for every member that there is; names none of them."""

import pytest

from gradlab import registry
from tests.tasks.contract import CHECKS
from tests.test_contracts import specs


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("spec", specs("tasks"))
def test_task(spec, check):
    CHECKS[check](registry.make("tasks", spec))


@pytest.mark.parametrize("spec", specs("tasks"))
def test_settings_round_trip(spec):
    assert registry.label("tasks", spec) == spec
    assert registry.make("tasks", registry.label("tasks", spec)) == registry.make("tasks", spec)
