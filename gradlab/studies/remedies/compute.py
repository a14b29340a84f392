"""Train every arm at equal budget, its learning rate chosen on seeds of its own."""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gradlab import digests, memory, registry
from gradlab.planning import compiled
from gradlab.planning.progress import Progress
from gradlab.runs.shards import Shards
from gradlab.studies.remedies import arms, effort, elsewhere, kept, loop, measure, stages, train, work
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.code import of_arm, require
from gradlab.studies.remedies.kept import Begun, Result
from gradlab.studies.remedies.rates import chosen
from gradlab.studies.remedies.settings import Training


def run(
    comparison: Training,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: Shards | None = None,
) -> Iterator[Result]:
    """Train every arm at every T; one result for each w_rec, as soon as it is there.

    What `shards` holds goes on where it was: it keeps the networks of each stage, a few seconds old at most.
    """
    some = [(text, T) for text in comparison.remedies for T in comparison.T]
    yield from _training(comparison, report, shards, some)


def share(
    comparison: Training,
    report: Callable[[Progress], None],
    shards: Shards,
    groups: Sequence[tuple[str, int]],
) -> None:
    """Train some arms at some T, and keep their networks in `shards` alone; errors as of `run`."""
    for _ in _training(comparison, report, shards, groups):
        pass


def _training(
    comparison: Training,
    report: Callable[[Progress], None],
    shards: Shards | None,
    groups: Sequence[tuple[str, int]],
) -> Iterator[Result]:
    if shards is not None:
        doing = (*work.tuning(comparison), *(stages.training(w_rec) for w_rec in comparison.w_rec))
        known = {}
        for place, (arm, setting) in work.by_place(comparison).items():
            for stage in doing:
                arrays = shards.get(**Checkpoint(shards, arm.label, setting.T, stage).key)
                if arrays is not None:
                    known[place] = digests.unpacked(arrays)
        require(comparison, known, str(shards.folder.parent), known)
    for text, T in groups:
        arm = arms.arm(text, comparison.cell, comparison.init)
        for found in _arm(comparison, text, arm, T, report, shards):
            if shards is not None:
                kept.keep_result(shards, text, found)
            yield found
        memory.release()


def _arm(
    comparison: Training,
    text: str,
    arm: arms.Arm,
    T: int,
    report: Callable[[Progress], None],
    shards: Shards | None,
) -> Iterator[Result]:
    sizes = registry.make("tasks", comparison.task).sizes
    hidden = work.units(comparison, arm)
    setting = work.setting_of(comparison, arm, T, hidden)
    arm = work.ready(comparison, arm, setting)
    code = of_arm(comparison, arm, setting)
    costs = effort.of_arm(setting, arm.closed_form)
    cell, parameters = registry.spelling(arm.cell), arms.count(arm.cell, sizes, hidden)
    if shards is not None:
        levels = setting.task.solved, setting.task.chance(T)
        kept.keep_begun(shards, text, T, Begun(arm.label, cell, hidden, parameters, costs, *levels))
    began = time.perf_counter()
    told = lambda stage: _teller(report, arm, stages.TUNING, work.piece(arm, T, stage))
    rates = chosen(comparison, arm, setting, told, shards, code)
    for w_rec, rate in zip(comparison.w_rec, rates, strict=True):
        networks = train.draw(
            comparison, arm, setting, [(w_rec, rate, f"test {s}") for s in range(comparison.seeds)]
        )
        first = measure.profiles(comparison, arm, setting, networks)
        stage = stages.training(w_rec)
        tell = _teller(report, arm, "training", work.piece(arm, T, stage))
        networks, evaluations, solved = train.run(
            comparison,
            setting,
            networks,
            arm.closed_form,
            tell,
            Checkpoint(shards, arm.label, T, stage, code),
            lambda networks: measure.profiles(comparison, arm, setting, networks)["transport"],
        )
        last = measure.profiles(comparison, arm, setting, networks)
        evaluations |= elsewhere.evaluated(comparison, setting, networks, evaluations["loss"])
        yield Result(
            arm.label,
            cell,
            T,
            w_rec,
            hidden,
            parameters,
            math.nan if arm.closed_form else rate,
            np.full(1, comparison.updates) if arm.closed_form else work.evaluated_at(comparison),
            evaluations,
            solved,
            np.asarray(networks.broken, np.int64),
            tuple(loop.QUANTITIES[what] for what in np.asarray(networks.what)),
            {name: np.stack([first[name], last[name]], axis=1) for name in measure.PROFILES},
            time.perf_counter() - began,
            code,
            costs,
        )
        compiled.note(**work.of_program(comparison, arm, setting))
        began = time.perf_counter()


def _teller(
    report: Callable[[Progress], None], arm: arms.Arm, doing: str, name: str
) -> Callable[[int, int, bool], None]:
    """Tells how far a stage is, and whether that was computed."""

    def tell(done: int, of: int, computed: bool) -> None:
        said = f"{arm.label[:24]}: {doing}, {done / of:.0%}"
        report(Progress(said, name, done / of, computed, in_all=True))

    return tell
