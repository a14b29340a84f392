"""Beyond which lag the reach is exactly zero."""

from gradlab.metrics._horizon import End


class ReachHardHorizon(End):
    """Lag beyond which the reach is exactly zero.

    The last lag with a norm, where the far end of the sequence is exactly zero by structure: a reset, a mask,
    dead units. Undefined where it is not.
    """

    order = 113
    needs = quantity = "reach"
    column = False
    panel = ""
