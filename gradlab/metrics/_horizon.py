"""What horizons and steps have in common."""

from typing import TYPE_CHECKING, ClassVar

from gradlab.metrics._metric import Metric
from gradlab.profiles import Measured, fall, hard_horizon, of_part
from gradlab.quantities import short

if TYPE_CHECKING:
    import xarray


class Horizon(Metric):
    """A number of steps."""

    unit = "steps"
    pooling = "median"
    width = 5


class Fall(Horizon):
    """The first lag by which a `quantity` has fallen by so many `decades`; see `profiles.fall`."""

    undefined = "beyond"
    limits = (0.01, 0.02)
    bigger_is_better = True
    decades: ClassVar[float]
    quantity: ClassVar[str] = "transport"

    def measure(self, norms: "xarray.Dataset") -> Measured:
        return self._of(norms, "state")

    def of_part(self, norms: "xarray.Dataset", part: str) -> Measured | None:
        return self._of(norms, part) if self.by_part or part == "state" else None

    def _of(self, norms: "xarray.Dataset", part: str) -> Measured:
        return fall(*of_part(norms, self.quantity, part), self.decades)

    def text(self, value: float) -> str:
        """Tenths of a step, as long as they fit: it lies between lags."""
        return f"{value:.1f}" if value < 999.95 else short(round(value), 5)


class End(Horizon):
    """The last lag with a norm of a `quantity` that is exactly zero beyond; see `profiles.hard_horizon`."""

    undefined = "never"
    limits = None
    quantity: ClassVar[str] = "transport"

    def measure(self, norms: "xarray.Dataset") -> Measured:
        return hard_horizon(of_part(norms, self.quantity, "state")[1])


class Step(Metric):
    """A step at which something breaks; the regime tells of it, so it has no column."""

    unit = "step"
    undefined = "never"
    limits = (1.0, 0.02)
    column = False
