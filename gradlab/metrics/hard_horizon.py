"""Beyond which lag the gradient is exactly zero."""

from gradlab.metrics._horizon import End


class HardHorizon(End):
    """Lag beyond which the gradient is exactly zero.

    The last lag with a norm, where the far end of the sequence is exactly zero by structure: truncation, dead
    units. Undefined where it is not. It is structure, and may not move at all.
    """

    order = 40
    heading = "hard"
    legend = "exactly zero beyond"
    note = "hard horizon: exactly zero beyond this lag"
    phrase = "is exactly zero beyond lag {:g}"
    panel = ""
