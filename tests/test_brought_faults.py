"""Members of another package that give what they should not: named, in one line."""

import numpy as np
import pytest

from gradlab import measure
from gradlab.errors import GradlabError
from tests import brought
from tests.brought import CELL, GRID, METRIC, PROBE
from tests.cli.calling import gradlab as command
from tests.tiers import few

package = brought.package
FAULTS = [
    ("return Columns(jax", "return dict(far=jax", "probe distance: fails: AttributeError"),
    (
        "xs)[1])",
        "xs)[1][: setup.length.aval.size])",
        "probe distance: gives far with 1 entries along step",
    ),
    ('"far": ("step",)', '"far": ()', "probe distance: gives far with 1 axes, and states 0"),
    ('"far": ("step",)', '"rate": ("step",)', "distance has a column rate"),
    ('"far": ("step",)', '"near": ("step",)', "gives the columns far, and states axes for near"),
]
METRICS = [
    ("return Measured", "return 1 / 0, Measured", "fails: ZeroDivisionError"),
    ("np.ones(shape)", "np.ones(3)", "does not give one value and one state"),
    ("np.zeros(shape, np.int8)", "np.full(shape, 77, np.int8)", "has states other than 0 to"),
]
"""What is changed in a probe and in a metric, and what is said then."""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    few(FAULTS, FAULTS[:1]),
)
def test_a_probe_that_gives_something_else_is_named(package, old, new, said):
    package("probes", PROBE.replace(old, new))
    found = command(*GRID, "--cell", "elman", "--probe", "distance")
    assert (found.code, said in found.err) == (2, True), found.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return Columns(jax", "return dict(far=jax", "fails: AttributeError"),
        ('"far": ("step",)', '"near": ("step",)', "gives the columns far, and states axes for near"),
    ],
)
def test_measure_names_it_too(package, old, new, said):
    package("probes", PROBE.replace(old, new))
    with pytest.raises(GradlabError, match=f"probe distance: {said}"):
        measure(lambda w, h, x: w * h + x, np.ones(1), np.zeros(1), np.ones((4, 1)), probe="distance")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    few(METRICS, METRICS[:1]),
)
def test_a_metric_that_gives_something_else_is_named(package, old, new, said):
    package("metrics", METRIC.replace(old, new))
    found = command(*GRID, "--cell", "elman")
    assert (found.code, said in found.err) == (2, True), found.err
    assert "metric always (another.always)" in found.err


def test_a_file_that_cannot_be_imported_is_named(package):
    package("metrics", "import nothing_of_that_name")
    found = command("list", "metrics")
    assert (found.code, "another.always, cannot be imported: ModuleNotFoundError" in found.err) == (2, True)


def test_a_class_that_is_no_cell_is_told_what_to_inherit(package):
    package("cells", CELL.replace("class Drip(Cell)", "class Drip").replace("def recurrent", "def other"))
    found = command(*GRID, "--cell", "drip")
    assert (found.code, "is no gradlab.types.Cell" in found.err) == (2, True), found.err
