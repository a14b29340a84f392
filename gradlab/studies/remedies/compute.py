"""Trials of a comparison: every arm at equal budget, its learning rate chosen on seeds of its own."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import digests, memory, profiles, registry
from gradlab.errors import GradlabError
from gradlab.planning import compiled
from gradlab.planning.progress import Progress
from gradlab.recurrence.objectives import draw_target
from gradlab.recurrence.unroll import log10_norm
from gradlab.runs.shards import Shards
from gradlab.states import FORWARD_NONFINITE
from gradlab.studies.remedies import arms, loop, readout
from gradlab.studies.remedies.loop import Lane, Look, Setting
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.program import BLOCK, Networks, capacity, shared
from gradlab.studies.sweep.program import program as measuring
from gradlab.types import Key

Tree = Any
PROFILES = ("adjoint", "transport", "weight_gradient")
NOW = ("transport_rate", "horizon")
"""Of the network as it is at a look: its transport's rate, and its soft horizon, T where that lies beyond."""
SAVE_SECONDS = 5.0
"""Lanes on their way are kept this often."""


class Result(NamedTuple):
    """One arm at one w_rec, over its test seeds; curves have the axes (look, seed)."""

    arm: str
    cell: str
    T: int
    w_rec: float
    hidden: int
    parameters: int
    rate: float
    """NaN for a readout fitted in closed form."""
    updates: NDArray[np.int64]
    looks: dict[str, NDArray[np.float64]]
    """NaN after a lane has ended."""
    solved_at: NDArray[np.int64]
    """The update by which the task was solved, 0 if never."""
    broken_at: NDArray[np.int64]
    broken_what: tuple[str, ...]
    profiles: dict[str, NDArray[np.float64]]
    """log10 by (seed, start or end, lag); -inf for an exact zero, NaN where undefined."""
    seconds: float
    code: digests.Code
    """What was computed: the digests of the arm's cell and of what trained it."""


