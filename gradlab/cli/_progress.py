"""The progress of a long command, on stderr: a bar, or on a pipe a line every ten seconds, later a minute."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from gradlab.cli import _output, _stopping
from gradlab.escaping import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.text import Text

    from gradlab.planning.plan import Plan
    from gradlab.planning.progress import Progress


class ProgressBar:
    """What is being done, how far it is, and the time left."""

    def __init__(self, planned: "Plan", doing: str, quiet: bool = False) -> None:
        self.planned, self.doing, self.quiet = planned, doing, quiet
        from gradlab.planning.left import Left

        self.left = Left(planned)
        self.live: Any = None
        self.began = self.spoken = time.monotonic()

    def __enter__(self) -> "ProgressBar":
        if self.quiet:
            return self
        _output.note(f"{self.doing}: {self.planned.said()}")
        for note in self.planned.notes:
            _output.note(note)
        if sys.stderr.isatty():
            from gradlab.planning.left import live

            self.live = live(self.left)
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
        elif not self.quiet and time.monotonic() - self.spoken > self._pause():
            self.spoken = time.monotonic()
            said = f"{note}, now {what}" if note else what
            _output.note(", ".join(filter(None, (said, self.left.said()))))

    def _pause(self) -> float:
        """Seconds between two lines: of a run of hours nobody reads one every ten seconds."""
        return 10.0 if time.monotonic() - self.began < 120 else 60.0

    def take(self, progress: "Progress") -> None:
        """Take the progress of a run."""
        self.left.take(progress)
        self.show(
            progress.doing, "  ".join(filter(None, (progress.note, progress.times if self.live else "")))
        )

    def glance(self, look: "Callable[..., Text | None]") -> None:
        """Show what there is already, below the bar, until the whole table comes."""
        from gradlab.cli import _terminal

        if self.live is not None:
            width = _terminal.width()
            self.live.below = look(width, unicode=_terminal.unicode(), color=_terminal.color())
            self.live.refresh()

    def step(self, piece: str) -> None:
        """A piece is done."""
        self.left.credit(piece, 1.0, computed=True)
        self.show(piece)
