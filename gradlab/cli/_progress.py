"""The progress of a long command, on stderr: a bar, or on a pipe a line every ten seconds."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from gradlab.cli import _output, _stopping
from gradlab.errors import duration
from gradlab.escaping import plain

if TYPE_CHECKING:
    from gradlab.planning.plan import Plan
    from gradlab.studies.remedies.compute import News
    from gradlab.studies.sweep.compute import Progress

TRUST = 0.02
"""The plan counts as if so much of it had been measured already; what was measured soon outweighs it."""


class Left:
    """The time that is left: that of the pieces not done, at the pace of those that are."""

    def __init__(self, planned: "Plan", clock: Callable[[], float] = time.monotonic) -> None:
        from gradlab.planning.plan import STARTING

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


class Bar:
    """What is being done, how far it is, and the time left."""

    def __init__(self, planned: "Plan", doing: str, quiet: bool) -> None:
        self.planned, self.doing, self.quiet = planned, doing, quiet
        self.left = Left(planned)
        self.live: Any = None
        self.spoken = time.monotonic()

    def __enter__(self) -> "Bar":
        if self.quiet:
            return self
        _output.note(f"{self.doing}: {self.planned.said()}")
        if sys.stderr.isatty():
            self.live = _live(self.left)
            self.live.start()
            self.live.add_task("starting", total=1.0, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def show(self, what: str, note: str = "") -> None:
        """Show what is being done now; a moment to stop if that was asked for."""
        _stopping.check()
        if self.live is not None:
            self.live.update(
                self.live.task_ids[0], description=plain(what)[:40], completed=self.left.share, note=note
            )
        elif not self.quiet and time.monotonic() - self.spoken > 10:
            self.spoken = time.monotonic()
            said = f"{note}, now {what}" if note else what
            _output.note(f"{said}, about {duration(self.left.seconds())} left")

    def sweep(self, news: "Progress") -> None:
        """Take the engine's news."""
        if news.piece:
            self.left.credit(news.piece, news.share, computed=news.computed)
        note = f"{news.done} of {self.planned.counts['points']} points"
        if self.live is not None:
            note += f"  compile {news.compiling:.1f} s  run {news.running:.1f} s"
        self.show(news.doing, note)

    def trials(self, news: "News") -> None:
        """Take the trials' news."""
        self.left.reach(news.piece, news.done / news.of, computed=news.computed)
        self.show(f"{news.arm[:24]}: {news.doing}, {news.done / news.of:.0%}")

    def step(self, piece: str) -> None:
        """A piece is done."""
        self.left.credit(piece, 1.0, computed=True)
        self.show(piece)


def _live(left: Left) -> Any:
    """The bar of a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class LeftColumn(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(f"left {duration(left.seconds())}")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[note]}", markup=False),
        LeftColumn(),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
