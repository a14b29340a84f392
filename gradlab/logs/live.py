"""Tell a tracker of a training while it goes on: of each look when it is kept, of the rest at the end."""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gradlab.escaping import plain
from gradlab.logs import keep

if TYPE_CHECKING:
    from gradlab.logs.entries import Entries
    from gradlab.studies.sweep.results import Run


class Live:
    """What a tracker is told of a training whose looks are written to a folder.

    What is told is there for whoever reads it then, and whatever ends the training. The first failure is a
    warning, and the last of what is told.
    """

    def __init__(self, log: keep.Log | None, folder: Path) -> None:
        self._log = log
        self._folder = folder
        self._writer: keep.Writer | None = None
        self._told: set[int] = set()
        """Updates whose look is told, or begun to be."""
        self._over = log is None
        self._ended = ""
        """What a look is answered that comes after the end."""

    def look(self, update: int, alone: "Callable[[], Run]", run: "Run") -> str:
        """Tell of a look, once; a warning, or nothing.

        Args:
          update: its own.
          alone: the run of this look alone, whose numbers are told.
          run: of all looks, as the folder has it; at the first look it gives name and settings.
        """
        if update in self._told:
            return ""
        if self._over:
            return self._ended
        with self._told_or_over() as said:
            from gradlab.logs import entries

            if self._writer is None:
                self._writer = self._opened(entries.of(run, self._folder))
            # Of a look that is interrupted here, part may be told: it is not told again.
            self._told.add(update)
            self._writer.add(entries.points(alone()))
        return "".join(said)

    def finish(self, run: "Run") -> str:
        """Tell what only the end knows, once; a warning, or nothing."""
        if self._over or self._writer is None:
            return ""
        with self._told_or_over() as said:
            from gradlab.logs import entries

            self._writer.finish(entries.of(run, self._folder))
            self._over = True
            self._ended = f"log: {self._log} has been told of the end; later looks are in the folder only"
        return "".join(said)

    def _opened(self, told: "Entries") -> keep.Writer:
        """A writer under a digest of this training's own: that of its run is not known before the end."""
        own = f"{told.digest} {os.getpid()} {time.time_ns()}"
        told = told._replace(digest=hashlib.sha256(own.encode()).hexdigest()[:16])
        made: keep.Writer = keep.tracker(str(self._log)).Writer(told, self._folder.parent / keep.FOLDER)
        return made

    @contextlib.contextmanager
    def _told_or_over(self) -> Iterator[list[str]]:
        """What fails within is said in the list, and nothing is told any more."""
        said: list[str] = []
        try:
            with keep.quiet():
                yield said
        except Exception as error:
            self._over = True
            said.append(plain(f"log: {self._log} is told no more: {keep.failure(error)}")[:300])
            with contextlib.suppress(Exception), keep.quiet():
                if self._writer is not None:
                    self._writer.fail()
