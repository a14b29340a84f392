"""Ctrl-C and SIGTERM: the first asks the command to stop, a second Ctrl-C leaves at once."""

import os
import signal
import sys
import threading
import types

from gradlab.errors import Exit

_asked: list[BaseException] = []
_farewell: list[str] = []
"""What the process says when it leaves at once, if it may do that by itself."""


def listen() -> None:
    """Turn both signals into exceptions; an ignored Ctrl-C (a job in the background) stays ignored."""
    _asked.clear()
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _stop)


def check() -> None:
    """Stop if a signal came; called between pieces of work.

    An exception raised by a handler is lost when the signal meets Python inside a callback, such as the one
    that JAX hangs into the garbage collector. It is kept here, and raised again.
    """
    if _asked:
        raise _asked[0]


def rest() -> None:
    """Leave both signals to the system: the command is done, and only Python's own end is left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_DFL)


def watch(farewell: str) -> None:
    """Have a thread see to the second Ctrl-C: it says `farewell` on stderr and ends the process.

    Python runs a handler between two of its own steps only, so not while XLA compiles. For a process of our
    own; what is lost in a callback (see `check`) is not reported there.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_second, args=(reading, farewell), name="Ctrl-C", daemon=True).start()
    _farewell[:] = [farewell]
    report = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if lost.exc_value in _asked else report(lost)


def _second(reading: int, farewell: str) -> None:
    """Wait for a Ctrl-C that is not the first signal."""
    came = 0
    while came < 2:
        for number in os.read(reading, 64):
            came += 1 if came == 0 or number == signal.SIGINT else 0
    if "gradlab.runs.store" in sys.modules:
        sys.modules["gradlab.runs.store"].settle(1.0)
    leave(farewell)


def leave(farewell: str, code: int = Exit.INTERRUPTED) -> None:
    """End the process without Python's own end, which XLA's threads and a further Ctrl-C can crash."""
    try:
        # Not by `print`: the thread that was interrupted may hold the stream's lock.
        # A progress bar has hidden the cursor of its terminal.
        text = f"{farewell}\n" if farewell else ""
        text = f"\x1b[?25h{text}" if os.isatty(2) else text
        os.write(2, text.encode(errors="backslashreplace"))
    except OSError:
        pass
    finally:
        os._exit(code)


def code() -> Exit | None:
    """With what a command ends that was asked to stop; None if it was not."""
    if not _asked:
        return None
    return Exit.TERMINATED if isinstance(_asked[0], SystemExit) else Exit.INTERRUPTED


def _stop(number: int, frame: types.FrameType | None) -> None:
    if _asked:
        if number == signal.SIGINT and not _farewell:
            os._exit(Exit.INTERRUPTED)
        return
    _asked.append(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(Exit.TERMINATED))
    if _farewell and _importing(frame):
        # A library's C code would print a traceback, or make another error of it. There is nothing to save.
        if "gradlab.runs.store" in sys.modules:
            sys.modules["gradlab.runs.store"].abandon()
        leave(_farewell[0], Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED)
    raise _asked[0]


def _importing(frame: types.FrameType | None) -> bool:
    """Whether a module is being imported."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
