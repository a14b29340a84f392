"""What a comparison of remedies will take, told before it starts."""

from gradlab import digests, registry
from gradlab.planning import compiled, costs
from gradlab.planning.costs import Sizes
from gradlab.planning.plan import STARTING, Piece, Plan, require_room
from gradlab.recurrence import platforms
from gradlab.studies.norms import SEQUENCES
from gradlab.studies.remedies import arms, loop, power, search, signal, stages, work
from gradlab.studies.remedies.networks import Setting
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.program import block
from gradlab.studies.sweep.work import WRITING


def plan(comparison: Training) -> Plan:
    """Count and estimate, as if no network solved its task early; draws nothing and compiles nothing."""
    pieces = {STARTING: Piece(costs.IMPORTS)}
    most, largest = 0, ""
    tried = search.dearest(comparison.T[0], comparison.longest) if comparison.longest else comparison.T
    places = work.by_place(comparison, tried)
    trained = fitted = 0
    planned: set[Setting] = set()
    for arm, setting in places.values():
        of = costs.sizes(arm.cell, setting.task.sizes[0], setting.hidden)
        pieces |= _pieces(comparison, arm, setting, of, known=setting in planned)
        planned.add(setting)
        tuned = comparison.tuning * len(comparison.lr) if len(comparison.lr) > 1 else 0
        one = len(comparison.w_rec) * comparison.seeds
        fitted += one * arm.closed_form
        trained += (one + len(comparison.w_rec) * tuned) * (not arm.closed_form)
        need = _bytes(comparison, setting, of)
        if need > most:
            most, largest = need, arm.label
    pieces[WRITING] = Piece(costs.FIGURES)
    counts = {
        "arms": len(comparison.remedies),
        "networks": trained,
        "fitted": fitted,
        "updates": comparison.updates,
    }
    compiling = any(piece.compiling for piece in pieces.values())
    needed = costs.training_bytes(compiling=compiling) + most
    card = None if platforms.on_cpu() else most
    return Plan(counts, pieces, needed, largest, power.notes(comparison), card)


def check(comparison: Training, planned: Plan) -> None:
    """Refuse what does not fit, with exit 7."""
    evaluated = f"{comparison.eval_size} sequences per evaluation"
    what = f"T up to {max(comparison.lengths)}, batch {comparison.batch}, {evaluated}"
    require_room(planned, "remedies", what, "choose a smaller one of them")


def _pieces(
    comparison: Training, arm: arms.Arm, setting: Setting, of: Sizes, *, known: bool
) -> dict[str, Piece]:
    """Compiling an arm, if no arm before it has the same program, then its stages.

    The command writes down the programs of what workers have trained, too, to see that they are its own.
    """
    ready, loading, compiling = costs.ready_training(of), 0.0, 0.0
    if not known and compiled.known(**work.of_program(comparison, arm, setting)):
        loading = costs.load_training(of)
        # What users bring is traced to be found.
        named = comparison.cell, comparison.init, comparison.task, arm.label
        ready = ready if digests.brought(*named) else 0.0
    elif not known:
        compiling = costs.compile_training(of)
    name = work.piece(arm, setting.T, stages.COMPILING)
    found = {name: Piece(ready + loading + compiling, compiling, again=ready)}
    for stage in work.stages(comparison, arm):
        networks = comparison.seeds
        choosing = stage in work.tuning(comparison)
        if choosing:
            rates = len(comparison.lr) if stage == stages.TUNING else 1
            networks = len(comparison.w_rec) * rates * comparison.tuning
        profiled = not choosing
        found[work.piece(arm, setting.T, stage)] = Piece(
            _training(comparison, arm, setting, of, networks, profiled=profiled)
        )
    return found


def _training(
    comparison: Training, arm: arms.Arm, setting: Setting, of: Sizes, networks: int, *, profiled: bool
) -> float:
    """Seconds of a stage: updates, evaluations and, where networks are followed, the profile at each."""
    size = (setting.hidden, comparison.batch, setting.T, comparison.precision)
    one = costs.forward(of, *size) if arm.closed_form else costs.update(of, *size)
    evaluations = 1 if arm.closed_form else comparison.updates // comparison.stride

    def evaluate(times: int) -> float:
        return costs.forward(
            of, setting.hidden, comparison.eval_size, times * setting.T, comparison.precision
        )

    evaluation = evaluate(1)
    few = loop.block(setting)
    padded = -(-networks // few) * few
    seconds = costs.shared(padded * (comparison.updates * one + evaluations * evaluation), networks, few)
    if profiled:
        call = block() * platforms.devices()
        profile = setting.T * costs.lag(of, setting.hidden, setting.T, comparison.precision)
        seconds += costs.shared(-(-networks // call) * call * (evaluations + 2) * profile, call, block())
        seconds += networks * sum(map(evaluate, comparison.evaluate_at))
        if not arm.closed_form and signal.tells(setting):
            seconds += 2 * networks * _signal(comparison, setting, of)
    return seconds


def _signal(comparison: Training, setting: Setting, of: Sizes) -> float:
    """Seconds of what the task's loss sends back, of one network: about four updates of as many sequences."""
    return 4 * costs.update(of, setting.hidden, SEQUENCES, setting.T, comparison.precision)


def _bytes(comparison: Training, setting: Setting, of: Sizes) -> int:
    """What an arm needs while it is trained: what a batch keeps for its way back, and an evaluation."""
    sizes = registry.make("tasks", comparison.task).sizes
    item = costs.itemsize(comparison.precision)
    networks: int = loop.block(setting) * platforms.devices()
    kept: int = comparison.batch * (4 * (of.gates + 2) * setting.hidden + sum(sizes))
    evaluation = comparison.eval_size * (setting.hidden + 2 * sum(sizes) + 8)
    weights = 12 * arms.count(setting.cell, sizes, setting.hidden)
    # Elsewhere networks are evaluated one after the other.
    longest: int = max([networks, *comparison.evaluate_at]) * evaluation
    numbers: int = setting.T * (networks * kept + longest) + networks * weights
    return item * numbers
