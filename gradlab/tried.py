"""At which size a cell that its user brings is tried out: that of the run, since it may have no other."""

_SIZES = [(3, 4)]
LARGEST = 2**24
"""Numbers of a matrix of the network that a cell is tried out with."""


def at(d_in: int, d_hidden: int) -> None:
    """From now on as the cell of D inputs and N units; one that is too large for a trial as before."""
    if d_hidden * max(d_in, d_hidden) <= LARGEST:
        _SIZES[0] = d_in, d_hidden


def sizes() -> tuple[int, int]:
    """D and N."""
    return _SIZES[0]
