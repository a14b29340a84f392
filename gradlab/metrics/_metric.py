"""What a metric says of itself: everything that differs from one to another, with a default for each."""

import inspect
import math
from typing import TYPE_CHECKING, ClassVar, Literal

from gradlab.profiles import Measured
from gradlab.quantities import Quantity, short

if TYPE_CHECKING:
    import xarray

STEPS = ("step", "steps")
RATE = "decades per step of lag"


class Metric(Quantity):
    """One number per network of a sweep. A subclass has a docstring and `measure`; the rest is as it needs.

    The first line of the docstring is the meaning, a sentence that begins with a noun.
    """

    order: ClassVar[int] = 1000
    """Its place among the metrics; those of one place are in alphabetical order."""
    pooling: ClassVar[Literal["mean", "median"]] = "median"
    """How the seeds of a point are put together."""
    undefined: ClassVar[Literal["unknown", "never", "beyond"]] = "unknown"
    """What a network without a value means: nothing is known; what is looked for does not happen, so that the
    value is more than any number of steps; or it lies beyond T, which is the same, but a comparison takes it
    for T beside a value that is there: rounding may tip which it is."""

    logarithm: ClassVar[bool] = False
    """Whether it is made of logarithms, so that a limit relative to it makes no sense."""

    by_part: ClassVar[bool] = False
    """Whether what falls or has a slope is told of each part of the state, too."""

    needs: ClassVar[str] = ""
    """The column of a further probe that it is read off; there is no such metric in a run without it."""

    column: ClassVar[bool] = True
    """Whether it has a column in tables; else the regime and what stands beside it tell it."""
    title: ClassVar[str] = ""
    """Of the column in a report; the heading if empty."""
    legend: ClassVar[str] = ""
    """What stands below the table; the meaning if empty. Neighbours that share what is before a `|` say it
    once."""
    note: ClassVar[str] = ""
    """What the column of a report shows; the meaning and the pooling if empty."""
    phrase: ClassVar[str] = ""
    """The value in the sentence of a verdict, such as `it halves within {:.3g} steps`; empty for none."""
    absent: ClassVar[str] = ""
    """The phrase for a value beyond T, with `{T}`; empty for none."""
    panel: ClassVar[str | None] = None
    """Its title in the plot of horizons, empty for none; of what is counted in steps, the name if None."""
    caption: ClassVar[str] = ""
    """What that plot shows of it, in the sentence below; the meaning if empty."""
    decades: ClassVar[float | None] = None
    """How far the transport has fallen there, for the law of linear networks; None for other things."""
    bigger_is_better: ClassVar[bool] = False
    """Whether a tool that draws the history of numbers may say that less is worse."""

    @property
    def name(self) -> str:
        """That of its file."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def meaning(self) -> str:
        """In one sentence, without its full stop."""
        return (inspect.getdoc(type(self)) or "").strip().split("\n")[0].rstrip(".") or self.words

    def measure(self, norms: "xarray.Dataset") -> Measured:
        """Arrays (cell, init, w_rec, T, seed) of the whole state, from a dataset as `norms.nc` holds it."""
        raise NotImplementedError

    def of_part(self, norms: "xarray.Dataset", part: str) -> Measured | None:
        """The same of one part of the state; None where it is not given for that."""
        return self.measure(norms) if part == "state" else None

    def shown(self, value: float, T: int) -> str:
        """A value that seeds come to in that table, or what stands where there is none."""
        if not math.isnan(value):
            return self.text(value)
        return f">{short(T, 4)}" if self.undefined == "beyond" else "-"

    @property
    def bounded(self) -> bool:
        """Whether it is counted in steps, or in decades per step: the sequence then bounds it."""
        return self.unit in (*STEPS, RATE)

    @property
    def panel_title(self) -> str:
        """In the plot of horizons; empty for none."""
        own = self.words if self.unit in STEPS and self.column else ""
        return own if self.panel is None else self.panel


class Unknown(Metric):
    """A metric that is not installed here, of which a run holds the values."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        """As the run has it."""
        return self._name

    @property
    def meaning(self) -> str:
        """Not known."""
        return self.words
