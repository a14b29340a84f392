"""What a command will take, told before it starts; the figures are in `costs`."""

from typing import Any, NamedTuple

from gradlab import memory, runtime
from gradlab.errors import Exit, GradlabError, duration, size

STARTING = "starting"
"""The piece that is over when a command says what it will take."""


class Piece(NamedTuple):
    """A part of the work, which is credited to the progress when it is done."""

    seconds: float
    compiling: float = 0.0
    """Seconds of it that go into compiling what the compile cache does not hold."""
    each: float = 0.0
    """Seconds that a worker takes again of it for each further group that it is a piece of."""
    again: float = 0.0
    """Seconds that the command takes again of it when workers have done it."""
    kept: int = 0
    """Bytes of what a worker hands back of it."""


class Plan(NamedTuple):
    """Counts, an estimate of the time, piece by piece, and one of the peak memory."""

    counts: dict[str, int]
    pieces: dict[str, Piece]
    bytes: int
    largest: str
    """What needs most memory."""
    notes: tuple[str, ...] = ()
    """What is better known before it starts, in sentences."""
    card: int | None = None
    """Bytes on each card, if cards compute; None where it is not told apart what is there."""

    @property
    def on_card(self) -> int:
        """Bytes on a card that computes, at the most."""
        return self.bytes if self.card is None else self.card

    @property
    def seconds(self) -> float:
        """All of it."""
        return sum((piece.seconds for piece in self.pieces.values()), 0.0)

    @property
    def compile_seconds(self) -> float:
        """The part of it that goes into compiling what the cache does not hold."""
        return sum((piece.compiling for piece in self.pieces.values()), 0.0)

    def time(self) -> str:
        """The time for people, compiling apart."""
        compiling = self.compile_seconds
        more = f", {duration(compiling)} of it to compile what is not kept yet" if compiling else ""
        return f"about {duration(max(1.0, self.seconds))}{more}"

    def said(self) -> str:
        """Time and memory in a line."""
        return f"{self.time()}; about {size(self.bytes)} of memory"

    def document(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        times = {"seconds": round(self.seconds, 1), "compile_seconds": round(self.compile_seconds, 1)}
        need = {"bytes": self.bytes, "largest": self.largest}
        if runtime.card_bytes() is not None:
            need["card_bytes"] = self.on_card
        return {"counts": self.counts} | times | need | {"notes": list(self.notes)}


def require_room(planned: Plan, where: str, what: str, way_out: str) -> None:
    """Refuse what does not fit, with exit 7, the bytes needed and available, and the way out.

    What computes on a card has to fit there, too.
    """
    card = runtime.card_bytes()
    for needed, free, of in (
        (planned.bytes, memory.available_bytes(), "memory"),
        (planned.on_card, card, "the card's memory"),
    ):
        if free is not None and needed > free:
            said = f"needs about {size(needed)} of {of} ({what}, most for {planned.largest})"
            other = "" if of == "memory" else ", or --device cpu"
            raise GradlabError(where, f"{said}, {size(free)} available; {way_out}{other}", Exit.RESOURCES)
