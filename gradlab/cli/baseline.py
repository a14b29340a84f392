"""`gradlab baseline`: make, change and show the file that `gradlab check --baseline` compares with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab import schemas
from gradlab.cli import _options, _output
from gradlab.escaping import plain

if TYPE_CHECKING:
    from gradlab.findings.baseline import Baseline
    from gradlab.studies.sweep.results import Run

ACTIONS = {"create": "RUN", "update": "RUN FILE", "show": "FILE"}


def command(
    action: Annotated[str, typer.Argument(help="create RUN, update RUN FILE or show FILE.")],
    paths: Annotated[list[Path], typer.Argument(help="A run's folder, a baseline file, or both.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File that create writes.")] = Path(
        "baseline.json"
    ),
    force: Annotated[
        bool, typer.Option("--force", help="Take a run with failures; write over a file.")
    ] = False,
    as_json: _options.AsJson = False,
) -> int:
    """Keep a run's numbers in a file that belongs into the repository.

    `create RUN -o FILE` writes it; `update RUN FILE` prints old -> new and writes it, keeping its limits;
    `show FILE` prints what it holds.
    """
    from gradlab.errors import GradlabError
    from gradlab.spelled import unknown

    if action not in ACTIONS:
        raise unknown("ACTION", "action", action, ACTIONS)
    if len(paths) != len(ACTIONS[action].split()):
        raise GradlabError(action, f"takes {ACTIONS[action]}, {len(paths)} came; see gradlab baseline --help")
    do = {"create": _create, "update": _update, "show": _show}[action]
    return do(paths, output, force, as_json)


def _create(paths: list[Path], output: Path, force: bool, as_json: bool) -> int:
    from gradlab.errors import GradlabError
    from gradlab.findings import baseline

    if output.exists() and not force:
        what = "is there already; `gradlab baseline update` shows what would change, --force writes over it"
        raise GradlabError(str(output), what)
    made = baseline.create(_run(paths[0]), force=force)
    baseline.write(output, made)
    if as_json:
        _print("create", output, made)
    else:
        _output.say(f"{output}: {_holds(made)}")
    return 0


def _update(paths: list[Path], output: Path, force: bool, as_json: bool) -> int:
    from gradlab.findings import baseline

    del output
    run, file = paths
    old = baseline.read(file)
    new = baseline.create(_run(run), old.limits, force=force)
    lines = list(baseline.moved(old, new))
    baseline.write(file, new)
    if as_json:
        _print("update", file, new, changes=lines)
        return 0
    for line in lines:
        _output.say(plain(line))
    _output.say(f"{file}: {len(lines)} changes; {_holds(new)}")
    return 0


def _show(paths: list[Path], output: Path, force: bool, as_json: bool) -> int:
    from gradlab.findings import baseline

    del output, force
    found = baseline.read(paths[0])
    if as_json:
        _print("show", paths[0], found, held=baseline.text(found))
        return 0
    _output.say(f"{paths[0]}: {_holds(found)}")
    for name, facts in (("settings", found.side.settings), ("versions", found.side.versions)):
        _output.say(plain(f"{name:<9} " + ", ".join(f"{key} {value}" for key, value in facts.items())))
    for limit in found.limits:
        where = "".join(f" {key}={value}" for key, value in limit.where.items())
        _output.say(
            plain(f"limit     {limit.metric}{where}: -+ {limit.absolute:g} + {limit.relative:g} of it")
        )
    for key, series in found.side.series.items():
        spread = f"{series.mean:.6g}" if series.numbers else ", ".join(sorted(set(series.states)))
        _output.say(
            plain(f"{key}  {spread}  ({len(series.values)} seeds{', chaotic' if series.chaotic else ''})")
        )
    return 0


def _run(path: Path) -> "Run":
    """The run of a sweep."""
    from gradlab.studies import base

    found: Run = base.read(path, "sweep")
    return found


def _holds(found: "Baseline") -> str:
    side = found.side
    seeds = {len(series.values) for series in side.series.values()}
    cells = len({key.cell for key in side.series})
    networks = sum(len(digests) for digests in side.weights.values())
    count = "-".join(str(n) for n in sorted({min(seeds, default=0), max(seeds, default=0)}))
    return f"{len(side.series)} numbers of {cells} cells, {count} seeds each, {networks} digests of weights"


def _print(
    action: str, path: Path, found: "Baseline", changes: list[str] | None = None, held: str | None = None
) -> None:
    import json

    data: dict[str, Any] = {"action": action, "file": str(path), "numbers": len(found.side.series)}
    data |= {"changes": changes, "baseline": None if held is None else json.loads(held)}
    head = {"schema": schemas.newest("baseline-command"), "status": "ok", "exit_code": 0}
    _output.say_json(head | {"data": data}, 1)
