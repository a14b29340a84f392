"""Train every arm at equal budget, its learning rate chosen on seeds of its own."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradlab import digests, memory, registry
from gradlab.planning import compiled
from gradlab.planning.progress import Progress
from gradlab.runs.shards import Shards
from gradlab.studies.remedies import (
    arms,
    effort,
    elsewhere,
    ended,
    kept,
    loop,
    measure,
    race,
    search,
    signal,
    stages,
    train,
    work,
)
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.code import of_arm, require
from gradlab.studies.remedies.in_turn import InTurn
from gradlab.studies.remedies.kept import Begun, Result
from gradlab.studies.remedies.networks import Network, Setting
from gradlab.studies.remedies.rates import chosen
from gradlab.studies.remedies.rows import half
from gradlab.studies.remedies.settings import Training


def run(
    comparison: Training,
    report: Callable[[Progress], None] = lambda progress: None,
    shards: Shards | None = None,
) -> Iterator[Result]:
    """Train every arm at every T, or where its search goes; a result for each w_rec, as soon as it is there.

    What `shards` holds goes on where it was: it keeps the networks of each stage, a few seconds old at most.
    """
    if comparison.longest:
        yield from _searching(comparison, report, shards)
        return
    if comparison.target:
        yield from _racing(comparison, report, shards)
        return
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
    _require_known(comparison, shards)
    made = [arms.arm(text, comparison.cell, comparison.init) for text, _ in groups]
    settings = [
        work.setting_of(comparison, arm, T, work.units(comparison, arm))
        for arm, (_, T) in zip(made, groups, strict=True)
    ]
    for i, (arm, (text, T)) in enumerate(zip(made, groups, strict=True), start=1):
        if shards is not None and (there := _ended(comparison, text, arm, settings[i - 1], report, shards)):
            yield from there
            continue
        for found in _arm(comparison, text, arm, T, report, shards):
            if shards is not None:
                kept.keep_result(shards, text, found, digests.packed(found.code))
            yield found
        # Programs stay while an arm is to come that another one shares its own with.
        memory.release(programs=not set(settings[:i]) & set(settings[i:]))


def _ended(
    comparison: Training,
    text: str,
    arm: arms.Arm,
    setting: Setting,
    report: Callable[[Progress], None],
    shards: Shards,
) -> list[Result]:
    """What an arm has come to at each w_rec, as it is kept; empty if it has not ended, or by other code."""
    T = setting.T
    begun = ended.begun(shards, text, T)
    if begun is None or begun != _begun(comparison, arm, setting):
        return []
    found = [ended.result(shards, text, T, w_rec, begun, comparison.seeds) for w_rec in comparison.w_rec]
    there = [one for one in found if one is not None]
    if len(there) < len(found):
        return []
    code = of_arm(comparison, work.ready(comparison, arm, setting), setting)
    keys = [kept.key_of_result(text, T, w_rec) for w_rec in comparison.w_rec]
    if any(digests.unpacked(shards.get(**key) or {}) != code for key in keys):
        return []
    for stage in work.stages(comparison, arm):
        _teller(report, arm, stage, work.piece(arm, T, stage))(1, 1, False)
    return [one._replace(code=code) for one in there]


def _searching(
    comparison: Training, report: Callable[[Progress], None], shards: Shards | None
) -> Iterator[Result]:
    """Train each arm at one T after the other, as `search.following` says from what it has learned."""
    _require_known(comparison, shards)
    shortest, longest = comparison.T[0], comparison.longest
    planned = set(search.dearest(shortest, longest))
    made = {text: arms.arm(text, comparison.cell, comparison.init) for text in comparison.remedies}
    trained = {text: (arms.undrawn(arm.cell), arm.unnumbered) for text, arm in made.items()}
    left = list(trained.values())
    for text, arm in made.items():
        left.remove(trained[text])
        learns: dict[int, bool] = {}
        while T := search.following(shortest, longest, learns):
            # What the plan has not foreseen to be tried is no piece of it.
            tell = report if T in planned else lambda progress: report(progress._replace(piece=""))
            for found in _arm(comparison, text, arm, T, tell, shards):
                learns[T] = search.learns(int((found.solved_at > 0).sum()), len(found.solved_at))
                yield found
            memory.release(programs=trained[text] not in left)


def _require_known(
    comparison: Training, shards: Shards | None, rungs: Mapping[str, Sequence[int]] | None = None
) -> None:
    """Refuse what other code has left in `shards`; `rungs` are those of a race, by arm."""
    if shards is not None:
        doing = (*work.tuning(comparison), *(stages.training(w_rec) for w_rec in comparison.w_rec))
        known = {}
        for place, (arm, setting) in work.by_place(comparison).items():
            raced = [] if rungs is None else rungs.get(arm.label, ())
            for stage in [work.kept_as(doing[0], comparison.lr, until) for until in raced] or doing:
                arrays = shards.get(**Checkpoint(shards, arm.label, setting.T, stage).key)
                if arrays is not None:
                    known[place] = digests.unpacked(arrays)
        require(comparison, known, str(shards.folder.parent), known)


def _racing(
    comparison: Training, report: Callable[[Progress], None], shards: Shards | None
) -> Iterator[Result]:
    """Train all arms at the target, rung by rung, until one has solved it with less work than all others."""
    (T,), stride = comparison.T, comparison.stride
    made = [arms.arm(text, comparison.cell, comparison.init) for text in comparison.remedies]
    costs = {}
    for arm in made:
        setting = work.setting_of(comparison, arm, T, work.units(comparison, arm))
        cost = effort.of_arm(setting, arm.closed_form, arm.numbers).get("multiply_adds")
        if cost:
            costs[arm.label] = cost
    budgets = race.rungs(list(costs.values()), comparison.updates, stride) if costs else ()
    ends = {
        arm: [race.updates_of(cost, budget, comparison.updates, stride) for budget in budgets]
        for arm, cost in costs.items()
    }
    _require_known(comparison, shards, ends)
    found: dict[str, list[Result]] = {}
    progress = InTurn(report)

    def train_to(text: str, arm: arms.Arm, rung: Sequence[int] = ()) -> None:
        found[arm.label] = list(_arm(comparison, text, arm, T, progress.take, shards, rung))
        reached = rung[-1] / comparison.updates if rung else 1.0
        trained = [work.piece(arm, T, stage) for stage in work.stages(comparison, arm)]
        progress.reach(arm.label, [work.piece(arm, T, stages.COMPILING)], 1.0, computed=True)
        progress.reach(arm.label, trained, reached, computed=False)
        memory.release(programs=False)

    for at, budget in enumerate(budgets, start=1):
        for text, arm in zip(comparison.remedies, made, strict=True):
            rung = ends.get(arm.label, [])[:at]
            if rung and rung[-1] not in rung[:-1]:
                train_to(text, arm, rung)
        works = [half(one.solved_at) * costs[arm] for arm, some in found.items() for one in some]
        if race.over(works, budget):
            break
    for text, arm in zip(comparison.remedies, made, strict=True):
        if arm.label not in costs:
            train_to(text, arm)
        yield from found[arm.label]
    memory.release()


def _arm(
    comparison: Training,
    text: str,
    arm: arms.Arm,
    T: int,
    report: Callable[[Progress], None],
    shards: Shards | None,
    rung: Sequence[int] = (),
) -> Iterator[Result]:
    setting = work.setting_of(comparison, arm, T, work.units(comparison, arm))
    arm = work.ready(comparison, arm, setting)
    code = of_arm(comparison, arm, setting)
    begun = _begun(comparison, arm, setting)
    if shards is not None:
        kept.keep_begun(shards, text, T, begun)
    began = time.perf_counter()
    told = lambda stage: _teller(report, arm, stages.TUNING, work.piece(arm, T, stage))
    rates = chosen(comparison, arm, setting, told, shards, code, rung)
    for w_rec, rate in zip(comparison.w_rec, rates, strict=True):
        networks = train.draw(
            comparison, arm, setting, [(w_rec, rate, f"test {s}") for s in range(comparison.seeds)]
        )
        first = _profiled(comparison, arm, setting, networks)
        stage = stages.training(w_rec)
        names = [work.kept_as(stage, [rate], until) for until in rung or (None,)]
        tell = _teller(report, arm, "training", work.piece(arm, T, stage))
        networks, evaluations, solved = train.run(
            comparison,
            setting,
            networks,
            arm.closed_form,
            tell,
            Checkpoint(shards, arm.label, T, names[-1], code, names[:-1]),
            lambda networks: measure.profiles(comparison, arm, setting, networks)["transport"],
            until=rung[-1] if rung else None,
        )
        last = _profiled(comparison, arm, setting, networks)
        evaluations |= elsewhere.evaluated(comparison, setting, networks, evaluations["loss"])
        yield Result(
            arm.label,
            begun.cell,
            T,
            w_rec,
            begun.hidden,
            begun.parameters,
            math.nan if arm.closed_form else rate,
            np.full(1, comparison.updates) if arm.closed_form else work.evaluated_at(comparison),
            evaluations,
            solved,
            np.asarray(networks.broken, np.int64),
            tuple(loop.QUANTITIES[what] for what in np.asarray(networks.what)),
            {name: np.stack([first[name], last[name]], axis=1) for name in first},
            time.perf_counter() - began,
            code,
            begun.costs,
        )
        compiled.note(**work.of_program(comparison, arm, setting))
        began = time.perf_counter()


def _begun(comparison: Training, arm: arms.Arm, setting: Setting) -> Begun:
    parameters = arms.count(arm.cell, registry.make("tasks", comparison.task).sizes, setting.hidden)
    costs = effort.of_arm(setting, arm.closed_form, arm.numbers)
    levels = setting.task.solved, setting.task.chance(setting.T)
    return Begun(arm.label, registry.spelling(arm.cell), setting.hidden, parameters, costs, *levels)


def _profiled(
    comparison: Training, arm: arms.Arm, setting: Setting, networks: Network
) -> dict[str, NDArray[np.float64]]:
    """By (network, lag): the profiles and, of an arm that follows a gradient, what the task's loss sends."""
    own = {} if arm.closed_form else signal.of_loss(comparison, setting, networks)
    return measure.profiles(comparison, arm, setting, networks) | own


def _teller(
    report: Callable[[Progress], None], arm: arms.Arm, doing: str, name: str
) -> Callable[[int, int, bool], None]:
    """Tells how far a stage is, and whether that was computed."""

    def tell(done: int, of: int, computed: bool) -> None:
        said = f"{arm.label[:24]}: {doing}, {done / of:.0%}"
        report(Progress(said, name, done / of, computed, in_all=True))

    return tell
