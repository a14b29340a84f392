"""What `run.json` may say, field by field: the models that every run satisfies."""

import re
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from gradlab.errors import shown
from gradlab.runs import strict

LONGEST = 2**31 - 1
"""Steps of a sequence."""
PARTS = 1000
"""Of a cell's state, gates, or places on a further axis that no setting fixes."""


def _unlike(values: list[Any]) -> list[Any]:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise strict.fault(f"{shown(twice[0])} is given twice; name each value once")
    return values


def _once_each(symbols: str) -> str:
    _unlike(list(symbols))
    return symbols


def _digest(text: Any) -> Any:
    if not (isinstance(text, str) and re.fullmatch(r"[0-9a-f]{64}", text)):
        raise strict.fault(f"{shown(text)} is no sha256 digest")
    return text


def _drawn(raw: Any) -> Any:
    """Digests of weights by `init/seed`."""
    for name in raw if isinstance(raw, dict) else ():
        strict.text(name)
        if not re.fullmatch(r".+/\d{1,18}", name, re.ASCII):
            raise strict.fault(f"{shown(name)} is no init/seed")
    return raw


def _lengths(raw: Any) -> Any:
    for name in raw if isinstance(raw, dict) else ():
        if not re.fullmatch(r"[1-9]\d{0,9}", name, re.ASCII):
            raise strict.fault(f"{shown(name)} is not a sequence length")
    return raw


Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**40)]
Length = Annotated[int, Field(ge=1, le=LONGEST)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Labels = Annotated[list[strict.Line], Field(min_length=1), AfterValidator(_unlike)]
Gains = Annotated[list[Finite], Field(min_length=1), AfterValidator(_unlike)]
Lengths = Annotated[list[Length], Field(min_length=1), AfterValidator(_unlike)]
Precision = Literal["float32", "float64"]


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
    probe: Annotated[list[strict.Line], AfterValidator(_unlike)] = Field(default_factory=list)
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
    evaluate_at: Annotated[list[Annotated[int, Field(ge=2, le=1000)]], AfterValidator(_unlike)] = Field(
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
    probe: Annotated[list[strict.Line], AfterValidator(_unlike)]


class _Mixed(strict.Strict):
    """How much of a run one kind of machine has computed."""

    machine: dict[strict.Line, strict.Line]
    groups: Annotated[int, Field(ge=1)]


class Run(strict.Strict):
    """What is written once a run is over; what a later version may have added is left alone."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, protected_namespaces=())

    status: Literal["complete", "partial"]
    points: Seed
    failed: Seed
    versions: dict[str, str | int | float | bool]
    git: dict[str, str | bool] = Field(default_factory=dict)
    files: dict[str, Annotated[str, BeforeValidator(_digest)]]
    code: dict[str, dict[str, str]] = Field(default_factory=dict)
    mixed: list[_Mixed] = Field(default_factory=list)
    """Where machines that differ have computed it."""
    question: str = ""
    figures: list[str] = Field(default_factory=list)
    claims: list[dict[str, Any]] = Field(default_factory=list)


class Swept(Run):
    """A sweep."""

    command: Literal["sweep"] = "sweep"
    settings: Sweep
    weights: dict[strict.Line, Annotated[dict[str, str], BeforeValidator(_drawn)]] = Field(
        default_factory=dict
    )
    bound: str = ""
    starts: dict[str, dict[str, str]] = Field(default_factory=dict)
    said: list[strict.Line] = Field(default_factory=list)
    metrics: list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]] = Field(
        default_factory=list
    )
    """Those that do not come with gradlab."""


class Costs(strict.Strict):
    """What an update of an arm costs, at one T; one fitted in closed form makes none."""

    trained: Seed
    untrained: Seed
    multiply_adds: Seed | None = None


class Trained(Run):
    """A comparison of remedies."""

    command: Literal["remedies"]
    settings: Training
    solved: Finite
    chance: Annotated[dict[str, Finite], BeforeValidator(_lengths)] = Field(default_factory=dict)
    costs: dict[strict.Line, Costs] = Field(default_factory=dict)
    """By arm and T, as `code`; runs that are older have none."""


Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}$")]
Few = Annotated[int, Field(ge=1, le=2**20)]


class _Label(strict.Strict):
    name: strict.Line
    kind: Literal["binary", "number"]
    meaning: str
    inside: strict.Line


class _Tried(strict.Strict):
    lr: Finite
    bits: Finite | None


class _CellRead(strict.Strict):
    cell: strict.Line
    hidden: Few
    parameters: Seed
    leaves: Annotated[list[Name], Field(min_length=1, max_length=PARTS), AfterValidator(_unlike)]
    gates: Annotated[list[Name], Field(max_length=PARTS), AfterValidator(_unlike)]
    memory: Name
    carry: str
    updates: Seed
    broken: Seed
    lr: Finite | None
    tried: list[_Tried]
    bits: Finite
    untrained_bits: Finite
    validation_bits: Finite | None
    reach: Finite | None
    lags: Few
    unread: dict[Name, Share]


class _Plan(strict.Strict):
    updates: Seed
    every: Seed
    rounds: Seed
    tried: Seed
    train: Seed
    validation: Seed
    test: Seed


class _File(strict.Strict):
    name: strict.Line
    start: Seed


class _Shown(strict.Strict):
    characters: Few
    scored: Few
    files: Annotated[list[_File], Field(min_length=1)]


class ReadText(Run):
    """A reading of cells on text."""

    command: Literal["neurons"]
    settings: Neurons
    vocabulary: Annotated[str, Field(min_length=2, max_length=1000), AfterValidator(_once_each)]
    kind: Literal["python", "text"]
    source: strict.Line
    plan: _Plan
    shown: _Shown
    anchor: Few
    labels: Annotated[list[_Label], Field(min_length=1, max_length=PARTS)]
    cells: Annotated[list[_CellRead], Field(min_length=1, max_length=PARTS)]


class Measured(Run):
    """A network of one's own."""

    command: Literal["measure"]
    settings: Measure
    networks: Annotated[Labels, Field(max_length=PARTS)]
    loss: strict.Line
    precision: Precision
    weights: dict[strict.Line, Annotated[dict[str, str], BeforeValidator(_drawn)]] = Field(
        default_factory=dict
    )
    bound: str = ""
    said: list[strict.Line] = Field(default_factory=list)
    metrics: list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]] = Field(
        default_factory=list
    )


KINDS: dict[str, type[Run]] = {"sweep": Swept, "remedies": Trained, "neurons": ReadText, "measure": Measured}
"""The model of a run by the command that made it."""