class _Stage:
    """Where the lanes of one stage of an arm are kept while they are on their way."""

    def __init__(
        self, shards: Shards | None, arm: str, T: int, doing: str, code: digests.Code | None = None
    ) -> None:
        self.code = code or {}
        self.shards = shards
        self.key: dict[str, Any] = {"arm": arm, "T": T, "doing": doing}
        self.saved = time.monotonic()

    def resume(self, lanes: Lane, looks: dict[str, Any], solved: NDArray[np.int64]) -> tuple[Lane, int]:
        """The lanes as they were kept, and the look they are at; fills in `looks` and `solved`."""
        wanted = _shapes(self._arrays(lanes, looks, solved, 0))
        rounds = len(looks["loss"])

        def fits(arrays: Any) -> bool:
            arrays = digests.without(arrays)
            return _shapes(arrays) == wanted and bool(0 <= arrays["look"][0] <= rounds)

        kept = self.shards.get(fits, **self.key) if self.shards is not None else None
        if kept is None:
            return lanes, 0
        for name, values in looks.items():
            values[:] = kept[name]
        solved[:] = kept["solved_at"]
        leaves, structure = jax.tree.flatten(lanes)
        stored = [jnp.asarray(kept[f"lane {i}"]) for i in range(len(leaves))]
        alike = [
            jax.random.wrap_key_data(new, impl="threefry2x32") if _is_key(old) else new
            for old, new in zip(leaves, stored, strict=True)
        ]
        return jax.tree.unflatten(structure, alike), int(kept["look"][0])

    def save(
        self, lanes: Lane, looks: dict[str, Any], solved: NDArray[np.int64], look: int, *, last: bool
    ) -> None:
        """Keep them, if it has been a while or the stage is over."""
        if self.shards is None or not (last or time.monotonic() - self.saved > SAVE_SECONDS):
            return
        arrays = self._arrays(lanes, looks, solved, look)
        self.shards.put(arrays | digests.packed(self.code), **self.key)
        self.saved = time.monotonic()

    def _arrays(self, lanes: Lane, looks: dict[str, Any], solved: NDArray[np.int64], look: int) -> Any:
        leaves = [jax.random.key_data(leaf) if _is_key(leaf) else leaf for leaf in jax.tree.leaves(lanes)]
        arrays = {f"lane {i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        return arrays | looks | {"solved_at": solved, "look": np.array([look])}


def _shapes(arrays: dict[str, NDArray[Any]]) -> dict[str, tuple[Any, ...]]:
    return {name: (array.dtype, array.shape) for name, array in arrays.items()}


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def run(
    comparison: Training,
    report: Callable[[Progress], None] = lambda news: None,
    shards: Shards | None = None,
) -> Iterator[Result]:
    """Train every arm at every T; one result for each w_rec, as soon as it is there.

    What `shards` holds goes on where it was: it keeps the lanes of each stage, a few seconds old at most.
    """
    if shards is not None:
        doing = (TUNING, *(_training(w_rec) for w_rec in comparison.w_rec))
        known = {}
        for place, (arm, setting) in by_place(comparison).items():
            for stage in doing:
                arrays = shards.get(**_Stage(shards, arm.label, setting.T, stage).key)
                if arrays is not None:
                    known[place] = digests.unpacked(arrays)
        require(comparison, known, str(shards.folder.parent), known)
    for text in comparison.remedies:
        arm = arms.arm(text, comparison.cell, comparison.init)
        for T in comparison.T:
            yield from _arm(comparison, arm, T, report, shards)
            memory.release()


def require(comparison: Training, known: Any, where: str, places: Iterable[str] | None = None) -> None:
    """Refuse results of the same settings that other code has given; `known` is a run's `code`, by arm and T.

    Raises:
      GradlabError: with what has changed.
    """
    every = by_place(comparison)

    def now(place: str) -> digests.Code:
        arm, setting = every[place]
        return _code(comparison, _ready(comparison, arm, setting), setting)

    parts = comparison.task, comparison.cell, comparison.init
    wanted = {
        place: digests.brought(every[place][0].label, *parts)
        for place in (every if places is None else places)
    }
    digests.require(known, now, lambda place: {}, where, wanted)


def by_place(comparison: Training) -> dict[str, tuple[arms.Arm, Setting]]:
    """What is trained: every arm at every T."""
    found = {}
    for text in comparison.remedies:
        arm = arms.arm(text, comparison.cell, comparison.init)
        hidden = _hidden(comparison, arm)
        for T in comparison.T:
            found[_place(arm, T)] = arm, _setting(comparison, arm, T, hidden)
    return found


TUNING = "tuning"


def stages(comparison: Training, arm: arms.Arm) -> list[str]:
    """What is done for an arm at each T: the choice of a learning rate, if there is one, then every w_rec."""
    tuned = len(comparison.lr) > 1 and not arm.closed_form
    return [*([TUNING] if tuned else []), *(_training(w_rec) for w_rec in comparison.w_rec)]


def piece(arm: arms.Arm, T: int, doing: str) -> str:
    """The name of a piece of the work."""
    return f"{_place(arm, T)}: {doing}"


def of_program(comparison: Training, arm: arms.Arm, setting: Setting) -> dict[str, Any]:
    """What decides which programs an arm needs."""
    names = (
        "task",
        "hidden",
        "batch",
        "eval_every",
        "eval_size",
        "seeds",
        "tuning",
        "lr",
        "optimizer",
        "precision",
    )
    own = {name: getattr(comparison, name) for name in names}
    return own | {"trains": _place(arm, setting.T), "units": setting.hidden, "cell": str(arm.cell)}


def _training(w_rec: float) -> str:
    """The name of a stage."""
    return f"training at w_rec = {w_rec}"


def _place(arm: arms.Arm, T: int) -> str:
    return f"{arm.label} at T = {T}"


def _code(comparison: Training, arm: arms.Arm, setting: Setting) -> digests.Code:
    """The digests of an arm's cell, of its initialiser and of what trains them: loss, samples and remedy.

    The arm is `_ready`: it draws what is trained.
    """
    dtype, width = np.dtype(comparison.precision), BLOCK * _devices(comparison.seeds)
    normal = lambda key, n: jax.random.normal(key, (n, n), float)

    def start(key: Key) -> Lane:
        return loop.start(setting, normal, jnp.ones((), float), jnp.ones((), float), key, dtype)

    def lanes() -> tuple[Lane, Any]:
        keys = jax.random.split(jax.random.key(0), width)
        return jax.vmap(start)(keys), keys

    given = jax.eval_shape(lanes)
    own = digests.of_cell(arm.cell, (setting.task.sizes[0], setting.hidden), comparison.precision)
    draw = jax.jit(lambda key: arm.initializer(key, setting.hidden))
    parts = {"initialiser": digests.digest(draw.lower(jax.random.key(0)))}
    if arm.closed_form:
        parts["fitting"] = digests.digest(readout.sums(setting).lower(given[0], jnp.int32(1)))
    else:
        made = loop.program(setting, _devices(comparison.seeds))
        parts["training"] = digests.digest(made.lower(*given))
    return digests.joined(own, digests.named(parts))


def _devices(lanes: int) -> int:
    """Devices that so many lanes are shared out among."""
    return min(len(jax.devices()), -(-lanes // BLOCK))


def _hidden(comparison: Training, arm: arms.Arm) -> int:
    """Units of the arm's cell: as many as asked for, or as give the plain arm's number of weights."""
    if not comparison.match:
        return comparison.hidden
    sizes = registry.make("tasks", comparison.task).sizes
    base = registry.make("cells", comparison.cell)
    return arms.matched(arm.cell, sizes, arms.count(base, sizes, comparison.hidden))


def check(comparison: Training) -> None:
    """Refuse, before anything is drawn, an arm or a T that is not possible."""
    task = registry.make("tasks", comparison.task)
    if min(comparison.T) < task.least:
        what = f"{min(comparison.T)} is too short for {comparison.task}; the least T is {task.least}"
        raise GradlabError("-T", what)
    for option, values in (
        ("-T", comparison.T),
        ("--w-rec", comparison.w_rec),
        (arms.OPTION, [arms.arm(t, comparison.cell, comparison.init).label for t in comparison.remedies]),
    ):
        twice = [value for i, value in enumerate(values) if value in values[:i]]
        if twice:
            raise GradlabError(option, f"{twice[0]} is given twice; name each value once")
    for text in comparison.remedies:
        arm = arms.arm(text, comparison.cell, comparison.init)
        try:
            loop.try_out(_setting(comparison, arm, max(comparison.T), 4), learn=not arm.closed_form)
        except ValueError as error:
            raise GradlabError(arms.OPTION, f"{arm.label} {error}") from error


def _setting(comparison: Training, arm: arms.Arm, T: int, hidden: int) -> Setting:
    return Setting(
        registry.make("tasks", comparison.task),
        arm.cell,
        arm.remedy,
        T,
        hidden,
        comparison.batch,
        comparison.optimizer,
        comparison.stride,
        comparison.eval_size,
    )


def _arm(
    comparison: Training, arm: arms.Arm, T: int, report: Callable[[Progress], None], shards: Shards | None
) -> Iterator[Result]:
    sizes = registry.make("tasks", comparison.task).sizes
    hidden = _hidden(comparison, arm)
    setting = _setting(comparison, arm, T, hidden)
    arm = _ready(comparison, arm, setting)
    code = _code(comparison, arm, setting)
    began = time.perf_counter()
    rates = _rates(comparison, arm, setting, report, shards, code)
    for w_rec, rate in zip(comparison.w_rec, rates, strict=True):
        lanes = _lanes(
            comparison, arm, setting, [(w_rec, rate, f"test {s}") for s in range(comparison.seeds)]
        )
        first = _profiles(comparison, arm, setting, lanes)
        stage = _training(w_rec)
        tell = _teller(report, arm, "training", piece(arm, T, stage))
        lanes, looks, solved = _train(
            comparison,
            setting,
            lanes,
            arm.closed_form,
            tell,
            _Stage(shards, arm.label, T, stage, code),
            lambda lanes: _profiles(comparison, arm, setting, lanes)["transport"],
        )
        last = _profiles(comparison, arm, setting, lanes)
        yield Result(
            arm.label,
            registry.spelling(arm.cell),
            T,
            w_rec,
            hidden,
            arms.count(arm.cell, sizes, hidden),
            math.nan if arm.closed_form else rate,
            np.full(1, comparison.updates) if arm.closed_form else _seen(comparison),
            looks,
            solved,
            np.asarray(lanes.broken, np.int64),
            tuple(loop.QUANTITIES[code] for code in np.asarray(lanes.what)),
            {name: np.stack([first[name], last[name]], axis=1) for name in PROFILES},
            time.perf_counter() - began,
            code,
        )
        compiled.note(**of_program(comparison, arm, setting))
        began = time.perf_counter()


def _teller(
    report: Callable[[Progress], None], arm: arms.Arm, doing: str, name: str
) -> Callable[[int, int, bool], None]:
    """Tells how far a stage is, and whether that was computed."""

    def tell(done: int, of: int, computed: bool) -> None:
        said = f"{arm.label[:24]}: {doing}, {done / of:.0%}"
        report(Progress(said, name, done / of, computed, in_all=True))

    return tell


def _ready(comparison: Training, arm: arms.Arm, setting: Setting) -> arms.Arm:
    """The arm with a start that depends on the cell made ready for it and for the task's inputs."""
    if not hasattr(arm.initializer, "for_cell"):
        return arm
    keys = jax.random.split(stream(comparison.seed, "inputs", task=comparison.task), 32)
    xs = loop.sample(setting, keys, jnp.float32).xs
    std = float(jnp.sqrt(jnp.mean(xs**2)))
    return arm._replace(
        initializer=arm.initializer.for_cell(arm.cell, std, setting.task.sizes[0], setting.hidden)
    )


def _seen(comparison: Training) -> NDArray[np.int64]:
    """The updates after which lanes are looked at."""
    return comparison.stride * np.arange(1, -(-comparison.updates // comparison.stride) + 1)


def _rates(
    comparison: Training,
    arm: arms.Arm,
    setting: Setting,
    report: Callable[[Progress], None],
    shards: Shards | None,
    code: digests.Code,
) -> list[float]:
    """The learning rate of each w_rec: most tuning seeds solved, then the earliest, then the least loss."""
    if len(comparison.lr) == 1 or arm.closed_form:
        return [comparison.lr[0]] * len(comparison.w_rec)
    tried = [
        (w_rec, rate, f"tuning {s}")
        for w_rec in comparison.w_rec
        for rate in comparison.lr
        for s in range(comparison.tuning)
    ]
    lanes = _lanes(comparison, arm, setting, tried)
    lanes, looks, solved = _train(
        comparison,
        setting,
        lanes,
        False,
        _teller(report, arm, TUNING, piece(arm, setting.T, TUNING)),
        _Stage(shards, arm.label, setting.T, TUNING, code),
    )
    shape = (len(comparison.w_rec), len(comparison.lr), comparison.tuning)
    # One seed not solved outweighs all that the others can be late.
    never = (comparison.tuning + 1) * comparison.updates
    late = np.where(solved > 0, solved, never).reshape(shape).mean(-1)
    losses = np.where(np.isnan(looks["loss"]), np.inf, looks["loss"])
    ended = np.where(np.asarray(lanes.broken) > 0, np.inf, losses.min(0)).reshape(shape)
    score = np.lexsort((ended.mean(-1), late), axis=-1)
    return [comparison.lr[best] for best in score[:, 0]]


def _lanes(
    comparison: Training, arm: arms.Arm, setting: Setting, what: list[tuple[float, float, str]]
) -> Lane:
    """Fresh lanes for (w_rec, rate, seed's name); the networks of a seed are equal at every rate."""
    content = {"cell": registry.spelling(arm.cell), "task": comparison.task, "hidden": setting.hidden}
    keys = jnp.stack([stream(comparison.seed, "training", seed=name, **content) for _, _, name in what])
    w_rec, rate = (jnp.asarray(column) for column in zip(*((w, r) for w, r, _ in what), strict=True))
    dtype = np.dtype(comparison.precision)
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        make = lambda w, r, key: loop.start(setting, arm.initializer, w, r, key, dtype)
        lanes: Lane = jax.jit(jax.vmap(make))(w_rec, rate, keys)
    return lanes


def _train(
    comparison: Training,
    setting: Setting,
    lanes: Lane,
    closed_form: bool,
    report: Callable[[int, int, bool], None],
    stage: "_Stage",
    transport: Callable[[Lane], NDArray[np.float64]] | None = None,
) -> tuple[Lane, dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Train until every lane has solved the task, has diverged or has spent its budget.

    With `transport` the lanes' profile is taken at every look: its rate and its soft horizon as they are now.
    """
    if closed_form:
        return _fit(comparison, setting, lanes)
    total = lanes.updates.size
    devices = _devices(total)
    width = devices * BLOCK
    rounds = len(_seen(comparison))
    names = (*Look._fields, *(NOW if transport is not None else ()))
    looks = {name: np.full((rounds, total), np.nan) for name in names}
    solved = np.zeros(total, np.int64)
    lanes, first_look = stage.resume(lanes, looks, solved)
    if first_look:
        report(total * first_look, total * rounds, False)
    alive = np.flatnonzero((solved == 0) & (np.asarray(lanes.broken) == 0))
    for look in range(first_look, rounds if len(alive) else 0):
        key = stream(comparison.seed, "judging", task=comparison.task, look=look)
        for first in range(0, len(alive), width):
            here = alive[first : first + width]
            filled = np.concatenate([here, np.repeat(here[-1:], width - len(here))])
            some = jax.tree.map(lambda leaf, filled=filled: leaf[filled], lanes)
            given = jax.device_put((some, jnp.broadcast_to(key, (width,))), shared(devices))
            moved, seen = loop.program(setting, devices)(*given)
            back = jax.device_put(moved, jax.devices()[0])
            put = lambda leaf, new, here=here: leaf.at[here].set(new[: len(here)])
            lanes = jax.tree.map(put, lanes, back)
            for name, values in seen._asdict().items():
                looks[name][look, here] = np.asarray(values, np.float64)[: len(here)]
        if transport is not None:
            log = transport(lanes)[alive]
            states = profiles.stored_states(log)
            fallen = profiles.fall(log, states, profiles.SOFT).value
            lost = (states == FORWARD_NONFINITE).any(axis=1)
            looks["transport_rate"][look, alive] = profiles.rate(log, states).value
            looks["horizon"][look, alive] = np.where(np.isnan(fallen) & ~lost, setting.T, fallen)
        # A lane that has diverged is a failure, whatever its last finite weights are worth.
        good = (looks["error"][look] <= setting.task.solved) & (np.asarray(lanes.broken) == 0)
        solved[(solved == 0) & good] = (look + 1) * comparison.stride
        alive = np.flatnonzero((solved == 0) & (np.asarray(lanes.broken) == 0))
        stage.save(lanes, looks, solved, look + 1, last=look + 1 == rounds or not len(alive))
        report(total * (look + 1), total * rounds, True)
        if not len(alive):
            break
    return lanes, looks, solved


def _fit(
    comparison: Training, setting: Setting, lanes: Lane
) -> tuple[Lane, dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """What `_train` gives, in one look at the end of the budget."""
    key = stream(comparison.seed, "judging", task=comparison.task, look=0)
    lanes, look = readout.fit(setting, lanes, comparison.updates, key)
    looks = {name: np.asarray(values, np.float64)[None] for name, values in look._asdict().items()}
    solved = np.where(looks["error"][0] <= setting.task.solved, comparison.updates, 0)
    return lanes, looks, solved


def _profiles(
    comparison: Training, arm: arms.Arm, setting: Setting, lanes: Lane
) -> dict[str, NDArray[np.float64]]:
    """log10 of adjoint, transport and weight gradient by (lane, lag), on one fresh sequence of the task.

    The adjoint goes through the remedy's backward pass; the transport is the network's own.
    """
    total, T = lanes.updates.size, setting.T
    devices = len(jax.devices())
    keys = stream(comparison.seed, "profile", task=comparison.task)[None]
    xs = loop.sample(setting, keys, lanes.weights.b_out.dtype).xs
    xs = jnp.pad(xs, ((0, 0), (0, capacity(T) - T), (0, 0)))
    first = jax.tree.map(lambda leaf: leaf[0], lanes.state)
    target = draw_target("unit", stream(comparison.seed, "target"), first, arm.cell.readout)
    xs, target = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (total, 1, *leaf.shape)), (xs[0], target))
    networks = Networks(lanes.weights.cell, lanes.state, xs, target)
    filled = np.concatenate([np.arange(total), np.zeros(-total % (devices * BLOCK), int)])
    some = jax.device_put(jax.tree.map(lambda leaf: leaf[filled], networks), shared(devices))
    found = measuring(arm.cell, "unit", devices, adjoint=arm.remedy.adjoint)(some, jnp.int32(T))
    logs = {}
    for name in PROFILES:
        log = log10_norm(jax.tree.map(np.asarray, found.columns[name]))[:total, 0]
        logs[name] = (log if log.ndim == 2 else log[..., 0])[:, : T + 1]
    return logs
