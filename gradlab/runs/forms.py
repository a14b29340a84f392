"""What `run.json` may say, field by field: the models that every run satisfies."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from gradlab.errors import shown
from gradlab.runs import strict
from gradlab.runs.settings_forms import (
    AnyPrecision,
    Finite,
    Labels,
    Measure,
    Neurons,
    Seed,
    Sweep,
    Training,
    unlike,
)

PARTS = 1000
"""Of a cell's state, gates, or places on a further axis that no setting fixes."""


def _once_each(symbols: str) -> str:
    unlike(list(symbols))
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
    leaves: Annotated[list[Name], Field(min_length=1, max_length=PARTS), AfterValidator(unlike)]
    gates: Annotated[list[Name], Field(max_length=PARTS), AfterValidator(unlike)]
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
    precision: AnyPrecision
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
