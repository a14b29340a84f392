"""What a measurement of a network will take, told before it starts: it is loaded, and its series is read."""

from gradlab.planning import costs
from gradlab.planning.plan import STARTING, Piece, Plan, require_room
from gradlab.studies.measure import models, windows
from gradlab.studies.measure.compute import MEASURING
from gradlab.studies.measure.settings import Measure
from gradlab.studies.sweep.work import WRITING

FIRST, STEP = 4.0, 2e-5
"""Seconds: of the first window, whose program is compiled, and of each step of each window after it."""


def plan(asked: Measure) -> Plan:
    """Count and estimate.

    Raises:
      GradlabError: for a network, a series and settings that do not fit each other.
    """
    model = models.of(asked)
    models.require_output(asked, model)
    found = windows.of(asked, model)
    steps = asked.windows * asked.T
    pieces = {
        STARTING: Piece(costs.IMPORTS),
        MEASURING: Piece(FIRST + STEP * steps, FIRST),
        WRITING: Piece(costs.FIGURES),
    }
    counts = {"windows": asked.windows, "steps": steps, "columns": found.xs.shape[2]}
    need = costs.IDLE + 4 * found.xs.nbytes
    return Plan(counts, pieces, need, asked.model, found.said)


def check(asked: Measure, planned: Plan) -> None:
    """Refuse what does not fit, with exit 7."""
    require_room(planned, "measure", f"{asked.windows} windows of {asked.T} steps", "choose a shorter -T")
