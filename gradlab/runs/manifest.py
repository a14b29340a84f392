"""`run.json` and `begun.json`, as they must be before anything believes them."""

from pathlib import Path
from typing import Any

from gradlab import __version__
from gradlab.errors import GradlabError, shown
from gradlab.runs import documents, files, former, forms, settings_forms, strict
from gradlab.runs.former import SCHEMA

OTHERS = forms.KINDS.keys() - {"sweep"}
LARGEST = 64 * 10**6
"""Bytes of a `run.json` or `begun.json`."""


def of_mixed(about: dict[str, Any]) -> str:
    """Which machines have computed a run, in a sentence, if they were not alike; empty if they were."""
    entries = about.get("mixed") or []
    machines = [one["machine"] for one in entries]
    names = sorted({name for one in machines for name in one})
    differ = [name for name in names if len({one.get(name) for one in machines}) > 1] or ["processor"]
    parts = [
        f"{one['groups']} group{'s' * (one['groups'] != 1)} with "
        + ", ".join(f"{name} {one['machine'].get(name, 'not told')}" for name in differ)
        for one in entries
    ]
    if not parts:
        return ""
    many = "machines that differ" if len(parts) > 1 else "another machine"
    return f"Computed on {many}: {'; '.join(parts)}. One machine alone may come to other last digits."


def of_code(about: dict[str, Any]) -> list[str]:
    """Which machines made a run, if they differ, and what it cannot say of its code, in sentences."""
    mixed = of_mixed(about)
    return [*([mixed] if mixed else []), *_unknown(about)]


def _unknown(about: dict[str, Any]) -> list[str]:
    code = about.get("code")
    if about.get("status") == "running":
        # Its end will tell.
        return []
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
    kind = forms.KINDS.get(str(raw.get("command", "sweep")))
    if kind is None:
        what = f"{shown(raw['command'])} is no command that makes runs: {', '.join(forms.KINDS)}"
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

    Only of a sweep and of a comparison settings are read from there; those of others may be any.

    Raises `GradlabError` for what is no beginning of a run, `FileNotFoundError` if there is none.
    """
    place = folder / files.BEGUN
    try:
        raw = documents.parsed(files.inside(folder, files.BEGUN, LARGEST))
    except ValueError as error:
        raise GradlabError(str(place), f"{error}; choose another --name or --force") from error
    if raw == {}:
        return {}
    command = _command(raw) if isinstance(raw, dict) else None
    kind: Any = (
        {"remedies": settings_forms.Training}.get(command, dict[str, Any])
        if command in OTHERS
        else settings_forms.Sweep
    )
    raw = _renamed(raw) if isinstance(raw, dict) else raw
    stated = {"settings": (kind, ...), "versions": (dict[str, Any], ...), "share": (str, "")}
    model = strict.model("begun", stated)
    _, faults = strict.read(model, raw, "")
    if faults:
        raise strict.refusal(str(place), faults[:1])
    return dict(raw)


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
