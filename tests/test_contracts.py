"""What every cell, initialiser, probe and metric must do; names no member."""

import numpy as np
import pytest

from gradlab import registry, testing
from gradlab.testing import D, N, gaussian, named, orthogonal
from gradlab.testing.probes import facts_are_read_and_not_run as READ
from tests.members import checks, counted, held, specs
from tests.tiers import few

CELLS = checks("cells", testing.cell_checks)
INITIALIZERS = checks("initializers", testing.initializer_checks)
PROBES = checks("probes", testing.probe_checks)
METRICS = checks("metrics", testing.metric_checks)


@pytest.mark.parametrize("check", few(CELLS, lambda name: "(" not in name))
def test_a_cell_keeps_its_contract(check):
    """By default of each cell as it comes; with its settings among the slow tests."""
    held(CELLS[check])


@pytest.mark.parametrize("check", INITIALIZERS.values(), ids=INITIALIZERS)
def test_an_initializer_keeps_its_contract(check):
    held(check)


@pytest.mark.parametrize("check", few(PROBES, lambda name: name.startswith("transport-")))
def test_a_probe_keeps_its_contract(check):
    """Of two probes; of the others among the slow tests."""
    held(PROBES[check])


@pytest.mark.parametrize("check", METRICS.values(), ids=METRICS)
def test_a_metric_keeps_its_contract(check):
    held(check)


def test_every_contract_of_a_probe_and_of_a_metric_is_about_all():
    judged = {contract.__name__: len(specs("probes")) for contract in (*testing.PROBE, READ)}
    assert counted(PROBES) == judged
    assert counted(METRICS) == {contract.__name__: len(specs("metrics")) for contract in testing.METRIC}


def test_every_contract_of_a_cell_is_about_some_cell():
    judged = counted(CELLS)
    every = specs("cells")
    assert {name for name, count in judged.items() if count == len(every)} == {
        *(contract.__name__ for contract in testing.CELL),
        # None of ours has a surrogate gradient.
        "jacobian_is_that_of_differences",
    }
    assert judged["gates_open_between_0_and_1"] == sum(bool(registry.make("cells", s).gates) for s in every)
    assert judged["gates_are_drawn_apart"] >= 15
    assert judged["what_init_alone_reads_changes_no_step"] >= 10
    assert judged["declared_rate_is_measured"] >= 2


def test_every_contract_of_an_initializer_is_about_all():
    judged = counted(INITIALIZERS)
    assert judged == {contract.__name__: len(specs("initializers")) for contract in testing.INITIALIZER}


@pytest.mark.parametrize("spec", specs("cells"))
def test_a_cell_is_spelled_in_one_way(spec):
    made = registry.make("cells", spec)
    assert registry.label("cells", spec) == registry.spelling(made) == spec


@pytest.mark.parametrize("spec", specs("initializers"))
def test_an_initializer_is_spelled_in_one_way(spec):
    assert registry.label("initializers", spec) == spec


@pytest.mark.parametrize("spec", specs("cells"))
def test_input_weights_do_not_depend_on_the_initializer(spec, key):
    cell = registry.make("cells", spec)
    first, second = (named(cell.init(key, D, N, 1.0, start)[0]) for start in (gaussian, orthogonal))
    inputs = [name for name in first if name.split("/")[-1] == "w_in"]
    assert inputs
    for name in inputs:
        np.testing.assert_array_equal(first[name], second[name])
