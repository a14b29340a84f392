"""Settings of a measurement of one given network on windows of a series."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from gradlab import specs
from gradlab.errors import GradlabError, shown
from gradlab.specs import Setting
from gradlab.studies.sweep.settings import Objective, spelled

PYTHON = "from Python"
"""In the place of a model: it was measured in Python, and no command does that again."""


@dataclass(frozen=True)
class Measure:
    """A network, a series, and how the one is measured on windows of the other."""

    study: ClassVar[str] = "measure"

    model: Annotated[
        str,
        Setting(
            "A file of weights (.safetensors, .npz, .pt), or package.module:name, called for a network.",
            path=True,
        ),
    ]
    data: Annotated[
        str,
        Setting(
            "The series: .csv, .npy, .npz, .parquet (a row per step) or .txt (one-hot characters).", path=True
        ),
    ] = ""
    columns: Annotated[str, Setting("Its inputs, by name or number, such as a,b; all if left out.")] = ""
    target: Annotated[
        str,
        Setting("A column that the loss compares the network's output with; needs a --head or a readout."),
    ] = ""
    head: Annotated[str, Setting("The linear layer above, by its name among the weights, such as fc.")] = ""
    arch: Annotated[str, Setting("Of a file of weights: rnn, lstm or gru.")] = ""
    activation: Annotated[str, Setting("Of an rnn: tanh or relu.")] = ""
    alphabet: Annotated[
        str,
        Setting("Of a text: a file of its symbols in the network's order; sorted if left out.", path=True),
    ] = ""
    scale: Annotated[
        Literal["none", "standard"],
        Setting("none, or standard: each column to mean 0 and deviation 1 over the series."),
    ] = "none"
    T: Annotated[int, Setting("Steps of a window.", flag="-T --T", least=1)] = 100
    windows: Annotated[int, Setting("Windows, drawn by --seed.", least=1, most=10**4)] = 5
    seed: Annotated[int, Setting("Base seed, of windows and random targets.", least=0, most=2**63 - 1)] = 0
    objective: Annotated[
        Objective, Setting("unit (a random cotangent at step T), last or every (a loss).")
    ] = "unit"
    probe: Annotated[
        tuple[str, ...],
        Setting("Measure this as well; may be given again.", members="probes", empty=True, member=spelled),
    ] = ()

    def __post_init__(self) -> None:
        specs.check(self)
        if not self.data:
            raise GradlabError("--data", "is missing; name a .csv, .npy, .npz, .parquet or .txt file")
        if self.alphabet and not self.data.lower().endswith(".txt"):
            raise GradlabError("--alphabet", f"goes with a text; {shown(self.data)} is none: leave it out")
        if self.target and self.data.lower().endswith(".txt"):
            raise GradlabError("--target", "names a column, and a text has none; leave it out")
        if self.target and self.objective == "unit":
            object.__setattr__(self, "objective", "last")

    @property
    def work(self) -> float:
        """Multiplications are not known before the network is; a given one is measured on the processor."""
        return 0.0
