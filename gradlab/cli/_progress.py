"""The progress bar of a long command, on stderr."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from gradlab.cli import _output, _stopping
from gradlab.escaping import plain

if TYPE_CHECKING:
    from gradlab.engine import Progress
    from gradlab.plan import Plan
    from gradlab.trials import News


class Bar:
    """Points done, compile and run time apart, time left; on a pipe, a line every ten seconds."""

    def __init__(self, planned: "Plan", quiet: bool) -> None:
        self.planned, self.quiet = planned, quiet
        self.live: Any = None
        self.spoken = time.monotonic()

    def __enter__(self) -> "Bar":
        if self.quiet:
            return self
        if not sys.stderr.isatty():
            _output.note(f"measuring {self.planned.points} points, about {self.planned.seconds:.0f} s")
            return self
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.live = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("compile {task.fields[compiling]:.1f} s  run {task.fields[running]:.1f} s  left"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
            expand=True,
        )
        self.live.start()
        self.live.add_task("starting", total=self.planned.points, compiling=0.0, running=0.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def update(self, progress: "Progress") -> None:
        """Take the engine's news; a moment to stop if that was asked for."""
        _stopping.check()
        if self.live is not None:
            self.live.update(
                self.live.task_ids[0],
                description=plain(progress.doing)[:24],
                completed=progress.done,
                compiling=progress.compiling,
                running=progress.running,
            )
        elif not self.quiet and time.monotonic() - self.spoken > 10:
            self.spoken = time.monotonic()
            _output.note(f"{progress.done} of {self.planned.points} points, now {progress.doing}")

    def say(self, what: str) -> None:
        """Show what is being done now; a moment to stop if that was asked for."""
        _stopping.check()
        if self.live is not None:
            self.live.update(self.live.task_ids[0], description=plain(what))


class Steps:
    """Progress of a command that trains: the arm, what is done with it, and how far that is."""

    def __init__(self, quiet: bool, arms: int) -> None:
        self.quiet, self.arms = quiet, arms
        self.live: Any = None
        self.spoken = time.monotonic()
        self.seen: list[str] = []

    def __enter__(self) -> "Steps":
        if self.quiet:
            return self
        if not sys.stderr.isatty():
            _output.note(f"training {self.arms} arms")
            return self
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.live = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            expand=True,
        )
        self.live.start()
        self.live.add_task("starting", total=1.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def update(self, news: "News") -> None:
        """Take the trials' news; a moment to stop if that was asked for."""
        _stopping.check()
        if news.arm not in self.seen:
            self.seen.append(news.arm)
        what = f"{len(self.seen)}/{self.arms} {plain(news.arm)[:24]}: {news.doing}"
        if self.live is not None:
            self.live.update(self.live.task_ids[0], description=what, completed=news.done, total=news.of)
        elif not self.quiet and time.monotonic() - self.spoken > 10:
            self.spoken = time.monotonic()
            _output.note(f"{what}, {news.done / news.of:.0%}")
