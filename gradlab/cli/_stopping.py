"""Ctrl-C and SIGTERM: the first asks the command to stop, a second Ctrl-C leaves at once."""

import os
import signal
import types

from gradlab.status import Exit

_asked: list[BaseException] = []


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


def _stop(number: int, frame: types.FrameType | None) -> None:
    if _asked and number == signal.SIGINT:
        os._exit(Exit.INTERRUPTED)
    _asked.append(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(Exit.TERMINATED))
    raise _asked[0]
