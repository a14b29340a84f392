"""How fast the transport shrinks or grows."""

from typing import TYPE_CHECKING

from gradlab.metrics._slope import Slope
from gradlab.profiles import Measured, rate, stored

if TYPE_CHECKING:
    import xarray


class Rate(Slope):
    """Slope of log10 transport per step of lag.

    The median over the slopes of all pairs of lags (Theil, Sen), in decades per step of lag; negative
    vanishes. Undefined with fewer than two norms that are known. Of the whole state from the largest singular
    value, of a part of it from the Frobenius norm.

    Reference: Sen 1968, Estimates of the regression coefficient based on Kendall's tau.
    """

    order = 10
    column = False
    axis = "rate (log10 per step of lag)"

    def of_part(self, norms: "xarray.Dataset", part: str) -> Measured | None:
        return self.measure(norms) if part == "state" else rate(*stored(norms, "transport_frobenius", part))
