"""`gradlab list`: the members of each kind, with their equations and settings; experiments and schemas."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gradlab import schemas, spelled
from gradlab.cli import _options, _output

EXPERIMENTS = "experiments"
"""No kind of member: settings files in a folder of this name."""
SCHEMAS = "schemas"
"""No kind of member either: what describes the JSON documents."""


def command(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="cells, initializers, probes, tasks, remedies, plots, experiments, schemas ...; "
            "all if left out."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="One of the kind, such as lstm; a schema is printed whole.")
    ] = None,
    as_json: _options.AsJson = False,
) -> int:
    """Show members with equation, settings and defaults, the questions of experiments, and JSON Schemas."""
    from gradlab import registry, runtime

    runtime.configure()
    known = [*registry.KINDS, EXPERIMENTS, SCHEMAS]
    if kind is not None and kind not in known:
        raise spelled.unknown("KIND", "kind", kind, known)
    found = {k: _found(k) for k in ([kind] if kind else known)}
    if kind is not None and name is not None:
        there = [one["name"] for one in found[kind]]
        if name not in there:
            raise spelled.unknown("NAME", f"entry of {kind}", name, there)
        if kind == SCHEMAS:
            _output.say_json(schemas.read(name), 1)
            return 0
        found = {kind: [one for one in found[kind] if one["name"] == name]}
    if as_json:
        _output.say_json({"schema": schemas.newest("list"), "status": "ok", "exit_code": 0, "data": found}, 1)
        return 0
    for title, members in found.items():
        _output.say(title.upper())
        for member in members:
            settings = ", ".join(f"{key}={value}" for key, value in member["settings"].items())
            _output.say(f"\n  {member['name']}({settings})" if settings else f"\n  {member['name']}")
            for line in member["doc"].splitlines():
                _output.say(f"    {line}".rstrip())
            for line in _columns(member["columns"]):
                _output.say(line)
        _output.say()
    return 0


def _found(kind: str) -> list[dict[str, Any]]:
    if kind == SCHEMAS:
        titles = {name: schemas.read(name)["title"] for name in schemas.names()}
        return [_entry(name, title) for name, title in titles.items()]
    return _experiments() if kind == EXPERIMENTS else _members(kind)


def _experiments() -> list[dict[str, Any]]:
    """Those that come with gradlab, and the files of a folder experiments here."""
    from pathlib import Path

    from gradlab.experiments import load

    found = dict(load.listing(load.FOLDER))
    own = {f"{EXPERIMENTS}/{name}.toml": question for name, question in load.listing(Path(EXPERIMENTS))}
    return [_entry(name, question) for name, question in (found | own).items()]


def _entry(name: str, doc: str) -> dict[str, Any]:
    return {"name": name, "settings": {}, "doc": doc, "columns": []}


def _members(kind: str) -> list[dict[str, Any]]:
    from gradlab import registry

    return [_member(kind, name) for name in registry.names(kind)]


def _member(kind: str, name: str) -> dict[str, Any]:
    import inspect

    from gradlab import registry

    factory = registry.member(kind, name)
    defaults = {key: parameter.default for key, parameter in registry.settings(factory).items()}
    doc = inspect.getdoc(factory) or ""
    columns = _measured(name) if kind == "probes" else []
    return {"name": name, "settings": defaults, "doc": doc, "columns": columns}


def _measured(probe: str) -> list[dict[str, Any]]:
    """The columns of a probe: their axes, and what its file says of them."""
    from gradlab import probes

    said = probes.columns(probe)
    found = []
    for name, axes in probes.axes(probe).items():
        column = said.get(name) or probes.Column(name)
        found.append({"name": name, "axes": list(axes), "unit": column.unit, "meaning": column.meaning})
    return found


def _columns(columns: list[dict[str, Any]]) -> Iterator[str]:
    """Those columns as lines below the description."""
    import textwrap

    if columns:
        yield "\n    columns:"
    for one in columns:
        axes = f"[{', '.join(one['axes'])}]" if one["axes"] else ""
        said = [one["meaning"]] if one["meaning"] != one["name"].replace("_", " ") else []
        said += [f"in {one['unit']}"] if one["unit"] else []
        line = f"{one['name']}{axes}: {', '.join(said)}" if said else f"{one['name']}{axes}"
        yield textwrap.fill(line, 110, initial_indent=" " * 6, subsequent_indent=" " * 8)
