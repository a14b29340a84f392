"""The names of what is done for an arm at one T, under which its networks are kept."""

from collections.abc import Sequence

from gradlab.studies.remedies.settings import WIDER

COMPILING, TUNING = "compiling", "tuning"


def tuning(lr: Sequence[float], *, widen: bool) -> list[str]:
    """The stages that choose a rate: of those given, then of others as far as they are tried."""
    if len(lr) == 1:
        return []
    return [TUNING, *(f"{TUNING} beyond, {n}" for n in range(1, WIDER + 1) if widen)]


def training(w_rec: float) -> str:
    """The stage that trains at one w_rec."""
    return f"training at w_rec = {w_rec}"
