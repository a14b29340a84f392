"""The one road of a run: lock, resume, compute, write, draw; what is computed, a study knows.

The command line and Python both call `run`; without a folder nothing is written.
"""

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gradlab import memory, registry, runtime
from gradlab.engines import work
from gradlab.engines.share import Share, deal
from gradlab.errors import Exit, GradlabError
from gradlab.planning.plan import Plan
from gradlab.planning.progress import Listening, Progress, Silent
from gradlab.runs import files, store
from gradlab.studies import base
from gradlab.studies.base import Group, Settings, Study

if TYPE_CHECKING:
    from gradlab.experiments.load import Experiment
    from gradlab.findings.finding import Finding
    from gradlab.runs.shards import Shards


class Done(NamedTuple):
    """A finished run, and what is to be said of how it came about."""

    run: Any
    notes: list[str]
    warnings: list[str]
    """Said even where notes are not wanted."""

    @property
    def code(self) -> Exit:
        """Whether all points have a value."""
        return Exit.PARTIAL if self.run.about.get("failed") else Exit.OK


def run(
    asked: Settings,
    planned: Plan | None = None,
    folder: Path | None = None,
    *,
    force: bool = False,
    listening: Listening = Silent,
    engine: work.Engine | None = None,
) -> Done:
    """Run what was asked for, as far as `folder` does not hold it already.

    A finished run of equal settings and equal code is read, and figures that a cut left undrawn are drawn. An
    unfinished one goes on where it was.

    Args:
      asked: The settings of a study.
      planned: What `Study.plan` says of them, where that is known.
      folder: Where the run is kept; None keeps it in memory alone.
      force: Whether to start over, in place of what gradlab has there.
      listening: Makes the listener of the progress.
      engine: Where it is computed, if not in this process; then `folder` is needed.

    Raises:
      GradlabError: for settings that are not possible or need more than there is (exit 2, 7); for a folder
        that holds something else (2), cannot be written (5) or is in use (6).
    """
    study = base.of(asked)
    planned = study.plan(asked) if planned is None else planned
    if folder is None:
        made, results = _computed(study, asked, planned, None, listening)
        return Done(made, study.notes(made, results), [])
    settings = study.stored(asked)
    with store.opened(folder):
        if force:
            store.start_over(folder)
        if store.existing(folder, settings, runtime.facts()):
            study.require(asked, store.code(folder), str(folder))
            there = study.read(folder)
            study.require_table(there, str(folder))
            from gradlab.plots import _default

            _default.finish(there, folder)
            return Done(
                there, [f"{there.about['points']} of {there.about['points']} points already done"], []
            )
        store.begin(folder, settings, runtime.versions())
        from gradlab.runs.shards import Shards

        shards = Shards(folder)
        if engine is not None:
            _gathered(engine, study, asked, planned, shards, listening)
        made, results = _computed(study, asked, planned, folder, listening, shards)
        store.ended(folder)
    return Done(made, study.notes(made, results), _damaged(shards))


def groups_of(asked: Settings, option: str) -> list[Group]:
    """The groups of a run. Raises `GradlabError`, about the `option`, for what is computed in one piece."""
    study = base.of(asked)
    groups = study.groups(asked)
    if not groups:
        raise GradlabError(option, f"gradlab {study.name} is computed in one piece; leave it out")
    return groups


def _gathered(
    engine: work.Engine,
    study: Study[Any, Any],
    asked: Settings,
    planned: Plan,
    shards: "Shards",
    listening: Listening,
) -> None:
    """Keep what an engine computes of all that is not kept yet; errors are the engine's."""
    groups = groups_of(asked, "--engine")
    missing = [group for group in groups if not work.kept(study, asked, group, shards)]
    before = len(groups) - len(missing)
    coming, began = set(missing), time.monotonic()
    with listening(planned, study.doing(asked, planned)) as listener:
        listener.take(Progress("starting workers"))
        for result in engine.results(asked, missing) if missing else ():
            if result is not None:
                if result.group not in coming:
                    # It has come before: what is kept of it stays.
                    continue
                work.take(shards, result.kept)
                coming.remove(result.group)
            done = len(groups) - len(coming)
            pace = f"{60 * (done - before) / max(1e-3, time.monotonic() - began):.3g} a minute"
            note = ", ".join(filter(None, (f"{done} of {len(groups)} groups", pace, engine.standing)))
            if result is None:
                listener.take(Progress("waiting for workers", note=note))
                continue
            for piece in result.group.pieces:
                listener.take(Progress(result.group.name, piece, 1.0, note=note))


