"""What a measurement of a network will take, told before it starts: it is loaded, and its series is read."""

from gradlab.planning import costs
from gradlab.planning.plan import STARTING, Piece, Plan, require_room
from gradlab.studies.measure import models, windows, work
from gradlab.studies.measure.settings import Measure
from gradlab.studies.sweep.work import WRITING

FIRST, WINDOW, STEP = 6.0, 0.6, 2e-5
"""Seconds: of the first window, whose programs are compiled, of each after it, and of each step of all."""
FIRST_AIMED, WINDOW_AIMED = 9.0, 1.2
"""The same with a loss, whose zeros are looked into as well."""


def plan(asked: Measure) -> Plan:
    """Count and estimate.

    Raises:
      GradlabError: for a network, a series and settings that do not fit each other.
    """
    model = models.of(asked)
    models.require_output(asked, model)
    found = windows.of(asked, model)
    steps = asked.windows * asked.T
    first, window = (FIRST_AIMED, WINDOW_AIMED) if asked.target else (FIRST, WINDOW)
    each = Piece(window + STEP * asked.T)
    pieces = {
        STARTING: Piece(costs.IMPORTS),
        work.COMPILING: Piece(first - window, first - window),
        **{work.window(i): each for i in range(asked.windows)},
        WRITING: Piece(costs.FIGURES),
    }
    counts = {"windows": asked.windows, "steps": steps, "columns": found.xs.shape[2]}
    need = costs.IDLE + 4 * found.xs.nbytes
    return Plan(counts, pieces, need, asked.model, found.said)


def check(asked: Measure, planned: Plan) -> None:
    """Refuse what does not fit, with exit 7."""
    require_room(planned, "measure", f"{asked.windows} windows of {asked.T} steps", "choose a shorter -T")
