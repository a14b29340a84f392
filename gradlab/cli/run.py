"""`gradlab run`: ask the question of a settings file, and judge what it claims."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli import _output

if TYPE_CHECKING:
    from gradlab.experiments.load import Question
    from gradlab.studies.remedies.compute import Comparison
    from gradlab.studies.remedies.results import Trained
    from gradlab.studies.sweep.results import Run
    from gradlab.studies.sweep.settings import Sweep


def command(
    file: Annotated[Path, typer.Argument(help="A settings file, such as experiments/border.toml.")],
    size: Annotated[str, typer.Option("--size", help="full, or ci: the small grid of the file.")] = "full",
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run; the file's if left out.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that runs are kept in.")] = Path("results"),
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start over: remove what gradlab has written there before.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
) -> int:
    """Sweep or train what a settings file asks for, and judge what it claims.

    Prints the table of the run and one verdict a claim. Exit 0 if all claims hold, 1 if one failed, 4 if
    none failed and one cannot be judged. The `run.json` of a run is a settings file, too: it asks again.
    """
    from gradlab import runtime

    runtime.configure(device)
    from gradlab.experiments import load
    from gradlab.runs import store
    from gradlab.studies.sweep.settings import Sweep, choice

    question = load.load(file, choice("--size", size, load.Size))
    runtime.require_device(device)
    folder = store.folder_of(out, question.name if name is None else name)
    asked, ways = question.asked, (folder, force, as_json, quiet, dry_run)
    answer = _swept(asked, *ways) if isinstance(asked, Sweep) else _trained(asked, *ways)
    return 0 if answer is None else _judge(question, answer, folder, as_json, quiet)


def _swept(
    asked: "Sweep", folder: Path, force: bool, as_json: bool, quiet: bool, dry_run: bool
) -> "Run | None":
    from gradlab import runtime
    from gradlab.cli import _figures
    from gradlab.cli.sweep import measure, say_plan
    from gradlab.runs import store
    from gradlab.studies.sweep import compute as sweep_compute
    from gradlab.studies.sweep import plan as sweep_plan
    from gradlab.studies.sweep import results as sweep_results
    from gradlab.studies.sweep.settings import settings

    planned = sweep_plan.plan(asked)
    sweep_plan.check(asked, planned)
    if dry_run:
        say_plan(asked, planned, folder, as_json)
        return None
    with store.opened(folder):
        if force:
            store.start_over(folder)
        if store.existing(folder, settings(asked), runtime.facts()):
            sweep_compute.require(asked, store.code(folder), str(folder))
            run = sweep_results.read(folder)
            _figures.finish(run, folder, "sweep")
            return run
        store.begin(folder, settings(asked), runtime.versions())
        run, _ = measure(asked, planned, folder, quiet)
        store.ended(folder)
    return run


def _trained(
    asked: "Comparison", folder: Path, force: bool, as_json: bool, quiet: bool, dry_run: bool
) -> "Trained | None":
    from gradlab import runtime
    from gradlab.cli import _figures
    from gradlab.cli.remedies import say_plan, train_arms
    from gradlab.runs import store
    from gradlab.studies.remedies import compute as remedies_compute
    from gradlab.studies.remedies import plan as remedies_plan
    from gradlab.studies.remedies import results as remedies_results

    remedies_compute.check(asked)
    planned = remedies_plan.plan(asked)
    remedies_plan.check(asked, planned)
    if dry_run:
        say_plan(asked, planned, folder, as_json)
        return None
    settings = remedies_compute.settings(asked)
    with store.opened(folder):
        if force:
            store.start_over(folder)
        if store.existing(folder, settings, runtime.facts()):
            remedies_compute.require(asked, store.code(folder), str(folder))
            done = remedies_results.read(folder)
            _figures.finish(done, folder, "remedies")
            return done
        store.begin(folder, settings, runtime.versions())
        return train_arms(asked, planned, settings, folder, quiet)


def _judge(question: "Question", run: "Run | Trained", folder: Path, as_json: bool, quiet: bool) -> int:
    """Store what was asked and what became of the claims, draw, and say it."""
    from gradlab import registry
    from gradlab.cli import _terminal, check
    from gradlab.errors import Exit
    from gradlab.findings import judge
    from gradlab.runs import files, store
    from gradlab.studies.remedies.results import Trained

    made = judge.judge(run, question.claims)
    with store.opened(folder):
        judge.write(folder, question.facts(), made)
    for spec in question.figures:
        from gradlab.plots._style import save

        save(registry.make("plots", spec)(run), files.below(folder, "figures"), spec.partition("(")[0])
    if not as_json:
        _terminal.show_remedies(run) if isinstance(run, Trained) else _terminal.show(run)
        _output.say()
    check.show(question.question, made, folder, as_json)
    if not quiet:
        _output.note(f"{folder}  (gradlab check {folder} judges it again)")
        if question.left_out:
            _output.note(f"{question.left_out} claims are made at another --size only")
    code = judge.exit_code(made) if made or question.left_out else Exit.OK
    return int(code or (Exit.PARTIAL if run.about.get("failed") else Exit.OK))
