"""What a run tells while it works, and who listens."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Protocol, runtime_checkable

from gradlab.planning.plan import Plan


class Progress(NamedTuple):
    """What is being done, and how far a piece of the plan has come."""

    doing: str
    piece: str = ""
    """A piece of the plan that has gone on, or was there before; empty: none has."""
    share: float = 0.0
    """How much of that piece."""
    computed: bool = True
    """Whether that took its time, rather than being kept from before."""
    in_all: bool = False
    """`share` is how much of the piece is done in all, and every piece before it is over."""
    note: str = ""
    """How far the whole work is."""
    times: str = ""
    """Seconds spent so far, and on what."""


@runtime_checkable
class Listener(Protocol):
    """Takes the progress of a run, between `with` and its end; may raise to stop the run."""

    def __enter__(self) -> "Listener": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def take(self, progress: Progress) -> None: ...

    def glance(self, look: Callable[..., Any]) -> None:
        """A result has come and others will: `look(width, unicode=, color=)` draws it, or gives None."""


@runtime_checkable
class Listening(Protocol):
    """Makes the listener of a run, of its plan and of what it will be doing."""

    def __call__(self, planned: Plan, doing: str) -> Listener: ...


class Silent:
    """Nobody listens."""

    def __init__(self, planned: Plan, doing: str) -> None:
        pass

    def __enter__(self) -> "Silent":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def take(self, progress: Progress) -> None:
        """Hear nothing."""

    def glance(self, look: Callable[..., Any]) -> None:
        """See nothing."""
