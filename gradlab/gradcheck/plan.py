"""What the checks of a gradient will take, told before they start."""

from typing import Any

from gradlab.planning import compiled, costs
from gradlab.planning.plan import STARTING, Piece, Plan, require_room

COMPILING, CHECKING, LAYERS = "compiling", "checking", "two layers"
WAYS = 6
"""Results that come one by one for each case: reverse and forward mode, differences and three other ways."""


def of_program(spec: str, sizes: tuple[int, int], lengths: tuple[int, ...]) -> dict[str, Any]:
    """What decides which programs are compiled."""
    return {"verifies": spec, "sizes": sizes, "lengths": lengths}


def plan(
    spec: str, cell: Any, sizes: tuple[int, int], lengths: tuple[int, ...], scales: int, points: int
) -> Plan:
    """Count the cases of a cell of sizes (D, N), and estimate."""
    of = costs.sizes(cell, *sizes)
    cases = len(lengths) * scales * points
    known = compiled.known(**of_program(spec, sizes, lengths))
    checking = costs.verify(of, lengths, cases)
    compiling = 0.0 if known else costs.compile_verify(of)
    pieces = {
        STARTING: Piece(costs.IMPORTS),
        COMPILING: Piece(costs.LOAD + compiling, compiling),
        CHECKING: Piece(0.6 * checking),
        LAYERS: Piece(0.4 * checking),
    }
    counts = {"lengths": len(lengths), "scales": scales, "points": points, "cases": cases}
    return Plan(counts, pieces, costs.verify_bytes(of, cases), spec)


def check(planned: Plan) -> None:
    """Refuse what does not fit, with exit 7."""
    what = f"{planned.counts['cases']} cases"
    require_room(planned, "CELL", what, "choose fewer or shorter --lengths, --points or --hidden")
