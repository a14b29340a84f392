"""What horizons and steps have in common."""

from typing import TYPE_CHECKING, ClassVar

from gradlab.metrics._metric import Metric
from gradlab.profiles import Measured, fall, stored
from gradlab.quantities import short

if TYPE_CHECKING:
    import xarray


class Horizon(Metric):
    """A number of steps."""

    unit = "steps"
    pooling = "median"
    width = 5


class Fall(Horizon):
    """The first lag by which the transport has fallen by so many `decades`; see `profiles.fall`."""

    undefined = "beyond"
    limits = (0.01, 0.02)
    bigger_is_better = True
    decades: ClassVar[float]

    def measure(self, norms: "xarray.Dataset") -> Measured:
        return fall(*stored(norms, "transport", "state"), self.decades)

    def text(self, value: float) -> str:
        """Tenths of a step, as long as they fit: it lies between lags."""
        return f"{value:.1f}" if value < 999.95 else short(round(value), 5)


class Step(Metric):
    """A step at which something breaks; the regime tells of it, so it has no column."""

    unit = "step"
    undefined = "never"
    limits = (1.0, 0.02)
    column = False
