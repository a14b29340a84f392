"""The progress of a call, where somebody watches."""

import sys
from types import TracebackType
from typing import Any

from gradlab.escaping import plain
from gradlab.planning.plan import Plan
from gradlab.planning.progress import Progress, Silent


def listener(quiet: bool) -> Any:
    """A bar where somebody watches: in a terminal or a notebook."""
    return _Bar if not quiet and (sys.stderr.isatty() or "ipykernel" in sys.modules) else Silent


class _Bar(Silent):
    """A progress bar of a call."""

    def __init__(self, planned: Plan, doing: str) -> None:
        from gradlab.planning import left

        self.left = left.Left(planned)
        self.live = left.live(self.left)
        self.doing = doing

    def __enter__(self) -> "_Bar":
        self.live.start()
        self.live.add_task(self.doing, total=1.0, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def take(self, progress: Progress) -> None:
        """Show the progress."""
        self.left.take(progress)
        doing, task = plain(progress.doing), self.live.task_ids[0]
        self.live.update(task, description=doing, completed=self.left.share, note=progress.note)
