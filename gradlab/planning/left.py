"""The time that is left of a run, from its plan and from what it tells, and the bar that shows it."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from gradlab.errors import duration
from gradlab.planning.plan import STARTING, Plan
from gradlab.planning.progress import Progress

TRUST = 0.02
"""The plan counts as if so much of it had been measured already; what was measured soon outweighs it."""


class Left:
    """The time that is left: that of the pieces not done, at the pace of those that are."""

    def __init__(self, planned: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.began = clock, clock()
        self.last, self.pace = self.began, 1.0
        self.waiting = {name: piece.seconds for name, piece in planned.pieces.items() if name != STARTING}
        self.whole = dict(self.waiting)
        self.trust = TRUST * planned.seconds
        self.done = 0.0

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1."""
        total = self.done + sum(self.waiting.values())
        return self.done / total if total else 1.0

    def take(self, progress: Progress) -> None:
        """Take the progress of a run."""
        if progress.piece and progress.in_all:
            self.reach(progress.piece, progress.share, computed=progress.computed)
        elif progress.piece:
            self.credit(progress.piece, progress.share, computed=progress.computed)

    def credit(self, piece: str, share: float, *, computed: bool) -> None:
        """So much of a piece is done; it took no time unless it was computed."""
        part = min(self.waiting.get(piece, 0.0), share * self.whole.get(piece, 0.0))
        if piece in self.waiting:
            self.waiting[piece] -= part
        if computed:
            self.done += part
            self.last = self.clock()
            self.pace = (self.last - self.began + self.trust) / (self.done + self.trust or 1.0)

    def reach(self, piece: str, share: float, *, computed: bool = True) -> None:
        """So much of a piece is done, in all, and what comes before it is over.

        What was begun before it has ended early; what nobody told of, such as compiling, has been done.
        """
        for name, seconds in self.waiting.items():
            if name == piece:
                break
            if seconds == self.whole[name]:
                self.done += seconds
            self.waiting[name] = 0.0
        missing = share - 1 + self.waiting.get(piece, 0.0) / (self.whole.get(piece) or 1.0)
        self.credit(piece, max(0.0, missing), computed=computed)

    def seconds(self) -> float:
        """What is left now."""
        return max(0.0, sum(self.waiting.values()) * self.pace - (self.clock() - self.last))

    def said(self) -> str:
        """`about 3 min left`; empty where it should be over by now: nobody knows then how much longer."""
        seconds = self.seconds()
        return f"about {duration(seconds)} left" if seconds >= 1 else ""


def live(left: Left) -> Any:
    """The bar of a terminal, or of a notebook."""
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class LeftColumn(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(left.said())

    class Bar(Progress):
        below: Text | None = None
        """What is shown under it."""

        def get_renderables(self) -> Iterable[RenderableType]:
            yield from super().get_renderables()
            if self.below is not None:
                yield self.below

    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[note]}", markup=False),
        LeftColumn(),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
