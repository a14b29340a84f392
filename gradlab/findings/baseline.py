"""The baseline file: what a run's numbers were, kept in a repository, and what has changed since.

JSON with one line per number, made to be read in a code review: values by seed to nine digits (to all where
less than that may change, as in float64), or the state that says why there is none; the digests of the
weights; the limits, which may be edited.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_type_hints

from pydantic import BeforeValidator, Field

from gradlab import escaping, schemas
from gradlab.errors import GradlabError, shown
from gradlab.findings import compare as comparing
from gradlab.findings.finding import Finding
from gradlab.findings.numbers import GIVEN_BY, MACHINE, SAME, BySeed, Key, Numbers, side
from gradlab.findings.tolerance import Change, Limit, limits
from gradlab.metrics import every
from gradlab.runs import documents, files, settings_forms, strict
from gradlab.runs.files import replace, storage
from gradlab.states import STATES

if TYPE_CHECKING:
    from gradlab.studies.sweep.results import Run

SCHEMA = schemas.newest("baseline")
LARGEST = 256 * 10**6
"""Bytes of a baseline file; a longer one is refused unread."""
LOGARITHMS = ("adjoint", "transport", "weight_gradient", "gradient")
"""Of the norms; metrics say it themselves."""
_SETTINGS = (*GIVEN_BY, *SAME)


class Baseline(NamedTuple):
    """One side of a comparison, and how far the other may be from it."""

    side: Numbers
    limits: tuple[Limit, ...]


def compare(run: "Run", baseline: Baseline) -> list[Finding]:
    """What the run says of every number of the baseline: one finding each; new numbers are notes.

    Where weights are equal, seed by seed; otherwise by intervals over seeds that together miss with 1 % at
    most. With nothing to compare the answer is one inconclusive finding.
    """
    return [change.finding for change in changes(run, baseline)]


def changes(run: "Run", baseline: Baseline) -> list[Change]:
    """As `compare`, with the numbers behind each finding."""
    return comparing.changes(baseline.side, side(run), baseline.limits)


def create(run: "Run", given: Sequence[Limit] | None = None, *, force: bool = False) -> Baseline:
    """The baseline of a run, with the limits `given`, or else those of `tolerance.limits`.

    Raises:
      GradlabError: for a run with failures (unless `force`), and for one without numbers.
    """
    status, failed = run.about.get("status"), run.about.get("failed", 0)
    if (failed or status != "complete") and not force:
        points = run.about.get("points", "?")
        what = f"is {shown(status)}: {failed} of {points} points failed; mend them, or say --force"
        raise GradlabError("RUN", what)
    now = side(run)
    if not any(series.numbers for series in now.series.values()):
        raise GradlabError("RUN", "holds no number; a baseline of nothing would pass everything")
    known = limits(now.series) if given is None else tuple(given)
    settings = {name: now.settings[name] for name in _SETTINGS if name in now.settings}
    told = {name: now.versions.get(name) for name in ("gradlab", *MACHINE)}
    # A run that comes from elsewhere may say anything of itself.
    versions = {name: words for name, words in told.items() if isinstance(words, str)}
    return Baseline(Numbers(settings, versions, now.weights, _rounded(now.series), now.marks), known)


def _rounded(series: dict[Key, BySeed]) -> dict[Key, BySeed]:
    def short(value: float | str, within: float) -> float | str:
        if isinstance(value, str):
            return value
        nine = float(f"{value:.9g}")
        return nine if within == 0 or abs(nine - value) <= within / 10 else value

    return {
        key: some._replace(
            values={seed: short(value, some.within) for seed, value in some.values.items()},
            within=float(f"{some.within:.2g}"),
        )
        for key, some in series.items()
    }


def text(baseline: Baseline) -> str:
    """The file of a baseline; equal baselines give equal text."""
    held, limits = baseline
    head = {
        "schema": SCHEMA,
        "settings": held.settings,
        "versions": held.versions,
        "weights": held.weights,
        "marks": {
            cell: {name: {leaf: list(pair) for leaf, pair in marks.items()} for name, marks in each.items()}
            for cell, each in held.marks.items()
        },
        "limits": [
            {"metric": m, "absolute": a, "relative": r} | ({"where": dict(where)} if where else {})
            for m, a, r, where in limits
        ],
    }
    blocks = []
    for name, value in head.items():
        written = escaping.document(value, 1, sort_keys=True)
        blocks.append(f' "{name}": {written}'.replace("\n", "\n "))
    lines = []
    for key, series in held.series.items():
        values = {str(seed): value for seed, value in series.values.items()}
        point = {name: at for name, at in key._asdict().items() if at is not None}
        facts = {"chaotic": series.chaotic, "within": series.within}
        row = point | {name: fact for name, fact in facts.items() if fact} | {"values": values}
        lines.append("  " + escaping.document(row))
    return "{\n" + ",\n".join(blocks) + ',\n "numbers": [\n' + ",\n".join(lines) + "\n ]\n}\n"


def write(path: Path, baseline: Baseline) -> None:
    """Write a baseline, whole or not at all; raises `GradlabError` with exit 5 if the disk refuses."""
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, text(baseline).encode())


def read(path: Path) -> Baseline:
    """Read a baseline; every fault in it becomes one `GradlabError` that names its place."""
    raw = _parsed(path)
    number = str(raw.get("schema", "")).removeprefix("gradlab.baseline/") if isinstance(raw, dict) else ""
    if number.isdecimal() and int(number[:9]) > 1:
        what = (
            f"gradlab.baseline/{number[:9]} is newer than {SCHEMA}, which this gradlab reads; upgrade gradlab"
        )
        raise GradlabError(f"{path}:schema", what)
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        what = f"is not a baseline ({SCHEMA}); make one with `gradlab baseline create RUN -o {path}`"
        raise GradlabError(str(path), what)
    given, faults = strict.read(_File, {key: raw[key] for key in raw if key != "schema"}, "")
    if faults:
        raise strict.refusal(str(path), faults)
    series: dict[Key, BySeed] = {}
    for i, row in enumerate(given["numbers"]):
        key = Key(row.metric, row.cell, row.init, row.w_rec, row.T, row.part, row.lag, row.leaf)
        if key in series:
            raise GradlabError(f"{path}:numbers[{i}]", f"{shown(str(key), 200)} is there twice; keep one")
        values = {int(seed): value for seed, value in row.values.items()}
        series[key] = BySeed(values, row.chaotic, row.within)
    held = tuple(Limit(m.metric, m.absolute, m.relative, m.where) for m in given["limits"])
    settings, versions = [given[name].model_dump(exclude_unset=True) for name in ("settings", "versions")]
    marks = {
        cell: {
            name: {leaf: (norm, along) for leaf, (norm, along) in one.items()} for name, one in each.items()
        }
        for cell, each in given["marks"].items()
    }
    return Baseline(Numbers(settings, versions, given["weights"], series, marks), held)


def _parsed(path: Path) -> Any:
    """The JSON of a file, with errors in our form."""
    try:
        return documents.parsed(files.named(path, LARGEST))
    except FileNotFoundError as error:
        what = f"no such file; make one with `gradlab baseline create RUN -o {path}`"
        raise GradlabError(str(path), what) from error
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}; name another file"
        raise GradlabError(str(path), what) from error
    except ValueError as error:
        raise GradlabError(str(path), str(error)) from error


def _values(raw: Any) -> dict[str, float | str]:
    """Numbers or states by seed."""
    if not isinstance(raw, dict) or not raw:
        raise strict.fault(f"{shown(raw)} must be a table of a value for each seed")
    for seed, value in raw.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not seed.isdecimal() or len(seed) > 19:
            raise strict.fault(f"{shown(seed)} is not a seed")
        if not number and value not in STATES[1:]:
            raise strict.fault(f"{shown(value)} is neither a number nor one of {', '.join(STATES[1:])}")
    return {seed: value if isinstance(value, str) else float(value) for seed, value in raw.items()}


def _limit(raw: Any) -> Any:
    logarithms = (*LOGARITHMS, *(one.name for one in every() if one.logarithm))
    if isinstance(raw, dict) and str(raw.get("metric")).startswith(logarithms) and raw.get("relative"):
        what = f"{shown(raw['metric'])} is a logarithm; give its limit as absolute, without relative"
        raise strict.fault(what)
    return raw


class _Limit(strict.Strict):
    metric: strict.Line
    absolute: float = Field(0.0, ge=0, allow_inf_nan=False)
    relative: float = Field(0.0, ge=0, allow_inf_nan=False)
    where: dict[str, Any] = Field(default_factory=dict)


class _Number(strict.Strict):
    metric: str
    cell: str
    init: str
    w_rec: float = Field(allow_inf_nan=False)
    T: int
    part: str
    lag: int | None = Field(None, ge=0)
    leaf: str | None = None
    chaotic: bool = False
    within: float = Field(0.0, ge=0, allow_inf_nan=False)
    values: Annotated[dict[str, Any], BeforeValidator(_values)]


_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Mark = Annotated[list[_Finite], Field(min_length=2, max_length=2)]


_Settings = strict.model(
    "settings",
    {
        name: (hint, None)
        for kind in (settings_forms.Measure, settings_forms.Sweep)
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if name in _SETTINGS
    },
)
_Versions = strict.model("versions", dict.fromkeys(("gradlab", *MACHINE), (str, None)))


class _File(strict.Strict):
    settings: _Settings  # type: ignore[valid-type]
    versions: _Versions  # type: ignore[valid-type]
    weights: dict[str, dict[str, str]]
    marks: dict[str, dict[str, dict[str, _Mark]]] = Field(default_factory=dict)
    limits: list[Annotated[_Limit, BeforeValidator(_limit)]]
    numbers: list[_Number]


def moved(old: Baseline, new: Baseline) -> Iterator[str]:
    """What an update would change, a line each: where, old -> new, and what comes or goes."""
    for found, mode, before, after, _ in comparing.changes(old.side, new.side, old.limits, same=()):
        if found.status == "inconclusive" and mode is None:
            yield f"all      {found.sentence}"
        elif found.metric == "weights":
            yield f"weights  {found.sentence}"
        elif mode is None:
            new_one = found.status == "note"
            yield f"{'new' if new_one else 'gone':<8} {found.id}  {_mean(after if new_one else before)}"
        elif found.status == "failed" or (before != after and not (math.isnan(before) and math.isnan(after))):
            yield f"changed  {found.id}  {_mean(before)} -> {_mean(after)}"


def _mean(value: float) -> str:
    return "no number" if math.isnan(value) else f"{value:.6g}"
