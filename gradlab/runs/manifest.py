"""`run.json`, as it must be before anything believes it: the models that every run satisfies."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from gradlab import __version__
from gradlab.errors import GradlabError, shown
from gradlab.runs import documents, files, former, strict
from gradlab.runs.former import SCHEMA

LARGEST = 64 * 10**6
"""Bytes of a `run.json` or `begun.json`."""
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


class Neurons(strict.Strict):
    """The settings of a reading, those of `neurons.settings.Neurons`."""

    command: Literal["neurons"]
    text: str
    text_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    corpus: Literal["standard", "prose"]
    cell: Labels
    hidden: Count
    minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    updates: Seed
    T: Count
    batch: Count
    lr: Annotated[list[Annotated[float, Field(gt=0, allow_inf_nan=False)]], Field(min_length=1)]
    init: strict.Line
    label: list[strict.Line]
    scored: Count
    shown: Count
    seed: Seed


class _Run(strict.Strict):
    """What is written once a run is over; what a later version may have added is left alone."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, protected_namespaces=())

    status: Literal["complete", "partial"]
    points: Seed
    failed: Seed
    versions: dict[str, str | int | float | bool]
    git: dict[str, str | bool] = Field(default_factory=dict)
    files: dict[str, Annotated[str, BeforeValidator(_digest)]]
    code: dict[str, dict[str, str]] = Field(default_factory=dict)
    question: str = ""
    figures: list[str] = Field(default_factory=list)
    claims: list[dict[str, Any]] = Field(default_factory=list)


class _Swept(_Run):
    command: Literal["sweep"] = "sweep"
    settings: Sweep
    weights: dict[strict.Line, Annotated[dict[str, str], BeforeValidator(_drawn)]] = Field(
        default_factory=dict
    )
    bound: str = ""
    starts: dict[str, dict[str, str]] = Field(default_factory=dict)
    metrics: list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]] = Field(
        default_factory=list
    )
    """Those that do not come with gradlab."""


class _Trained(_Run):
    command: Literal["remedies"]
    settings: Training
    solved: Finite
    chance: Annotated[dict[str, Finite], BeforeValidator(_lengths)] = Field(default_factory=dict)


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
    lr: Finite
    tried: list[_Tried]
    bits: Finite
    untrained_bits: Finite
    validation_bits: Finite
    reach: Finite | None
    lags: Few
    unread: dict[Name, Share]


class _File(strict.Strict):
    name: strict.Line
    start: Seed


class _Shown(strict.Strict):
    characters: Few
    scored: Few
    files: Annotated[list[_File], Field(min_length=1)]


class _ReadText(_Run):
    command: Literal["neurons"]
    settings: Neurons
    vocabulary: Annotated[str, Field(min_length=2, max_length=1000), AfterValidator(_once_each)]
    kind: Literal["python", "text"]
    source: strict.Line
    plan: dict[Name, Seed]
    shown: _Shown
    anchor: Few
    labels: Annotated[list[_Label], Field(min_length=1, max_length=PARTS)]
    cells: Annotated[list[_CellRead], Field(min_length=1, max_length=PARTS)]


def of_code(about: dict[str, Any]) -> list[str]:
    """What a run cannot say of the code that made it, in sentences."""
    code = about.get("code")
    if not isinstance(code, dict) or not code:
        return [
            "Measured before digests of the code were kept: "
            "whether gradlab or a cell has changed since, the run cannot say."
        ]
    unseen = [(what, parts["unseen"]) for what, parts in code.items() if "unseen" in parts]
    return [f"{what}: {parts}; whether these change, no digest sees." for what, parts in unseen]


def read(folder: Path) -> dict[str, Any]:
    """The `run.json` of a folder.

    Raises `GradlabError` if there is none, if it is of another schema, or if it says what no run can say.
    """
    place = folder / "run.json"
    if not folder.exists():
        raise GradlabError(str(folder), "no such folder; name one that `gradlab` has written")
    try:
        raw = documents.parsed(files.inside(folder, "run.json", LARGEST))
    except FileNotFoundError as error:
        what = "holds no run.json, so no finished run; repeat the command that began it"
        raise GradlabError(str(folder), what) from error
    except ValueError as error:
        raise GradlabError(str(place), str(error)) from error
    except OSError as error:
        raise files.unreadable(place, error) from error
    return _checked(place, raw)


def _checked(place: Path, raw: Any) -> dict[str, Any]:
    schema = raw.get("schema") if isinstance(raw, dict) else None
    number, newest = former.version(schema), former.version(SCHEMA) or 0
    if number is not None and number > newest:
        what = f"{schema} is newer than {SCHEMA}, which this gradlab reads; upgrade gradlab"
        raise GradlabError(f"{place}:schema", what)
    if not number:
        what = f"{shown(schema)} is not {SCHEMA}; name a folder that gradlab has written"
        raise GradlabError(f"{place}:schema", what)
    kinds: dict[str, type[_Run]] = {"sweep": _Swept, "remedies": _Trained, "neurons": _ReadText}
    kind = kinds.get(str(raw.get("command", "sweep")))
    if kind is None:
        what = f"{shown(raw['command'])} is no command that makes runs: sweep, remedies or neurons"
        raise GradlabError(f"{place}:command", what)
    raw = _renamed(raw)
    about = {key: value for key, value in raw.items() if key != "schema"}
    _, faults = strict.read(kind, about, "")
    if faults:
        raise strict.refusal(str(place), [faults[0]._replace(what=faults[0].what + _written_by(raw))])
    if raw["failed"] > raw["points"]:
        raise GradlabError(f"{place}:failed", f"{raw['failed']} is more than the {raw['points']} points")
    return dict(raw)


def begun(folder: Path) -> dict[str, Any]:
    """Settings and versions in the `begun.json` of a folder; empty if it says that nothing is known.

    Of other studies than a sweep no settings are read from there, so they may be any.

    Raises `GradlabError` for what is no beginning of a run, `FileNotFoundError` if there is none.
    """
    place = folder / files.BEGUN
    try:
        raw = documents.parsed(files.inside(folder, files.BEGUN, LARGEST))
    except ValueError as error:
        raise GradlabError(str(place), f"{error}; choose another --name or --force") from error
    if raw == {}:
        return {}
    kind: Any = (
        dict[str, Any] if isinstance(raw, dict) and _command(raw) in ("remedies", "neurons") else Sweep
    )
    model = strict.model("begun", {"settings": (kind, ...), "versions": (dict[str, Any], ...)})
    _, faults = strict.read(model, raw, "")
    if faults:
        raise strict.refusal(str(place), faults[:1])
    return _renamed(raw)


def _written_by(raw: dict[str, Any]) -> str:
    """The version that wrote a run, if it is another one, and what to do then."""
    versions = raw.get("versions")
    wrote = versions.get("gradlab") if isinstance(versions, dict) else None
    if not isinstance(wrote, str) or wrote == __version__:
        return ""
    return f"; gradlab {shown(wrote)} wrote it: read it with that version, or run the command again"


def _renamed(raw: dict[str, Any]) -> dict[str, Any]:
    """A document whose settings go by today's names."""
    settings = raw.get("settings")
    if not isinstance(settings, dict) or _command(raw) != "remedies":
        return dict(raw)
    return raw | {"settings": former.current(settings)}


def _command(raw: dict[str, Any]) -> Any:
    settings = raw.get("settings")
    return settings.get("command") if isinstance(settings, dict) else None
