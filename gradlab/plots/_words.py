"""Which networks a figure shows, as its title says it."""

from typing import TYPE_CHECKING

from gradlab.studies.sweep.rows import REPEATS, given

if TYPE_CHECKING:
    import xarray


def repeats(norms: "xarray.Dataset") -> str:
    """What is measured again and again: `seeds`, or the `sequences` that a given network has read."""
    return REPEATS[given(norms)]


def counted(norms: "xarray.Dataset") -> str:
    """How many of these: `1 seed`, `5 sequences`."""
    many = norms.sizes["seed"]
    return f"{many} {repeats(norms) if many > 1 else repeats(norms)[:-1]}"


def gain(norms: "xarray.Dataset", at: int = 0, asked: float | None = None) -> str:
    """`w_rec = 0.9, ` before further words; nothing where a network is given, for its weights are its own.

    Says how near it is to the gain that was `asked` for.
    """
    if given(norms):
        return ""
    w_rec = float(norms["w_rec"].values[at])
    near = "" if asked is None or w_rec == asked else f" (nearest to {asked:g})"
    return f"w_rec = {w_rec:g}{near}, "


def one(norms: "xarray.Dataset", seed: int) -> str:
    """One of them by its number: `seed 0`, `sequence 0`."""
    return f"{repeats(norms)[:-1]} {seed}"
