"""Settings files: one question a file, what to sweep or train for it, what to draw and what is claimed.

A file is TOML, or the `run.json` of a run, which asks the same again. It is data: its members come from the
registry, and every fault is reported at once, with its path.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AliasChoices, Field

from gradlab import probes, registry, specs, spelled
from gradlab.errors import GradlabError, shown
from gradlab.experiments import faulty, received
from gradlab.experiments.toml import parsed
from gradlab.findings import claims
from gradlab.findings.claims import Claim
from gradlab.runs import former, store, strict
from gradlab.runs.strict import Fault, fault
from gradlab.studies import base
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.settings import Sweep

Size = Literal["full", "ci"]
FOLDER = Path(__file__).parent
"""Of the experiments that come with gradlab."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A question, how it is asked of networks, and what is claimed of the answer."""

    name: str
    question: str
    asked: Sweep | Training
    figures: tuple[str, ...]
    claims: tuple[Claim, ...]
    left_out: int
    """Claims that are made at another size only."""

    def facts(self) -> dict[str, Any]:
        """What `run.json` says beside the settings."""
        stored = [claim.stored() for claim in self.claims]
        return {"question": self.question, "figures": list(self.figures), "claims": stored}


def load(path: Path, size: Size = "full") -> Experiment:
    """The question of a file, at one of its sizes.

    Raises `GradlabError` with every fault of the file: of this size, and of the other if there is one.
    """
    raw = parsed(path)
    if path.suffix == ".json" and not any(command in raw for command in KINDS):
        asked = shown(str(next(key for key in reversed(raw))))
        what = f"is of the command {asked}, which no settings file asks for; `gradlab report` says it whole"
        raise GradlabError(str(path), what)
    found, faults = _read(raw, size, path.parent)
    if isinstance(raw.get("ci"), dict):
        faults += [
            one for one in _read(raw, "full" if size == "ci" else "ci", path.parent)[1] if one not in faults
        ]
    elif size == "ci" and not faults:
        faults = [Fault("ci", "is missing: the file has no smaller size; leave --size out")]
    if faults or found is None:
        raise strict.refusal(str(path), faults)
    stem = path.parent.name if path.name == "run.json" else path.stem
    return dataclasses.replace(found, name=stem if size == "full" else f"{stem}-{size}")


def share(place: Path, settings: dict[str, Any], own: Sequence[str]) -> Any:
    """The settings in the `begun.json` of a share, of whatever study.

    It is a stranger's: it may name the code and the files that `own` lists, and no others. Raises
    `GradlabError` for those, for what no settings are, and for files that have changed since.
    """
    command = str(settings.get("command", "sweep"))
    if command not in base.names():
        raise GradlabError(
            str(place), f"is of {shown(command)}; this gradlab knows {', '.join(base.names())}"
        )
    study = base.named(command)
    kind = base.settings(command)
    given = {name: value for name, value in settings.items() if name in specs.described(kind)}
    try:
        asked = specs.made(kind, received.allowing(place.parent, own), given)
        changes = store.differences(settings, study.stored(asked))
    except GradlabError as error:
        where = f"{place}:{error.where}" if error.where.isidentifier() else error.where or str(place)
        raise GradlabError(where, error.what, error.code) from error
    if changes:
        raise GradlabError(
            str(place), f"is of other files or settings: {changes}; put back what it was made of"
        )
    return asked


def packaged() -> list[str]:
    """The experiments that come with gradlab."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(text: str) -> Path:
    """The file of an experiment: one that comes with gradlab, by its name, or a file by its path.

    Raises `GradlabError` for a name that no experiment has.
    """
    if text in packaged():
        return FOLDER / f"{text}.toml"
    path = Path(text)
    if path.suffix or path.name != text or path.exists():
        return path
    raise spelled.unknown("EXPERIMENT", "experiment", text, packaged())


def listing(folder: Path) -> list[tuple[str, str]]:
    """The files of a folder and the question of each; what is wrong with it, where it has none."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        try:
            question = str(parsed(path).get("question", ""))
        except GradlabError as error:
            question = f"cannot be read: {error.what}"
        found.append((path.stem, question if question.isprintable() else shown(question)))
    return found


def _read(raw: dict[str, Any], size: Size, folder: Path) -> tuple[Experiment | None, list[Fault]]:
    given, faults = strict.read(_file(folder), raw, "")
    there = [key for key in KINDS if key in raw]
    if len(there) != 1:
        return None, [*faults, Fault("", f"needs either [sweep] or [remedies], has {len(there)} of them")]
    command = there[0]
    values: dict[str, Any] = {}
    for at in (command, "ci"):
        if isinstance(raw.get(at), dict):
            some, more = strict.read(_table(command, folder, whole=at == command), raw[at], at)
            faults += more
            values |= some if at == command or size == "ci" else {}
    if faults:
        return None, faults
    asked, faults = _asked(command, values, raw, size)
    if asked is None:
        return None, faults
    made: list[Claim] = []
    sizes = [claim.get("size", size) if isinstance(claim, dict) else size for claim in raw.get("claims", [])]
    for i, claim in enumerate(raw.get("claims", [])):
        if sizes[i] == "ci" and "ci" not in raw:
            faults.append(Fault(f"claims[{i}].size", "is ci, and the file has no [ci]"))
        elif sizes[i] not in get_args(Size) or sizes[i] == size:
            one, more = claims.read(
                claim, f"claims[{i}]", command, grid(asked), _name(asked, folder), probed(asked)
            )
            faults += more
            made += [one] if one else []
    left_out = sum(one in get_args(Size) and one != size for one in sizes)
    question = str(given["question"])
    return Experiment("", question, asked, given.get("figures", ()), tuple(made), left_out), faults


