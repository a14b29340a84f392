"""The one way to stdout and stderr: escaped for a terminal and a log; what cannot be written is an error.

stdout holds results: a full disk behind it is an error. stderr holds notes: they may be lost in silence.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gradlab import escaping
from gradlab.errors import Exit, GradlabError

if TYPE_CHECKING:
    from rich.text import Text

LONGEST = 300
"""Characters of an error line."""
_WHERE = 100
"""Characters of the place that an error line names, if what it says is long as well."""


def say(text: "str | Text" = "") -> None:
    """Print text, and end its line, on stdout; rich's text in colour where the terminal has it."""
    shown = escaping.terminal(text) if isinstance(text, str) else _drawn(text)
    _write(shown if shown.endswith("\n") else f"{shown}\n")


def say_json(document: Any, indent: int | None = None) -> None:
    """Print one JSON document on stdout."""
    _write(escaping.document(document, indent) + "\n")


def say_table(run: Any) -> None:
    """Print the table of a run on stdout."""
    from gradlab.cli import _terminal
    from gradlab.studies import base

    study = base.of_run(run)
    say(study.table(run, _terminal.width(), unicode=_terminal.unicode(), color=_terminal.color()))


def say_bytes(content: bytes) -> None:
    """Put the content of a file on stdout, as it is."""
    sys.stdout.flush()
    with _results():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def note(text: str) -> None:
    """Print text on stderr, and end its line."""
    ask(f"{text}\n")


def ask(text: str) -> None:
    """Print text on stderr, where the line goes on."""
    try:
        sys.stderr.write(escaping.terminal(text))
        sys.stderr.flush()
    except OSError:
        _drop(sys.stderr, 2)


def error_parts(where: str, what: str) -> tuple[str, str]:
    """The place and the words of an error, each on one line, short enough for `error: <where>: <what>`.

    What is too long loses its middle; what to do, after the last semicolon, stays if there is room.
    """
    where, what = escaping.plain(where), escaping.plain(what)
    where = _shortened(where, max(_WHERE, LONGEST - len(f"error: : {what}")))
    room = LONGEST - len(f"error: {where}: ")
    came, semicolon, hint = what.rpartition("; ")
    if len(what) > room and len(semicolon + hint) <= room - 60:
        return where, _shortened(came, room - len(semicolon + hint)) + semicolon + hint
    return where, _shortened(what, room)


def open_streams() -> None:
    """Open those of stdin, stdout and stderr that came closed: the next file would get the number of one.

    A closed stdout becomes one that refuses to be written, a closed stderr one that takes everything; both
    spell out the letters that their encoding lacks.
    """
    for number, way in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, way)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False, encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False, encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Empty both streams, so that nothing is left to fail when Python ends."""
    with _results():
        sys.stdout.flush()
    ask("")


def is_lost(error: OSError) -> bool:
    """Whether an error is that of a stream of ours, and of no file."""
    return error.errno in (errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO) and error.filename is None


def lost(error: OSError) -> GradlabError:
    """What to say of stdout that cannot be written; nothing more is written to it."""
    _drop(sys.stdout, 1)
    closed = error.errno == errno.EBADF
    what = "is closed" if closed else f"cannot be written: {error.strerror or error}"
    return GradlabError("stdout", f"{what}; send it elsewhere, what was computed is kept", Exit.STORAGE)


def _write(text: str) -> None:
    with _results():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextlib.contextmanager
def _results() -> Iterator[None]:
    """A reader of stdout who has gone, as in `| head -1`, wants no more; anything else is an error."""
    try:
        yield
    except BrokenPipeError:
        _drop(sys.stdout, 1)
    except OSError as error:
        raise lost(error) from error


def _drop(stream: Any, number: int) -> None:
    """What is left for a stream, and what still comes, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
    with contextlib.suppress(OSError):
        stream.flush()


def _drawn(text: "Text") -> str:
    """Rich's text with its colours as a terminal reads them; without, if it has to be escaped."""
    from rich.console import Console

    from gradlab.cli import _terminal

    safe = escaping.terminal(text.plain)
    if safe != text.plain:
        return safe
    colored = _terminal.color()
    console = Console(
        file=io.StringIO(),
        no_color=not colored,
        force_terminal=colored,
        highlight=False,
        width=_terminal.width(),
    )
    with console.capture() as captured:
        console.print(text, soft_wrap=True, end="")
    return captured.get()


def _shortened(text: str, room: int) -> str:
    """Text of at most `room` characters, without its middle if it is longer."""
    if len(text) <= room:
        return text
    head = (room - 3) // 3
    return f"{text[:head]}...{text[len(text) - (room - 3 - head) :]}"
