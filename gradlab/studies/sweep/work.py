"""What there is to do in a sweep, by name, and how far it is."""

from collections.abc import Callable, Mapping
from typing import Any

from gradlab.planning.progress import Progress
from gradlab.studies.sweep.program import capacity
from gradlab.studies.sweep.settings import Sweep

WRITING = "writing"
SMALL = 0.5
"""Of the largest cell's weights, at most so many has one that is measured before it."""


def drawing(label: str) -> str:
    """The name of drawing a cell's networks."""
    return f"{label}: drawing"


def compiling(label: str) -> str:
    """The name of compiling a cell's program."""
    return f"{label}: compiling"


def measuring(label: str, T: int) -> str:
    """The name of measuring a cell at one T."""
    return f"{label}: T = {T}"


def of_program(sweep: Sweep, label: str) -> dict[str, Any]:
    """What decides which program measures a cell."""
    names = ("objective", "precision", "hidden", "inputs", "batch", "networks")
    own = {name: getattr(sweep, name) for name in names}
    return own | {"measures": label, "length": capacity(max(sweep.T)), "probes": sweep.probe}


def in_turn(sizes: Mapping[str, int]) -> list[str]:
    """Which cell is measured when, by the size of its weights: the largest first, whose run is the longest.

    A small one of three or more comes before them all: its rows are there in a moment, and the long run still
    has other cells to be traced beside it.

    >>> in_turn({"elman": 10, "gru": 30, "lstm": 40}), in_turn({"elman": 10, "lstm": 40})
    (['elman', 'lstm', 'gru'], ['lstm', 'elman'])
    """
    order = sorted(sizes, key=lambda label: -sizes[label])
    small = len(order) > 2 and sizes[order[-1]] <= SMALL * sizes[order[0]]
    return [order[-1], *order[:-1]] if small else order


class Clock:
    """Points done and seconds spent, told to whoever draws the bar."""

    def __init__(self, report: Callable[[Progress], None], points: int) -> None:
        self.report, self.points = report, points
        self.done, self.compiling, self.running = 0, 0.0, 0.0

    def add(
        self,
        doing: str,
        *,
        done: int = 0,
        compiling: float = 0.0,
        running: float = 0.0,
        piece: str = "",
        share: float = 1.0,
        computed: bool = True,
    ) -> None:
        self.done += done
        self.compiling += compiling
        self.running += running
        note = f"{self.done} of {self.points} points"
        times = f"compile {self.compiling:.1f} s  run {self.running:.1f} s"
        self.report(Progress(doing, piece, share, computed, note=note, times=times))
