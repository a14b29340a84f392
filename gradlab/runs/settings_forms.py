"""What the settings of each kind of run may be in `run.json`, field by field."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from gradlab.errors import shown
from gradlab.runs import strict

LONGEST = 2**31 - 1
"""Steps of a sequence."""


def unlike(values: list[Any]) -> list[Any]:
    """The values, of which none may be given twice."""
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise strict.fault(f"{shown(twice[0])} is given twice; name each value once")
    return values


Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**40)]
Length = Annotated[int, Field(ge=1, le=LONGEST)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Labels = Annotated[list[strict.Line], Field(min_length=1), AfterValidator(unlike)]
Gains = Annotated[list[Finite], Field(min_length=1), AfterValidator(unlike)]
Lengths = Annotated[list[Length], Field(min_length=1), AfterValidator(unlike)]
Precision = Literal["float32", "float64"]
AnyPrecision = Literal["float16", "bfloat16", "float32", "float64"]
"""Of a model as a whole, which computes in its own."""


class Sweep(strict.Strict):
    """The settings of a sweep, those of `experiment.Sweep`."""

    cell: Labels
    init: Labels
    w_rec: Gains
    T: Lengths
    hidden: Count
    inputs: Count
    input_std: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    batch: Count
    seeds: Count
    seed: Seed
    precision: Precision
    objective: Literal["unit", "last", "every"]
    probe: Annotated[list[strict.Line], AfterValidator(unlike)] = Field(default_factory=list)
    data: str = ""
    columns: str = ""
    scale: Literal["none", "standard"] = "none"
    inputs_digest: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""


class Training(strict.Strict):
    """The settings of a comparison of remedies, those of `remedies.settings.Training`."""

    command: Literal["remedies"]
    task: strict.Line
    remedies: Labels
    cell: strict.Line
    init: strict.Line
    T: Lengths
    w_rec: Gains
    hidden: Count
    batch: Count
    updates: Count
    eval_every: Count
    eval_size: Count
    lr: Annotated[list[Annotated[float, Field(gt=0, allow_inf_nan=False)]], Field(min_length=1)]
    tuning: Count
    seeds: Count
    seed: Seed
    optimizer: strict.Line
    precision: Precision
    match: bool
    widen: bool = False
    evaluate_at: Annotated[list[Annotated[int, Field(ge=2, le=1000)]], AfterValidator(unlike)] = Field(
        default_factory=list
    )
    longest: Annotated[int, Field(ge=0, le=LONGEST)] = 0
    target: Annotated[int, Field(ge=0, le=LONGEST)] = 0


class Neurons(strict.Strict):
    """The settings of a reading, those of `neurons.settings.Neurons`."""

    command: Literal["neurons"]
    text: str
    text_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    corpus: Literal["standard", "prose"]
    cell: Labels | None = None
    hidden: Count | None = None
    minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    updates: Seed | None = None
    T: Count | None = None
    batch: Count | None = None
    lr: Annotated[list[Annotated[float, Field(gt=0, allow_inf_nan=False)]], Field(min_length=1)] | None = None
    init: strict.Line
    label: list[strict.Line]
    scored: Count
    shown: Count
    seed: Seed
    weights: strict.Line | None = None
    weights_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    arch: Literal["rnn", "lstm", "gru"] | None = None
    activation: str | None = None
    head: str | None = None
    alphabet: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "Neurons":
        """Of a network that is trained all is told, and of one from a file nothing of a training."""
        training = (self.cell, self.hidden, self.minutes, self.updates, self.T, self.batch, self.lr)
        given = (self.weights, self.weights_digest, self.arch, self.activation, self.head, self.alphabet)
        is_given = self.weights is not None
        if any((one is None) != is_given for one in training) or any(
            (one is None) == is_given for one in given
        ):
            raise ValueError("needs the settings of a training, or those of weights, and not both")
        return self


class Measure(strict.Strict):
    """The settings of a network of one's own, those of `measure.settings.Measure`."""

    command: Literal["measure"]
    model: strict.Line
    model_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    data: str
    data_digest: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]
    columns: str
    target: str
    head: str
    arch: str
    activation: str
    alphabet: str = ""
    scale: Literal["none", "standard"]
    T: Length
    windows: Count
    seed: Seed
    objective: Literal["unit", "last", "every"]
    probe: Annotated[list[strict.Line], AfterValidator(unlike)]
