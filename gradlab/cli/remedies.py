"""`gradlab remedies`: train the remedies on one task at equal budget, and say which one works."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab.cli import _output

if TYPE_CHECKING:
    from gradlab.planning.plan import Plan
    from gradlab.studies.remedies.compute import Comparison
    from gradlab.studies.remedies.results import Trained

QUICK = ("clip_norm", "truncate", "orthogonal", "clip_norm+omega", "lstm", "gru")
FULL = (
    *QUICK,
    "clip_value",
    "clip_adjoint",
    "adaptive_clip",
    "gradient_penalty",
    "scale_gradient",
    "gradient_noise",
    "identity",
    "sparse_spectral",
    "critical",
    "flossing",
    "esn",
    "lstm+forget_bias(2)",
    "lstm+chrono",
    "peephole_lstm",
    "coupled_lstm",
    "skip",
    "layer_norm",
)


def command(
    task: Annotated[str, typer.Argument(help="What to learn; `gradlab list tasks` shows them.")],
    remedy: Annotated[
        list[str] | None,
        typer.Option("--remedy", "-r", help="An arm, such as clip_norm(1.0)+orthogonal; may be given again."),
    ] = None,
    cell: Annotated[str, typer.Option("--cell", help="The cell that the remedies act on.")] = "elman",
    init: Annotated[str, typer.Option("--init", help="Its start.")] = "gaussian",
    w_rec: Annotated[str, typer.Option("--w-rec", help="Gains to start from.")] = "1.0",
    T: Annotated[str, typer.Option("-T", help="Sequence lengths.")] = "50",
    hidden: Annotated[str, typer.Option("--hidden", "-N", help="Units of the plain cell.")] = "50",
    batch: Annotated[str, typer.Option("--batch", help="Sequences an update.")] = "20",
    updates: Annotated[str | None, typer.Option("--updates", help="Updates at the most.")] = None,
    every: Annotated[str, typer.Option("--every", help="Updates between two looks.")] = "100",
    judged: Annotated[str, typer.Option("--judged", help="Fresh sequences a look.")] = "500",
    rates: Annotated[str, typer.Option("--lr", help="Learning rates to choose from.")] = "0.01,0.003,0.001",
    tuning: Annotated[str, typer.Option("--tuning", help="Seeds for that choice alone.")] = "2",
    seeds: Annotated[str | None, typer.Option("--seeds", help="Test seeds.")] = None,
    seed: Annotated[str, typer.Option("--seed", help="Base seed.")] = "0",
    optimizer: Annotated[
        str,
        typer.Option(
            "--optimizer",
            help="sgd, momentum (0.9), adam or rmsprop (decay 0.9); 1e-8 outside the root, as in PyTorch.",
        ),
    ] = "adam",
    precision: Annotated[str, typer.Option("--precision", help="float32 or float64.")] = "float32",
    match: Annotated[bool, typer.Option("--match/--no-match", help="Choose N for equal parameters.")] = True,
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes: the main remedies, a small budget.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Hours: every remedy, a large budget.")] = False,
    name: Annotated[str | None, typer.Option("--name", help="Name of the run.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that runs are kept in.")] = Path("results"),
    force: Annotated[
        bool, typer.Option("--force", help="Start over, in place of what gradlab has there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
) -> int:
    """Train every arm on TASK at equal budget and print who solves it, and what it did to the gradient."""
    from gradlab import registry, runtime
    from gradlab.errors import GradlabError
    from gradlab.registry import number
    from gradlab.studies.sweep.settings import Precision, choice, floats, integers

    runtime.configure()
    if quick and full:
        raise GradlabError("--quick", "and --full exclude each other; give one")
    from gradlab.runs import store
    from gradlab.studies.remedies import compute, loop, plan
    from gradlab.studies.remedies.arms import NONE

    def whole(option: str, text: str) -> int:
        return int(number(option, text, text, int))

    chosen = remedy if remedy is not None else list(FULL if full else QUICK)
    comparison = compute.Comparison(
        task=registry.label("tasks", task),
        remedies=tuple(
            dict.fromkeys([NONE, *(part for text in chosen for part in registry.outside_brackets(text))])
        ),
        cell=registry.label("cells", cell),
        init=registry.label("initializers", init),
        T=integers("-T", T),
        w_rec=floats("--w-rec", w_rec),
        hidden=whole("--hidden", hidden),
        batch=whole("--batch", batch),
        updates=whole("--updates", updates) if updates is not None else (20000 if full else 1000),
        every=whole("--every", every),
        judged=whole("--judged", judged),
        rates=floats("--lr", rates),
        tuning=whole("--tuning", tuning),
        seeds=whole("--seeds", seeds) if seeds is not None else (10 if full else 3),
        seed=whole("--seed", seed),
        optimizer=choice("--optimizer", optimizer, loop.Optimizer),
        precision=choice("--precision", precision, Precision),
        match=match,
    )
    compute.check(comparison)
    planned = plan.plan(comparison)
    plan.check(comparison, planned)
    settings = compute.settings(comparison)
    folder = store.folder_of(out, store.name_of(settings) if name is None else name)
    if dry_run:
        say_plan(comparison, planned, folder, as_json)
        return 0
    with store.opened(folder):
        if force:
            store.start_over(folder)
        if store.existing(folder, settings, runtime.facts()):
            compute.require(comparison, store.code(folder), str(folder))
            from gradlab.cli import _figures
            from gradlab.studies.remedies import results as remedies_results

            run = remedies_results.read(folder)
            _figures.finish(run, folder, "remedies")
        else:
            store.begin(folder, settings, runtime.versions())
            run = train_arms(comparison, planned, settings, folder, quiet)
    _show(run, folder, as_json, quiet)
    return 0


def train_arms(
    comparison: "Comparison", planned: "Plan", settings: dict[str, Any], folder: Path, quiet: bool
) -> "Trained":
    """Train every arm, store the comparison, draw it."""
    from gradlab import registry, runtime
    from gradlab.cli import _figures
    from gradlab.cli._progress import Bar
    from gradlab.runs import store
    from gradlab.runs.shards import Shards
    from gradlab.studies.remedies import compute
    from gradlab.studies.remedies import results as remedies_results

    shards = Shards(folder)
    with Bar(planned, f"training {planned.counts['arms']} arms, at most", quiet) as bar:
        results = list(compute.run(comparison, bar.trials, shards))
    task = registry.make("tasks", comparison.task)
    about = {
        "command": "remedies",
        "status": "complete",
        "settings": settings,
        "failed": 0,
        "points": len(results) * comparison.seeds,
        "solved": task.solved,
        "chance": {str(T): task.chance(T) for T in comparison.T},
        "versions": runtime.facts(),
        "git": store.git_facts(),
        "code": {f"{found.arm} at T = {found.T}": found.code for found in results},
    }
    run = remedies_results.Trained(
        about,
        remedies_results.table(results),
        remedies_results.curves(results),
        remedies_results.profiles(results),
    )
    remedies_results.write(folder, run)
    run = remedies_results.read(folder)
    _figures.draw(run, folder, "remedies")
    shards.drop()
    store.ended(folder)
    for place in shards.damaged:
        _output.note(f"a damaged shard was trained again; it is kept as {place}")
    if not quiet:
        # Told and not stored: a run's files are equal byte for byte, however long it took.
        spent: dict[str, float] = {}
        for found in results:
            spent[found.arm] = spent.get(found.arm, 0.0) + found.seconds
        told = ", ".join(f"{arm} {seconds:.1f}" for arm, seconds in spent.items())
        _output.note(f"seconds an arm, compiling included: {told}")
    return run


def say_plan(asked: "Comparison", planned: "Plan", folder: Path, as_json: bool) -> None:
    """Print what a comparison would take at most."""
    from gradlab.cli import _planned

    axes = {"arm": len(asked.remedies), "T": len(asked.T), "w_rec": len(asked.w_rec), "seed": asked.seeds}
    judged = len(asked.remedies) * len(asked.T) * len(asked.w_rec) * asked.seeds
    among = ", those that choose the rate among them" if len(asked.rates) > 1 else ""
    networks, fitted = planned.counts["networks"], planned.counts["fitted"]
    lines = {
        "grid": f"{_planned.grid(axes)} = {judged} networks to judge",
        "training": f"{networks} networks{among}, {asked.updates} updates at most",
    }
    if fitted:
        lines["fitting"] = f"{fitted} readouts in closed form"
    _planned.say(planned, lines, folder, as_json)


def _show(run: "Trained", folder: Path, as_json: bool, quiet: bool) -> None:
    from gradlab.cli import _terminal

    if as_json:
        _output.say_json(_terminal.remedies_document(run, run_dir=str(folder)), 1)
    else:
        _terminal.show_remedies(run)
    if not quiet:
        _output.note(f"{folder}  (gradlab show {folder} prints it again)")
