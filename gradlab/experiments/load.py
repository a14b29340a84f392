"""Settings files: one question a file, what to sweep or train for it, what to draw and what is claimed.

A file is TOML, or the `run.json` of a run, which asks the same again. It is data: its members come from the
registry, and every fault is reported at once, with its path.
"""

import dataclasses
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import Field
from pydantic_core import PydanticCustomError

from gradlab import registry
from gradlab.errors import GradlabError, shown
from gradlab.experiments.toml import parsed
from gradlab.findings import claims
from gradlab.findings.claims import Claim
from gradlab.runs import strict
from gradlab.runs.strict import Fault, fault
from gradlab.studies.remedies import arms
from gradlab.studies.remedies.compute import Comparison
from gradlab.studies.sweep import settings
from gradlab.studies.sweep.settings import MOST, Sweep

MEMBERS = 1000
"""Cells, initialisers, probes or remedies of one list."""

Size = Literal["full", "ci"]


@dataclasses.dataclass(frozen=True)
class Question:
    """A question, how it is asked of networks, and what is claimed of the answer."""

    name: str
    question: str
    asked: Sweep | Comparison
    figures: tuple[str, ...]
    claims: tuple[Claim, ...]
    left_out: int
    """Claims that are made at another size only."""

    def facts(self) -> dict[str, Any]:
        """What `run.json` says beside the settings."""
        stored = [claim.stored() for claim in self.claims]
        return {"question": self.question, "figures": list(self.figures), "claims": stored}


def load(path: Path, size: Size = "full") -> Question:
    """The question of a file, at one of its sizes.

    Raises `GradlabError` with every fault of the file: of this size, and of the other if there is one.
    """
    raw = parsed(path)
    found, faults = _read(raw, size)
    if isinstance(raw.get("ci"), dict):
        faults += [one for one in _read(raw, "full" if size == "ci" else "ci")[1] if one not in faults]
    elif size == "ci" and not faults:
        faults = [Fault("ci", "is missing: the file has no smaller size; leave --size out")]
    if faults or found is None:
        raise strict.refusal(str(path), faults)
    stem = path.parent.name if path.name == "run.json" else path.stem
    return dataclasses.replace(found, name=stem if size == "full" else f"{stem}-{size}")


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


def _read(raw: dict[str, Any], size: Size) -> tuple[Question | None, list[Fault]]:
    given, faults = strict.read(_file(), raw, "")
    there = [key for key in KINDS if key in raw]
    if len(there) != 1:
        return None, [*faults, Fault("", f"needs either [sweep] or [remedies], has {len(there)} of them")]
    command = there[0]
    values: dict[str, Any] = {}
    for at in (command, "ci"):
        if isinstance(raw.get(at), dict):
            some, more = strict.read(_table(command, whole=at == command), raw[at], at)
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
            one, more = claims.read(claim, f"claims[{i}]", command, grid(asked), _name(asked))
            faults += more
            made += [one] if one else []
    left_out = sum(one in get_args(Size) and one != size for one in sizes)
    question = str(given["question"])
    return Question("", question, asked, given.get("figures", ()), tuple(made), left_out), faults


def grid(asked: Sweep | Comparison) -> dict[str, Any]:
    """The labels of each axis that a run of these settings has."""
    if isinstance(asked, Sweep):
        return {"cell": asked.cell, "init": asked.init, "w_rec": asked.w_rec, "T": asked.T}
    return {"arm": asked.remedies, "T": asked.T, "w_rec": asked.w_rec}


def _name(asked: Sweep | Comparison) -> Callable[[str, str], str]:
    """The canonical spelling of a label, by axis."""
    if isinstance(asked, Comparison):
        return lambda axis, text: arms.arm(_plain(text), asked.cell, asked.init).label
    kinds = {"cell": "cells", "init": "initializers"}
    return lambda axis, text: registry.label(kinds[axis], _plain(text))


def _asked(
    command: str, values: dict[str, Any], raw: dict[str, Any], size: Size
) -> tuple[Sweep | Comparison | None, list[Fault]]:
    """The settings made of their values; each is tried alone first, so that every fault is found."""
    kind = KINDS[command]
    own = raw.get("ci", {}) if size == "ci" else {}
    place = {key: f"ci.{key}" if key in own else f"{command}.{key}" for key in (*values, "remedies")}
    must = {key: values[key] for key in ("task",) if key in values}
    faults = []
    for key, value in values.items():
        try:
            kind(**must | {key: value})
        except GradlabError as error:
            faults.append(Fault(place[key], error.what))
    if faults:
        return None, faults
    asked = kind(**values)
    if isinstance(asked, Comparison):
        labels = [arms.NONE]
        for i, text in enumerate(asked.remedies):
            try:
                labels.append(arms.arm(text, asked.cell, asked.init).label)
            except GradlabError as error:
                faults.append(Fault(f"{place['remedies']}[{i}]", error.what))
        asked = dataclasses.replace(asked, remedies=tuple(dict.fromkeys(labels)))
    return asked, faults


