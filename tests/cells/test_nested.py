"""Cells that hold cells other than the default, wrappers among them."""

import pytest

from gradlab import registry, testing

NESTED = (
    "layer_norm(cell=lru)",
    "residual(cell=stacked(cell=min_gru), skip=2)",
    "stacked(cell=layer_norm(cell=lstm))",
)
CHECKS = {f"{spec}-{check!r}": check for spec in NESTED for check in testing.cell_checks(spec)}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_they_keep_the_contract_of_a_cell(check):
    check()


@pytest.mark.parametrize("spec", NESTED)
def test_their_settings_round_trip(spec):
    assert registry.label("cells", spec) == spec
    assert registry.make("cells", spec) == registry.make("cells", registry.label("cells", spec))
