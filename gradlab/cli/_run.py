"""A study run from the command line: what it would take, its progress, its result, and what it ends with."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gradlab.cli import _output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradlab.engines.work import Engine
    from gradlab.execute import Done
    from gradlab.findings.finding import Finding
    from gradlab.planning.plan import Plan


MOST = 1000
"""Workers of one machine."""


class Where(NamedTuple):
    """Where a run is computed, as options say it."""

    shard: str | None = None
    name: str = "local"
    scheduler: str | None = None
    workers: str | None = None
    insecure: bool = False
    mixed: bool = False

    def engine(self, device: str) -> "Engine | None":
        """Workers elsewhere, or None for this process.

        Raises:
          GradlabError: for an engine that there is not, and for options that it does not have.
        """
        from gradlab.errors import GradlabError, shown
        from gradlab.values import choice

        dask = choice("--engine", self.name, Literal["local", "dask"]) == "dask"
        insecure = self.insecure or None
        options: dict[str, Any] = {
            "--scheduler": self.scheduler,
            "--workers": self.workers,
            "--insecure-cluster": insecure,
        }
        options["--mixed"] = self.mixed or None
        for option, given in options.items():
            if given is not None and not dask:
                raise GradlabError(option, "is of --engine dask; give that, too, or leave it out")
        if not dask:
            return None
        if self.shard is not None:
            raise GradlabError("--shard", "and --engine dask exclude each other; give one")
        if self.scheduler is not None and self.workers is not None:
            raise GradlabError("--workers", "are those of the scheduler; leave it out")
        if self.insecure and self.scheduler is None:
            raise GradlabError("--insecure-cluster", "is of --scheduler; workers of this machine are its own")
        from gradlab.engines.dask import Dask

        plain = re.fullmatch(r"\d{1,4}", self.workers or "", re.ASCII)
        many = int(plain[0]) if plain else 0
        if self.workers is not None and not 1 <= many <= MOST:
            what = f"{shown(self.workers)} is no number of workers; give 1 to {MOST}"
            raise GradlabError("--workers", what)
        return Dask(self.scheduler or "", many, device, insecure=self.insecure, mixed=self.mixed)


HERE = Where()


def command(
    asked: Any,
    name: str | None,
    out: Path,
    device: str,
    *,
    force: bool,
    as_json: bool,
    quiet: bool,
    dry_run: bool,
    where: Where = HERE,
    log: str | None = None,
    then: "Callable[[Done, Path], None] | None" = None,
) -> int:
    """Run what was asked for, or say what it would take, and show the result; `then` adds to its folder."""
    from gradlab import runtime
    from gradlab.runs import store
    from gradlab.studies import base

    elsewhere = where.engine(device)
    require_log(log, out, where.shard)
    runtime.pick(device, asked.work)
    runtime.require_device(device)
    study = base.of(asked)
    planned = study.plan(asked)
    folder = store.folder_of(out, store.name_of(study.stored(asked)) if name is None else name)
    if where.shard is not None:
        return share(
            asked,
            planned,
            name,
            out,
            where.shard,
            force=force,
            as_json=as_json,
            quiet=quiet,
            dry_run=dry_run,
        )
    if dry_run:
        say_plan(asked, planned, folder, as_json, elsewhere)
        return 0
    done = run(asked, planned, folder, force=force, quiet=quiet, engine=elsewhere)
    show(done, folder, as_json=as_json, quiet=quiet)
    if then is not None:
        then(done, folder)
    tell(log, done, folder, quiet)
    return int(done.code)


def require_log(log: str | None, out: Path, shard: str | None) -> None:
    """Refuse a tracker that there is not, before work starts.

    Raises:
      GradlabError: as `logs.keep.require`, and for a share, which has no table yet.
    """
    from gradlab.errors import GradlabError
    from gradlab.logs import keep

    keep.require(log, out)
    if log is not None and shard is not None:
        what = "tells of a whole run; merge the shares with gradlab merge, then repeat this without --shard"
        raise GradlabError("--log", what)


def tell(log: str | None, done: "Done", folder: Path, quiet: bool, found: "Sequence[Finding]" = ()) -> None:
    """Tell the tracker of a run that is finished, and say where that lies."""
    from gradlab.logs import keep

    told = keep.keep(log, done.run, folder, found)
    if told.warning:
        _output.note(told.warning)
    if told.note and not quiet:
        _output.note(told.note)


def run(
    asked: Any, planned: "Plan", folder: Path, *, force: bool, quiet: bool, engine: "Engine | None" = None
) -> "Done":
    """Run it, with a bar on stderr, and say what is worth saying of how that went."""
    from gradlab import execute
    from gradlab.cli._progress import ProgressBar
    from gradlab.planning.progress import Silent

    listening = Silent if quiet else ProgressBar
    done = execute.run(asked, planned, folder, force=force, listening=listening, engine=engine)
    say_notes(done, quiet)
    return done


def say_notes(done: "Done", quiet: bool) -> None:
    """Say what is worth saying of how a run came about."""
    for note in done.warnings:
        _output.note(note)
    for note in done.notes if not quiet else ():
        _output.note(note)


def share(
    asked: Any,
    planned: "Plan",
    name: str | None,
    out: Path,
    shard: str,
    *,
    force: bool,
    as_json: bool,
    quiet: bool,
    dry_run: bool,
    called: str = "",
) -> int:
    """Compute one share of a run, and say what it is and what comes next; `called` names the whole run."""
    from gradlab import execute, schemas
    from gradlab.cli._progress import ProgressBar
    from gradlab.engines.share import parsed
    from gradlab.planning.progress import Silent
    from gradlab.runs import store
    from gradlab.studies import base

    part = parsed(shard)
    own = f"{called or store.name_of(base.of(asked).stored(asked))}.{part.number}-of-{part.of}"
    folder = store.folder_of(out, own if name is None else name)
    if dry_run:
        _, _, planned = execute.part_of(asked, planned, part)
        say_plan(asked, planned, folder, as_json)
        return 0
    listening = Silent if quiet else ProgressBar
    done = execute.share(asked, planned, folder, part, force=force, listening=listening)
    for note in done.warnings:
        _output.note(note)
    if as_json:
        head = {"schema": schemas.newest("share"), "status": "computed", "share": str(part)}
        _output.say_json(
            head | {"groups": done.groups, "of": done.of, "exit_code": 0, "run_dir": str(folder)}, 1
        )
    else:
        place = f" in {folder}" if done.groups else ", so there is nothing to do"
        _output.say(f"share {part}: {len(done.groups)} of {done.of} groups{place}")
    if not quiet and done.groups:
        _output.note(f"gradlab merge puts {folder} together with the other shares")
    return 0


def show(done: "Done", folder: Path, *, as_json: bool, quiet: bool) -> None:
    """Print the result, and where it lies."""
    from gradlab.cli import _terminal

    if as_json:
        _output.say_json(_terminal.document(done.run, exit_code=int(done.code), run_dir=str(folder)), 1)
    else:
        _output.say_table(done.run)
    if not quiet:
        _output.note(f"{folder}  (gradlab show {folder} prints it again)")
    if done.code:
        failed, points = done.run.about["failed"], done.run.about["points"]
        _output.note(
            f"{failed} of {points} points failed: a pass is not finite, forward or backward; "
            "see failures.jsonl"
        )


def say_plan(
    asked: Any, planned: "Plan", folder: Path, as_json: bool, engine: "Engine | None" = None
) -> None:
    """Print what a run would take, here and elsewhere."""
    from gradlab import execute
    from gradlab.cli import _planned
    from gradlab.studies import base

    if engine is not None:
        more = engine.foreseen(execute.groups_of(asked, "--engine"), planned)
        planned = planned._replace(notes=(*planned.notes, *more))
    _planned.say(planned, base.of(asked).size(asked, planned), folder, as_json)