KINDS: dict[str, Any] = {"sweep": Sweep, "remedies": Comparison}
_MEMBERS = {
    ("sweep", "cell"): "cells",
    ("sweep", "init"): "initializers",
    ("sweep", "probe"): "probes",
    ("remedies", "task"): "tasks",
    ("remedies", "cell"): "cells",
    ("remedies", "init"): "initializers",
}


def _file() -> type[strict.Strict]:
    """What a file may hold."""
    table = strict.reader(_a_table)
    plots = strict.reader(lambda value: _several(value, _member("plots")))
    fields = {
        "question": (strict.Line, ...),
        "figures": (plots, ()),
        "claims": (strict.reader(_some_claims), []),
    }
    return strict.model("File", fields | dict.fromkeys((*KINDS, "ci"), (table, None)))


@functools.cache
def _table(command: str, *, whole: bool) -> type[strict.Strict]:
    """What the table of a command may hold: the fields of its settings."""
    kind = KINDS[command]
    hints = get_type_hints(kind)
    fields: dict[str, tuple[Any, Any]] = {}
    for field in dataclasses.fields(kind):
        must = whole and field.default is field.default_factory is dataclasses.MISSING
        fields[field.name] = (_type(command, field.name, hints[field.name]), ... if must else None)
    return strict.model(command, fields)


def _type(command: str, key: str, hint: Any) -> Any:
    """The strict type of a key."""
    kind = _MEMBERS.get((command, key))
    if key == "precision":
        return settings.Precision
    if get_origin(hint) is tuple:
        each = get_args(hint)[0]
        if each is str:
            one, least = _member(kind) if kind else _plain, int(key in ("cell", "init"))
            return strict.reader(lambda value: _several(value, one, least))
        return strict.reader(lambda value: _numbers(value, each))
    if hint is str:
        return strict.reader(_member(kind) if kind else _plain)
    return Annotated[hint, Field(allow_inf_nan=False)] if hint is float else hint


def _a_table(value: Any) -> Any:
    if not isinstance(value, dict):
        raise fault(f"{shown(value)} must be a table")
    return value


def _some_claims(value: Any) -> Any:
    if not isinstance(value, list) or len(value) > claims.MOST:
        raise fault(f"must be at most {claims.MOST} tables [[claims]]")
    return value


def _plain(text: Any) -> str:
    """A member's spelling, of the registry alone: a file never names code."""
    strict.text(text)
    if ":" in text:
        raise GradlabError("", f"{shown(text)} names code, which a file may not; name a member")
    return str(text)


def _member(kind: str) -> Callable[[Any], str]:
    """Reads one member of a kind, in its canonical spelling."""

    def one(value: Any) -> str:
        text = _plain(value)
        if len(registry.outside_brackets(text)) > 1:
            raise GradlabError("", f"{shown(text)} is several; write each in quotes of its own")
        if kind == "probes":
            return settings.probe(text)
        return registry.label(kind, text)

    return one


def _several(value: Any, one: Callable[[Any], str], least: int = 0) -> tuple[str, ...]:
    """One member or a list of them."""
    items = value if isinstance(value, list) else [value]
    if not least <= len(items) <= MEMBERS:
        raise fault(f"must be {least} to {MEMBERS} names")
    found, wrong = [], []
    for item in items:
        try:
            found.append(one(item))
        except (GradlabError, PydanticCustomError) as error:
            wrong.append(error.what if isinstance(error, GradlabError) else error.message())
    if wrong:
        raise fault("; ".join(wrong))
    return tuple(found)


def _numbers(value: Any, kind: type[int] | type[float]) -> tuple[int, ...] | tuple[float, ...]:
    """A number, a list of numbers, or a range `START:STOP:COUNT` in quotes."""
    if isinstance(value, str):
        text = strict.text(value)
        if sum(int(count) for count in re.findall(r":\+?([0-9]{1,18})(?=,|$)", text)) > MOST:
            raise fault(f"{shown(text)} has too many values; at most {MOST}")
        read = settings.integers if kind is int else settings.floats
        return read("", text)
    items = value if isinstance(value, list) else [value]
    if not items:
        raise fault("must hold at least one number")
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int if kind is int else int | float):
            what = "a whole number" if kind is int else "a number"
            raise fault(f'{shown(item)} must be {what}; write 0.9, [0.9, 1.1] or "0.5:1.5:21"')
    return tuple(kind(item) for item in items)
