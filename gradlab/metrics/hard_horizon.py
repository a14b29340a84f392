"""Beyond which lag the gradient is exactly zero."""

from typing import TYPE_CHECKING

from gradlab.metrics._horizon import Horizon
from gradlab.profiles import Measured, hard_horizon, stored

if TYPE_CHECKING:
    import xarray


class HardHorizon(Horizon):
    """Lag beyond which the gradient is exactly zero.

    The last lag with a norm, where the far end of the sequence is exactly zero by structure: truncation, dead
    units. Undefined where it is not. It is structure, and may not move at all.
    """

    order = 40
    undefined = "never"
    limits = None
    heading = "hard"
    legend = "exactly zero beyond"
    note = "hard horizon: exactly zero beyond this lag"
    phrase = "is exactly zero beyond lag {:g}"
    panel = ""

    def measure(self, norms: "xarray.Dataset") -> Measured:
        return hard_horizon(stored(norms, "transport", "state")[1])
