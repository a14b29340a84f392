"""Settings of a sweep."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from gradlab import ranges, registry, specs
from gradlab.errors import GradlabError, shown
from gradlab.specs import Setting

if TYPE_CHECKING:
    from gradlab.series.inputs import Inputs

Precision = Literal["float32", "float64"]
Objective = Literal["unit", "last", "every"]
Scale = Literal["none", "standard"]
ALWAYS = ("adjoint", "transport", "state_shift")
"""Probes of every sweep."""


def spelled(text: str) -> str:
    """One probe, `name` or `name(setting=value, ...)`, in its canonical spelling.

    >>> spelled("lyapunov( top = 10 )")
    'lyapunov(top=10)'
    """
    label = registry.label("probes", text)
    check = getattr(registry.home("probes", label.partition("(")[0]), "check", None)
    if check is not None:
        try:
            check(**registry.make("probes", label).keywords)
        except ValueError as error:
            raise GradlabError("--probe", f"{shown(text)} is not possible; {error}") from error
    return label


@dataclass(frozen=True)
class Sweep:
    """A grid of networks and how each is measured; what `run.json` stores as settings."""

    study: ClassVar[str] = "sweep"

    cell: Annotated[
        tuple[str, ...],
        Setting("Cells, such as lstm or 'elman(activation=relu)'.", members="cells", unlike=True),
    ] = ("elman(activation=identity)", "elman", "lstm", "gru")
    init: Annotated[
        tuple[str, ...], Setting("Recurrent initialisers.", members="initializers", unlike=True)
    ] = ("orthogonal",)
    w_rec: Annotated[
        tuple[float, ...],
        Setting("Recurrent gains: a list, or START:STOP:COUNT with both ends.", unlike=True),
    ] = ranges.floats("--w-rec", "0.5:1.5:21")
    T: Annotated[
        tuple[int, ...],
        Setting("Sequence lengths: a list, or START:STOP:COUNT.", flag="-T --T", least=1, unlike=True),
    ] = (25, 50, 100, 200)
    hidden: Annotated[int, Setting("Hidden units N.", flag="--hidden -N", least=1)] = 64
    inputs: Annotated[int, Setting("Input dimension D.", flag="--inputs -D", least=1)] = 1
    input_std: Annotated[float, Setting("Standard deviation of the white-noise input.", least=0)] = 0.1
    batch: Annotated[int, Setting("Input sequences per network; their logarithms are averaged.", least=1)] = 1
    seeds: Annotated[int, Setting("Networks drawn for each point.", least=1)] = 5
    seed: Annotated[int, Setting("Base seed.", least=0, most=2**63 - 1)] = 0
    precision: Annotated[Precision, Setting("float32 or float64.")] = "float32"
    objective: Annotated[
        Objective, Setting("unit (a random cotangent at step T), last or every (a loss).")
    ] = "unit"
    probe: Annotated[
        tuple[str, ...],
        Setting("Measure this as well; may be given again.", members="probes", empty=True, member=spelled),
    ] = ()
    """Measured beside adjoint, transport and state_shift."""
    data: Annotated[
        str, Setting("Inputs from a file: .csv, .npy, .npz, .parquet (a row per step) or .txt.", path=True)
    ] = ""
    columns: Annotated[str, Setting("Its inputs, by name or number, such as a,b; all if left out.")] = ""
    scale: Annotated[
        Scale, Setting("none, or standard: each column to mean 0 and deviation 1 over the file.")
    ] = "none"
    inputs_digest: str = field(default="", init=False)
    """Of the numbers in those columns, and of how they are scaled; empty for white noise."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "probe", tuple(spec for spec in self.probe if spec not in ALWAYS))
        specs.check(self)
        probes = [spec.partition("(")[0] for spec in self.probe]
        for name in probes:
            if probes.count(name) > 1:
                raise GradlabError("--probe", f"{shown(name)} is given twice; name each value once")
        if self.data:
            # A command that asks for no series, or for help, is spared numpy.
            from gradlab.series import inputs

            self._take(inputs.read(Path(self.data), self.columns, self.scale))
        for option, value in (("--columns", self.columns), ("--scale", self.scale)):
            if not self.data and value not in ("", "none"):
                raise GradlabError(option, "goes with --data; without a file inputs are white noise")

    def _take(self, found: "Inputs") -> None:
        """D, and the deviation, which here are facts of the inputs, and what tells them from others."""
        default = type(self)
        for option, name, fact, of in (
            ("--inputs", "inputs", len(found.names), "columns"),
            ("--input-std", "input_std", found.deviation, "standard deviation"),
        ):
            given = getattr(self, name)
            if given != getattr(default, name) and not math.isclose(given, fact):
                what = f"{given:g} is not what {self.data} gives: {of} {fact:g}; leave it out"
                raise GradlabError(option, what)
            object.__setattr__(self, name, fact)
        object.__setattr__(self, "inputs_digest", found.digest)

    @property
    def series(self) -> "Inputs":
        """The inputs in the file.

        Raises:
          GradlabError: if it holds other ones by now.
        """
        from gradlab.series import inputs

        found = inputs.read(Path(self.data), self.columns, self.scale)
        if found.digest != self.inputs_digest:
            raise GradlabError(self.data, "has changed since it was read first; run the command again")
        return found

    @property
    def without(self) -> tuple[str, ...]:
        """The settings that say nothing here; a run of white noise does not store them."""
        return () if self.data else ("data", "columns", "scale", "inputs_digest")

    @property
    def networks(self) -> int:
        """Networks of one cell and one T: side by side in its program."""
        return len(self.init) * len(self.w_rec) * self.seeds

    @property
    def work(self) -> float:
        """Multiplications, about: those of the transport of a network with one product a step."""
        return float(len(self.cell) * self.networks * sum(self.T) * self.batch) * self.hidden**3

    @property
    def points(self) -> int:
        """Cells x initialisers x w_rec x T x seeds."""
        return len(self.cell) * self.networks * len(self.T)
