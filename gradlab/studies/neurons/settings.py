"""Settings of a reading: what is trained on which text, and what its units are scored on."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from gradlab import specs
from gradlab.errors import GradlabError, shown
from gradlab.specs import Setting

MOST_SHOWN = 100_000
"""Characters that a viewer shows."""
GIVEN = ("weights", "arch", "activation", "head", "alphabet")
"""Settings of a network that was trained elsewhere."""
TRAINING = ("cell", "hidden", "minutes", "updates", "T", "batch", "lr")
"""Settings of one that is trained here."""
LABELS = 20
"""Of the user's own, at most."""


@dataclass(frozen=True)
class Neurons:
    """What is read and how; what `run.json` stores as settings."""

    study: ClassVar[str] = "neurons"

    text: Annotated[
        str, Setting("A file or a folder of UTF-8 text; --corpus if left out.", flag="TEXT", path=True)
    ] = ""
    corpus: Annotated[
        Literal["standard", "prose"],
        Setting("Without TEXT: standard (sources of Python's library) or prose (a novel)."),
    ] = "standard"
    cell: Annotated[
        tuple[str, ...],
        Setting("Cells, trained at equal parameters and budget.", members="cells", unlike=True),
    ] = ("lstm",)
    hidden: Annotated[
        int, Setting("Units of the cell with most parameters.", flag="--hidden -N", least=1, most=512)
    ] = 128
    minutes: Annotated[
        float, Setting("Time to train all cells; a short timing makes it a count of updates.", positive=True)
    ] = 5.0
    updates: Annotated[
        int, Setting("Updates of each cell, in place of --minutes; 0 asks --minutes.", least=0)
    ] = 0
    T: Annotated[
        int, Setting("Steps that the gradient goes back; the state goes on.", flag="-T --T", least=2)
    ] = 128
    batch: Annotated[int, Setting("Places of the text read side by side.", least=2, most=1024)] = 32
    lr: Annotated[
        tuple[float, ...],
        Setting("Learning rates to choose from, by bits on text kept for that.", positive=True, unlike=True),
    ] = (0.02, 0.01)
    init: Annotated[str, Setting("Initialiser.", members="initializers")] = "orthogonal"
    label: Annotated[
        tuple[str, ...],
        Setting("A label of one's own, NAME=REGEX; may be given again.", each=True, empty=True, unlike=True),
    ] = ()
    scored: Annotated[
        int, Setting("Held-out characters that units are scored on.", least=2000, most=10**6)
    ] = 50_000
    shown: Annotated[int, Setting("Of these, kept for a viewer.", least=200, most=MOST_SHOWN)] = 20_000
    seed: Annotated[int, Setting("Base seed.", least=0, most=2**63 - 1)] = 0
    weights: Annotated[
        str,
        Setting("A character model trained elsewhere (.safetensors, .npz, .pt), read as it is.", path=True),
    ] = ""
    arch: Annotated[str, Setting("Of --weights: rnn, lstm or gru.")] = ""
    activation: Annotated[str, Setting("Of an rnn: tanh or relu.")] = ""
    head: Annotated[str, Setting("The linear layer above, by its name among the weights, such as fc.")] = ""
    alphabet: Annotated[
        str,
        Setting(
            "Of --weights: a file of its symbols in the network's order; what the weights say if left out.",
            path=True,
        ),
    ] = ""

    @property
    def without(self) -> tuple[str, ...]:
        """What is not stored, since it does not go for this reading."""
        return TRAINING if self.weights else GIVEN

    @property
    def work(self) -> float:
        """Multiplications, about; none, since minutes are turned into updates where they are computed."""
        return 0.0

    def __post_init__(self) -> None:
        specs.check(self)
        self._require_alone()
        if self.batch % 2:
            raise GradlabError("--batch", f"{self.batch} is odd; the batch is worked on in two halves")
        if self.text and self.corpus != "standard":
            raise GradlabError("--corpus", f"{self.corpus} and a TEXT exclude each other; give one")
        self._require_labels()

    def _require_alone(self) -> None:
        """Refuse settings of a training beside weights, and of weights without them."""
        described = specs.described(Neurons)
        for name in TRAINING if self.weights else GIVEN:
            if getattr(self, name) != getattr(Neurons, name):
                what = (
                    "is of a training, and --weights FILE is trained"
                    if self.weights
                    else "goes with --weights FILE"
                )
                raise GradlabError(specs.flag(name, described[name][1]), f"{what}; leave it out")

    def _require_labels(self) -> None:
        if len(self.label) > LABELS:
            raise GradlabError("--label", f"{len(self.label)} are given; at most {LABELS}")
        for one in self.label:
            name, equals, pattern = one.partition("=")
            if not (equals and name.strip() and pattern) or not name.isprintable() or len(name) > 40:
                what = "write NAME=REGEX, the name of at most 40 characters"
                raise GradlabError("--label", f"{shown(one)} is no label; {what}")
