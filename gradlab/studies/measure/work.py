"""What there is to do in a measurement, by name."""

from typing import Any

COMPILING = "compiling"


def window(i: int) -> str:
    """The name of measuring a window, counted from 0.

    >>> window(0)
    'window 1'
    """
    return f"window {i + 1}"


def place(label: str) -> int:
    """The window of a name.

    >>> place("window 1")
    0
    """
    return int(label.rpartition(" ")[2]) - 1


def key(i: int) -> dict[str, Any]:
    """Under what a window is kept."""
    return {"window": i}