def grid(asked: Sweep | Training) -> dict[str, Any]:
    """The labels of each axis that a run of these settings has."""
    if isinstance(asked, Sweep):
        return {"cell": asked.cell, "init": asked.init, "w_rec": asked.w_rec, "T": asked.T}
    return {"arm": asked.remedies, "T": asked.T, "w_rec": asked.w_rec}


def probed(asked: Sweep | Training) -> dict[str, tuple[str, ...]]:
    """The columns of the further probes of these settings, each with the axes of its own."""
    spelled = asked.probe if isinstance(asked, Sweep) else ()
    return {name: axes for spec in spelled for name, axes in probes.axes(spec).items()}


def _name(asked: Sweep | Training, folder: Path) -> Callable[[str, str], str]:
    """The canonical spelling of a label, by axis."""
    if isinstance(asked, Training):
        from gradlab.studies.remedies import arms

        return lambda axis, text: arms.arm(received.member(text, folder), asked.cell, asked.init).label
    kinds = {"cell": "cells", "init": "initializers"}

    def named(axis: str, text: str) -> str:
        return registry.label(kinds[axis], received.member(text, folder)) if axis in kinds else text

    return named


def _asked(
    command: str, values: dict[str, Any], raw: dict[str, Any], size: Size
) -> tuple[Sweep | Training | None, list[Fault]]:
    """The settings made of their values, or every fault that these have."""
    kind = KINDS[command]
    place = {key: _place(raw, command, size, key) for key in (*values, "remedies")}
    digest = values.pop("inputs_digest", "")
    # Without these no other setting says what it means.
    first = ("task", "data", "columns", "scale") if values.get("data") else ("task",)
    must = {key: values[key] for key in first if key in values}
    if digest and digest != (now := _digest(kind, must)):
        what = f"{digest} is that of other inputs; now it is {now or None}; leave it out"
        return None, [Fault(f"{command}.inputs_digest", what)]
    try:
        asked: Sweep | Training = kind(**values)
    except GradlabError as error:
        return None, faulty.each(kind, values, must, place) or [faulty.together(error, command, place)]
    faults: list[Fault] = []
    if isinstance(asked, Training):
        from gradlab.studies.remedies import arms

        labels = []
        given = values.get("remedies", ())
        for i, text in enumerate(given):
            try:
                labels.append(arms.arm(text, asked.cell, asked.init).label)
            except GradlabError as error:
                faults.append(Fault(f"{place['remedies']}[{i}]", error.what))
        asked = dataclasses.replace(asked, remedies=tuple(labels))
    return asked, faults


def _digest(kind: Any, must: dict[str, Any]) -> str:
    """Of the inputs that the settings name; empty where they are none."""
    try:
        return str(kind(**must).inputs_digest)
    except GradlabError:
        return ""


def _place(raw: dict[str, Any], command: str, size: Size, key: str) -> str:
    """Where a file says a setting, under the name that it has there."""
    names = (key, former.SETTINGS.get(key, key))
    for table in ("ci", command) if size == "ci" else (command,):
        found = [name for name in names if name in raw.get(table, {})]
        if found:
            return f"{table}.{found[0]}"
    return f"{command}.{key}"


KINDS: dict[str, Any] = {"sweep": Sweep, "remedies": Training}


def _file(folder: Path) -> type[strict.Strict]:
    """What a file may hold."""
    table = strict.reader(_a_table)
    plots = strict.reader(specs.names("plots", received.source(folder)))
    fields = {
        "question": (strict.Line, ...),
        "figures": (plots, ()),
        "claims": (strict.reader(_some_claims), []),
    }
    return strict.model("File", fields | dict.fromkeys((*KINDS, "ci"), (table, None)))


@functools.cache
def _table(command: str, folder: Path, *, whole: bool) -> type[strict.Strict]:
    """What the table of a command may hold: its settings."""
    kind = KINDS[command]
    fields: dict[str, tuple[Any, Any]] = {}
    for field in dataclasses.fields(kind):
        if not field.init:
            # Worked out from the others; the `run.json` of a run has it.
            fields[field.name] = (strict.Line, "")
            continue
        must = whole and field.default is field.default_factory is dataclasses.MISSING
        read = strict.reader(specs.reader(kind, field.name, received.source(folder)))
        written = AliasChoices(field.name, former.SETTINGS.get(field.name, field.name))
        fields[field.name] = (Annotated[read, Field(validation_alias=written)], ... if must else None)
    return strict.model(command, fields)


def _a_table(value: Any) -> Any:
    if not isinstance(value, dict):
        raise fault(f"{shown(value)} must be a table")
    return value


def _some_claims(value: Any) -> Any:
    if not isinstance(value, list) or len(value) > claims.MOST:
        raise fault(f"must be at most {claims.MOST} tables [[claims]]")
    return value
