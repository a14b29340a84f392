"""What a terminal shows of a run before its whole table: the rows of each cell, as soon as they are there."""

import contextlib
import fcntl
import os
import struct
import sys
import termios
import threading

import pytest

from gradlab import execute
from gradlab.cli._progress import ProgressBar
from gradlab.planning.progress import Silent
from gradlab.studies.sweep.settings import Sweep
from gradlab.studies.sweep.study import STUDY

ASKED = Sweep(cell=("elman", "gru"), w_rec=(0.5, 1.1), T=(6,), hidden=4, seeds=2)


class Looking(Silent):
    """Keeps what a terminal would show."""

    def __init__(self, planned, doing):
        self.seen = []
        SEEN.append(self.seen)

    def glance(self, look):
        found = look(100, unicode=True, color=False)
        self.seen.append(None if found is None else found.plain)


SEEN: list[list[str | None]] = []


@pytest.mark.slow
def test_rows_of_a_cell_are_those_of_the_table_and_the_last_cell_comes_with_it():
    made = execute.run(ASKED, None, None, force=False, listening=Looking).run
    first, last = SEEN[-1]
    assert last is None
    lines = first.splitlines()
    table = STUDY.table(made, 100, unicode=True, color=False).plain
    assert len(lines) == 2 + len(ASKED.w_rec)
    # The larger cell comes first, whatever its place in the table.
    assert lines[0] == "gru"
    assert first in table


@pytest.mark.slow
def test_a_terminal_shows_them_below_the_bar_and_takes_them_away(monkeypatch):
    main, other = os.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    shown = bytearray()

    def read():
        # The end of a terminal is an error of its own.
        with contextlib.suppress(OSError):
            while chunk := os.read(main, 1 << 16):
                shown.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(other, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        execute.run(ASKED, None, None, force=False, listening=ProgressBar)
    reader.join()
    os.close(main)
    text = shown.decode()
    assert text.index("measuring 8 points") < text.index("w_rec regime") < text.rindex("\x1b[2K")
