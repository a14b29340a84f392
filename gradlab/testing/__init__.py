"""Contracts: what every member must do, ours and other people's, as functions for a test suite.

In the test of a cell that lives in another package:

    import pytest
    from gradlab.testing import cell_checks

    @pytest.mark.parametrize("check", cell_checks(MyCell()))
    def test_my_cell(check):
        check()

The same for a task (`task_checks`), a remedy (`remedy_checks`), an initialiser (`initializer_checks`), a
probe (`probe_checks`) and a metric (`metric_checks`); `check_cell` and so on hold all contracts in one call.
Each check raises AssertionError with what does not hold. Of a wrong gradient `gradlab verify` tells more.
"""

from gradlab.testing._held import Check
from gradlab.testing.cells import CELL, cell_checks, check_cell
from gradlab.testing.initializers import INITIALIZER, check_initializer, initializer_checks
from gradlab.testing.metrics import METRIC, check_metric, metric_checks
from gradlab.testing.networks import D, N, T, gaussian, named, network, orthogonal, shapes
from gradlab.testing.probes import PROBE, check_probe, probe_checks
from gradlab.testing.remedies import IN_PLACE, REMEDY, check_remedy, remedy_checks
from gradlab.testing.tasks import TASK, check_task, task_checks

__all__ = [
    "CELL",
    "INITIALIZER",
    "IN_PLACE",
    "METRIC",
    "PROBE",
    "REMEDY",
    "TASK",
    "Check",
    "D",
    "N",
    "T",
    "cell_checks",
    "check_cell",
    "check_initializer",
    "check_metric",
    "check_probe",
    "check_remedy",
    "check_task",
    "gaussian",
    "initializer_checks",
    "metric_checks",
    "named",
    "network",
    "orthogonal",
    "probe_checks",
    "remedy_checks",
    "shapes",
    "task_checks",
]
