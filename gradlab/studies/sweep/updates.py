"""The axis `cell` of a network that is looked at while it trains: a place for each update."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray

UPDATE = "update"
"""Of each place on the axis `cell` of a training: the update at which it was looked at."""


def at_update(cell: str, update: int) -> str:
    """The name that a cell has on the axis `cell`, at an update of its training.

    >>> at_update("lstm", 300)
    'lstm at update 300'
    """
    return f"{cell} at update {update}"


def trained(norms: "xarray.Dataset") -> dict[str, tuple[str, int]]:
    """The network and the update of each place on the axis `cell`; empty unless it is a training's."""
    if UPDATE not in norms.coords:
        return {}
    pairs = zip(map(str, norms["cell"].values), norms[UPDATE].values.tolist(), strict=True)
    return {cell: (cell.removesuffix(at_update("", update)), update) for cell, update in pairs}
