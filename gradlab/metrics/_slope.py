"""What rates have in common."""

from typing import TYPE_CHECKING, ClassVar

from gradlab.metrics._metric import RATE, Metric
from gradlab.profiles import Measured, of_part, rate

if TYPE_CHECKING:
    import xarray


class Slope(Metric):
    """The slope of log10 of a `quantity` per step of lag; see `profiles.rate`."""

    unit = RATE
    pooling = "mean"
    logarithm = True
    limits = (1e-4, 0.0)
    quantity: ClassVar[str] = "transport"

    def measure(self, norms: "xarray.Dataset") -> Measured:
        return self._of(norms, "state")

    def of_part(self, norms: "xarray.Dataset", part: str) -> Measured | None:
        return self._of(norms, part) if self.by_part or part == "state" else None

    def _of(self, norms: "xarray.Dataset", part: str) -> Measured:
        return rate(*of_part(norms, self.quantity, part))