class Shared(NamedTuple):
    """A share of a run that is computed, and kept for `gradlab.merging`."""

    groups: list[str]
    """What it is, by name."""
    of: int
    """Groups of the whole run."""
    warnings: list[str]


def part_of(asked: Settings, planned: Plan, part: Share) -> tuple[list[Group], int, Plan]:
    """The groups of a share, how many there are in all, and what the share will take.

    Raises:
      GradlabError: for a study that is computed in one piece.
    """
    groups = groups_of(asked, "--shard")
    mine = deal(groups, [group.T for group in groups], part)
    others = {piece for group in groups for piece in group.pieces}
    others -= {piece for group in mine for piece in group.pieces}
    pieces = {name: one for name, one in planned.pieces.items() if name not in others}
    return mine, len(groups), planned._replace(pieces=pieces if mine else {})


def share(
    asked: Settings,
    planned: Plan,
    folder: Path,
    part: Share,
    *,
    force: bool = False,
    listening: Listening = Silent,
) -> Shared:
    """Compute one share of a run, as far as `folder` does not hold it, and leave it there unfinished.

    Repeated, it goes on where it was; errors as of `run` and `part_of`. Of a share without a group, which is
    one of more than there are groups, nothing is kept.
    """
    study = base.of(asked)
    mine, many, planned = part_of(asked, planned, part)
    if not mine:
        return Shared([], many, [])
    settings = study.stored(asked)
    with store.opened(folder):
        if force:
            store.start_over(folder)
        if store.existing(folder, settings, runtime.facts()):
            raise GradlabError("--shard", f"{folder} holds the whole run already; gradlab show prints it")
        store.begin(folder, settings, runtime.versions(), str(part))
        from gradlab.runs.shards import Shards

        shards = Shards(folder)
        with listening(planned, f"share {part}, {len(mine)} of {many} groups") as listener:
            study.share(asked, listener.take, shards, mine)
        memory.release()
        for group in mine:
            work.mark(shards, group)
    return Shared([group.name for group in mine], many, _damaged(shards))


def answer(question: "Experiment", made: Any, folder: Path | None = None) -> "list[Finding]":
    """What a run says of the claims of the experiment it was made for.

    In a folder the question and what became of its claims are stored, and the figures asked for are drawn.
    """
    from gradlab.findings import judge

    found = judge.judge(made, question.claims)
    if folder is not None:
        with store.opened(folder):
            judge.write(folder, question.facts(), found)
        for spec in question.figures:
            from gradlab.plots._style import save

            save(registry.make("plots", spec)(made), files.below(folder, "figures"), spec.partition("(")[0])
    return found


def keep(made: Any, folder: Path, experiment: "Experiment | None" = None) -> None:
    """Keep a run that is in memory in a folder, with its figures: what running it there would have written.

    Raises:
      GradlabError: if the folder holds something else (exit 2), is in use (6) or cannot be written (5).
    """
    from gradlab.plots import _default

    study = base.of_run(made)
    settings = made.about["settings"]
    store.folder_of(folder.parent, folder.name)
    with store.opened(folder):
        if not store.existing(folder, settings, made.about["versions"]):
            store.begin(folder, settings, runtime.versions())
            study.write(folder, made)
            _default.draw(made, folder)
            store.ended(folder)
    if experiment is not None:
        answer(experiment, made, folder)


def _damaged(shards: "Shards") -> list[str]:
    return [f"a damaged shard was computed again; it is kept as {place}" for place in shards.damaged]


def _computed(
    study: Study[Any, Any],
    asked: Settings,
    planned: Plan,
    folder: Path | None,
    listening: Listening,
    shards: "Shards | None" = None,
) -> tuple[Any, list[Any]]:
    """Compute a run; write and draw it where it has a folder."""
    with listening(planned, study.doing(asked, planned)) as listener:
        results = []
        for result in study.compute(asked, listener.take, shards):
            results.append(result)
            listener.glance(functools.partial(study.glance, asked, results))
            # The devices are busy with what comes next: a good moment for slow imports.
            from gradlab.plots import _default
        memory.release()
        if folder is None or shards is None:
            return study.collect(asked, results), results
        listener.take(Progress("writing"))
        made = study.collect(asked, results)
        if machines := work.mixed(study, asked, shards):
            made.about["mixed"] = machines
        study.write(folder, made)
        shards.drop()
        memory.release(programs=False)
        listener.take(Progress("drawing"))
        _default.draw(made, folder)
    return made, results
