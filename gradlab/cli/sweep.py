"""`gradlab sweep`: measure a grid of networks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab.cli import _output

if TYPE_CHECKING:
    import pandas
    import xarray

    from gradlab.planning.plan import Plan
    from gradlab.studies.sweep.results import Run
    from gradlab.studies.sweep.settings import Sweep


def command(
    cell: Annotated[
        list[str] | None, typer.Option("--cell", help="Cells, such as lstm or 'elman(activation=relu)'.")
    ] = None,
    init: Annotated[list[str] | None, typer.Option("--init", help="Recurrent initialisers.")] = None,
    w_rec: Annotated[
        str, typer.Option("--w-rec", help="Recurrent gains: a list, or START:STOP:COUNT with both ends.")
    ] = "0.5:1.5:21",
    T: Annotated[
        str, typer.Option("-T", "--T", help="Sequence lengths: a list, or START:STOP:COUNT.")
    ] = "25,50,100,200",
    hidden: Annotated[str, typer.Option("--hidden", "-N", help="Hidden units N.")] = "64",
    inputs: Annotated[str, typer.Option("--inputs", "-D", help="Input dimension D.")] = "1",
    input_std: Annotated[
        str, typer.Option("--input-std", help="Standard deviation of the white-noise input.")
    ] = "0.1",
    batch: Annotated[
        str, typer.Option("--batch", help="Input sequences a network; their logarithms are averaged.")
    ] = "1",
    seeds: Annotated[str, typer.Option("--seeds", help="Networks drawn for each point.")] = "5",
    seed: Annotated[str, typer.Option("--seed", help="Base seed.")] = "0",
    precision: Annotated[str, typer.Option("--precision", help="float32 or float64.")] = "float32",
    objective: Annotated[
        str, typer.Option("--objective", help="unit (a random cotangent at step T), last or every (a loss).")
    ] = "unit",
    probe: Annotated[
        list[str] | None, typer.Option("--probe", help="Measure this as well; may be given again.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run; a hash of the settings if left out.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that runs are kept in.")] = Path("results"),
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start over, in place of what gradlab has there.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
) -> int:
    """Measure where gradients vanish and explode, over cell x initialiser x w_rec x T x seed.

    Prints one row a (cell, w_rec) at the longest T, and writes run.json, metrics.csv, norms.nc and figures.
    """
    from gradlab import runtime
    from gradlab.registry import number
    from gradlab.studies.sweep.settings import (
        Objective,
        Precision,
        Sweep,
        choice,
        floats,
        integers,
        probes,
        specs,
    )

    runtime.configure(device)
    runtime.require_device(device)
    default = Sweep()
    asked = Sweep(
        cell=specs("cells", cell) if cell is not None else default.cell,
        init=specs("initializers", init) if init is not None else default.init,
        w_rec=floats("--w-rec", w_rec),
        T=integers("-T", T),
        hidden=int(number("--hidden", hidden, hidden, int)),
        inputs=int(number("--inputs", inputs, inputs, int)),
        input_std=float(number("--input-std", input_std, input_std, float)),
        batch=int(number("--batch", batch, batch, int)),
        seeds=int(number("--seeds", seeds, seeds, int)),
        seed=int(number("--seed", seed, seed, int)),
        precision=choice("--precision", precision, Precision),
        objective=choice("--objective", objective, Objective),
        probe=probes(probe or []),
    )
    from gradlab.runs import store
    from gradlab.studies.sweep import compute, plan
    from gradlab.studies.sweep.settings import settings

    planned = plan.plan(asked)
    plan.check(asked, planned)
    folder = store.folder_of(out, store.name_of(settings(asked)) if name is None else name)
    if dry_run:
        say_plan(asked, planned, folder, as_json)
        return 0
    with store.opened(folder):
        if force:
            store.start_over(folder)
        if store.existing(folder, settings(asked), runtime.facts()):
            compute.require(asked, store.code(folder), str(folder))
            return _again(folder, as_json, quiet)
        store.begin(folder, settings(asked), runtime.versions())
        run, code = measure(asked, planned, folder, quiet)
        store.ended(folder)
    _show(run, folder, as_json, quiet, code)
    return code


def measure(asked: "Sweep", planned: "Plan", folder: Path, quiet: bool) -> tuple["Run", int]:
    """Run the grid, store it, draw it."""
    from gradlab import memory, registry
    from gradlab.cli import _figures
    from gradlab.cli._progress import Bar
    from gradlab.errors import Exit
    from gradlab.runs.shards import Shards
    from gradlab.studies.sweep import compute, probing
    from gradlab.studies.sweep import results as sweep_results

    shards = Shards(folder)
    with Bar(planned, f"measuring {asked.points} points", quiet) as bar:
        results = []
        for result in compute.run(asked, bar.sweep, shards):
            results.append(result)
            # The devices are busy with the next cell: a good moment for slow imports.
            import h5netcdf  # noqa: F401
            import xarray  # noqa: F401

            from gradlab.plots import _style  # noqa: F401
            from gradlab.studies.sweep.labelled import dataset
        memory.release()
        results.sort(key=lambda result: asked.cell.index(result.cell))
        bar.show("writing")
        axes = (asked.init, asked.w_rec, asked.T, range(asked.seeds))
        fixed = [label for label in asked.cell if "w_rec" in registry.make("cells", label).fixed]
        facts: dict[str, Any] = {"objective": asked.objective, "precision": asked.precision}
        norms = probing.noted(dataset(results, *axes, fixed, hidden=asked.hidden, **facts), asked.probe)
        table = sweep_results.metrics(norms)
        failures = _failures(table, norms)
        weights = {result.cell: result.digests for result in results}
        code = {result.cell: result.code for result in results}
        starts = compute.starts(asked)
        about = (
            _about(asked, len(failures), weights) | {"code": code} | ({"starts": starts} if starts else {})
        )
        run = sweep_results.Run(about, table, norms)
        sweep_results.write(folder, run, failures)
        shards.drop()
        memory.release(programs=False)
        bar.show("drawing")
        _figures.draw(run, folder, "sweep")
    for label, found in starts.items() if not quiet else ():
        for init, words in found.items():
            _output.note(f"{init} for {label}: {words}")
    for place in shards.damaged:
        _output.note(f"a damaged shard was measured again; it is kept as {place}")
    return run, int(Exit.PARTIAL if failures else Exit.OK)


def _failures(table: "pandas.DataFrame", norms: "xarray.Dataset") -> list[dict[str, Any]]:
    """The points with a pass that is not finite: which pass, the step it comes to first, and the leaves."""
    from gradlab.metrics.profiles import backward_leaves

    axes = ["cell", "init", "w_rec", "T", "seed"]
    whole = table["part"] == "state"
    forward = table[whole & (table["metric"] == "rate") & (table["state"] == "forward_nonfinite")]
    backward = table[whole & (table["metric"] == "backward_nonfinite_step") & (table["state"] == "ok")]
    found: list[dict[str, Any]] = []
    for row in forward.to_dict("records"):
        point = {axis: row[axis] for axis in axes}
        found.append(point | {"pass": "forward", "step": int(norms["nonfinite_step"].sel(point).item())})
    leaves = backward_leaves(norms) if len(backward) else {}
    for row in backward.to_dict("records"):
        point = {axis: row[axis] for axis in axes}
        place = tuple(norms[axis].values.tolist().index(label) for axis, label in point.items())
        found.append(point | {"pass": "backward", "step": int(row["value"]), "leaves": list(leaves[place])})
    return found


def _about(asked: "Sweep", failed: int, weights: dict[str, dict[str, str]]) -> dict[str, Any]:
    """What `run.json` says beside the digests of the files."""
    from gradlab import runtime
    from gradlab.metrics.profiles import bound
    from gradlab.recurrence.lanczos import TOLERANCE
    from gradlab.runs import store
    from gradlab.studies.sweep.settings import settings

    limit, largest = bound(asked.precision, max(asked.T)), TOLERANCE[asked.precision]
    return {
        "status": "partial" if failed else "complete",
        "settings": settings(asked),
        "points": asked.points,
        "failed": failed,
        "versions": runtime.facts(),
        "git": store.git_facts(),
        "weights": weights,
        "bound": f"{asked.precision}: given the stored states, norms are exact to {limit:.1g} (relative), "
        f"the largest singular value to {max(limit, largest):.1g}",
    }


def _show(run: "Run", folder: Path, as_json: bool, quiet: bool, code: int) -> None:
    from gradlab.cli import _terminal

    if as_json:
        _output.say_json(_terminal.document(run, exit_code=code, run_dir=str(folder)), 1)
    else:
        _terminal.show(run)
    if not quiet:
        _output.note(f"{folder}  (gradlab show {folder} prints it again)")
    if code:
        failed, points = run.about["failed"], run.about["points"]
        _output.note(
            f"{failed} of {points} points failed: a pass is not finite, forward or backward; "
            "see failures.jsonl"
        )


def _again(folder: Path, as_json: bool, quiet: bool) -> int:
    """Show what an equal command has measured before, and draw what a cut left undrawn."""
    from gradlab.cli import _figures
    from gradlab.errors import Exit
    from gradlab.studies.sweep import results as sweep_results

    run = sweep_results.read(folder)
    _figures.finish(run, folder, "sweep")
    if not quiet:
        _output.note(f"{run.about['points']} of {run.about['points']} points already done")
    code = Exit.PARTIAL if run.about["failed"] else Exit.OK
    _show(run, folder, as_json, quiet, int(code))
    return int(code)


def say_plan(asked: "Sweep", planned: "Plan", folder: Path, as_json: bool) -> None:
    """Print what the grid would take."""
    from gradlab.cli import _planned

    axes = {
        "cell": len(asked.cell),
        "init": len(asked.init),
        "w_rec": len(asked.w_rec),
        "T": len(asked.T),
        "seed": asked.seeds,
    }
    counts = planned.counts
    networks = f"{counts['points']} points, {counts['networks']} networks of N = {asked.hidden}"
    per = "one a cell" if not asked.probe else "one a cell, and one a cell and further probe"
    lines = {"grid": f"{_planned.grid(axes)} = {networks}", "programs": f"{counts['programs']}, {per}"}
    _planned.say(planned, lines, folder, as_json)
