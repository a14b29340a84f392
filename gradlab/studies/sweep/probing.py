"""Probes beyond adjoint and transport, on every network of a grid: one program per (cell, probe).

They run one network after another on one device, so that a probe may use LAPACK; the sweep's own two are
that of `program`.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import probes, registry
from gradlab.errors import GradlabError, shown
from gradlab.recurrence.objectives import ObjectiveName
from gradlab.recurrence.objectives import objective as make_objective
from gradlab.recurrence.scaled import Norm, log10_norm
from gradlab.recurrence.trees import carried
from gradlab.recurrence.zeros import by_definition, term_by_definition, told_apart
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, FORWARD_NONFINITE, NOT_COMPUTED, OK, UNDEFINED
from gradlab.studies.sweep.columns import OWN, too_short
from gradlab.studies.sweep.program import PROBES, Networks
from gradlab.types import ProbeContext, Step

if TYPE_CHECKING:
    import xarray

Tree = Any
Pair = tuple[NDArray[np.float64], NDArray[np.int8]]
Columns = dict[str, Any]


def extras() -> list[str]:
    """The probes that a sweep runs only if asked."""
    return [name for name in registry.names("probes") if name not in PROBES]


def axes(probe: str) -> dict[str, tuple[str, ...]]:
    """The columns of a probe, as it may be spelled with settings, and the names of their own axes."""
    found = probes.axes(probe)
    if registry.is_foreign("probes", probe):
        taken = sorted({*OWN, *registry.names("metrics")} & found.keys())
        if taken:
            what = f"{probe} has a column {taken[0]}, which is the name of something else; give it another"
            raise GradlabError("--probe", what)
        odd = sorted(probes.columns(probe.partition("(")[0]).keys() - found.keys())
        if odd:
            raise GradlabError("--probe", f"{probe} states FACTS of {odd[0]}, which is none of its columns")
    return found


def _home(probe: str) -> ModuleType:
    return registry.home("probes", probe.partition("(")[0])


def stated(probe: str, units: int) -> dict[str, str]:
    """What the file of a probe says beside its program, as texts; `units` are the numbers that it reads."""
    home = _home(probe)
    own: dict[str, Any] = getattr(registry.make("probes", probe), "keywords", {})
    shortest: dict[str, int] = getattr(home, "shortest", lambda units, **own: {})(units, **own)
    said: dict[str, dict[str, Any]] = {"list of axes": axes(probe), "least T": shortest}
    norms = sorted(map(str, getattr(home, "NORMS", ())))
    return {what: repr(sorted(one.items())) for what, one in said.items()} | {"list of norms": repr(norms)}


def noted(norms: "xarray.Dataset", asked: Sequence[str], units: Mapping[str, int]) -> "xarray.Dataset":
    """The dataset with what must be read beside a probe's numbers.

    It stands in their attribute `note`, and in `undefined`, which T are too short for them; `units` are the
    numbers in the readout of each cell.
    """
    for probe in asked:
        for name, words in _too_short(probe, norms["T"].values.tolist(), units).items():
            norms[name].attrs["undefined"] = words
        for name, words in notes(norms, probe).items():
            norms[name].attrs["note"] = words
    return norms


def notes(norms: "xarray.Dataset", probe: str) -> dict[str, str]:
    """What must be read beside the columns of a probe, by their names."""
    found: dict[str, str] = getattr(_home(probe), "notes", lambda norms: {})(norms)
    return found


def _too_short(probe: str, T: Sequence[int], units: Mapping[str, int]) -> dict[str, str]:
    """By column, at which T it is undefined because that is too short, and which would do."""
    shortest = getattr(_home(probe), "shortest", None)
    if shortest is None:
        return {}
    own: dict[str, Any] = getattr(registry.make("probes", probe), "keywords", {})
    found: dict[str, dict[int, list[str]]] = {}
    for cell, size in units.items():
        for name, least in shortest(size, **own).items():
            if min(T) < least:
                found.setdefault(name, {}).setdefault(least, []).append(cell)
    return {
        name: "; ".join(
            f"at T = {', '.join(str(t) for t in sorted(T) if t < least)} of {', '.join(cells)}, "
            f"which need{'s' * (len(cells) == 1)} T = {least} or more"
            for least, cells in by_least.items()
        )
        for name, by_least in found.items()
    }


def foreseen(asked: Sequence[str], T: Sequence[int], units: Callable[[], Mapping[str, int]]) -> list[str]:
    """Which T will be too short for which columns, in sentences; `units` as `noted` has them."""
    some = [probe for probe in asked if hasattr(_home(probe), "shortest")]
    counted = units() if some else {}
    found = {name: words for probe in some for name, words in _too_short(probe, T, counted).items()}
    return too_short(found)


def readout_size(cell: Any, networks: Networks) -> int:
    """Numbers in what a probe reads of a state."""
    one = jax.tree.map(lambda leaf: leaf[0], networks)

    def read(params: Tree, state: Tree, xs: Any) -> Any:
        _, numbers, _, seen = carried(cell.step, params, state, xs, cell)
        return seen.readout(numbers)

    found = jax.eval_shape(read, one.params, one.state, one.xs[0])
    return sum(leaf.size for leaf in jax.tree.leaves(found))


@functools.cache
def program(cell: Any, probe: str, name: ObjectiveName, defined: bool = False) -> Any:
    """The jitted probe, `(networks, length) -> columns`, with axes (network, sequence, ...).

    `defined`: of derivatives that are zero only by definition, see `by_definition`.
    """
    measure = registry.make("probes", probe)

    def sequence(params: Tree, state: Tree, xs: Any, target: Tree, length: Any) -> Any:
        step, numbers, ys, seen = carried(cell.step, params, state, xs, cell)
        setup = ProbeContext(make_objective(name, target, cell.readout), cell.recurrent, length, cell=seen)
        if defined:
            step, setup = _by_definition(step, setup)
        return measure(step, params, numbers, ys, setup)._asdict()

    def network(one: Networks, length: Any) -> Any:
        each = lambda pair: sequence(one.params, one.state, pair[0], pair[1], length)
        return jax.lax.map(each, (one.xs, one.target))

    return jax.jit(lambda networks, length: jax.lax.map(lambda one: network(one, length), networks))


def _by_definition(step: Step, setup: ProbeContext) -> tuple[Step, ProbeContext]:
    return by_definition(step), setup._replace(objective=term_by_definition(setup.objective))


def run(cell: Any, probe: str, name: ObjectiveName, networks: Networks, length: int) -> dict[str, Any]:
    """Start a probe on every network; the columns come back as soon as they are asked for."""
    made = program(cell, probe, name)
    return _checked(probe, lambda: made(networks, jnp.int32(length)), length)


def _checked(probe: str, measured: Callable[[], Columns], length: int) -> Columns:
    """The columns of a probe, (network, sequence, ...); what one of another package does wrong is named."""
    if not registry.is_foreign("probes", probe):
        return dict(measured())
    try:
        columns = dict(measured())
    except Exception as error:
        raise GradlabError(
            f"probe {probe}", f"fails: {type(error).__name__}: {shown(str(error), 200)}"
        ) from error
    _check(probe, columns, length)
    return columns


def _check(probe: str, columns: dict[str, Any], length: int) -> None:
    """Hold the columns of a probe that another package brings to the axes that it states."""
    stated, least = axes(probe), {"lag": length} | dict.fromkeys(("step", "from_step", "to_step"), length)
    columns, hidden = probes.marked(columns)
    wrong = misplaced(columns, hidden)
    if wrong:
        raise GradlabError(f"probe {probe}", wrong)
    if columns.keys() != stated.keys():
        what = f"gives the columns {', '.join(columns)}, and states axes for {', '.join(stated)}"
        raise GradlabError(f"probe {probe}", what)
    for name, column in columns.items():
        shape = np.shape(column.square if isinstance(column, Norm) else column)[2:]
        if len(shape) != len(stated[name]):
            what = f"gives {name} with {len(shape)} axes, and states {len(stated[name])}"
            raise GradlabError(f"probe {probe}", what)
        for axis, size in zip(stated[name], shape, strict=True):
            if size < least.get(axis, 0):
                what = f"gives {name} with {size} entries along {axis}, of a sequence of {length} steps"
                raise GradlabError(f"probe {probe}", what)


def misplaced(columns: Mapping[str, Any], hidden: Mapping[str, Any]) -> str:
    """What is wrong with the marks of what rounding hides; empty if nothing is."""
    for name, mark in hidden.items():
        if name not in columns:
            return f"says that rounding hides {name}, which is none of its columns"
        column = columns[name]
        shape = np.shape(column.square if isinstance(column, Norm) else column)
        if np.shape(mark) != shape:
            return f"says where rounding hides {name} in the shape {np.shape(mark)}, and not {shape}"
        if mark.dtype != bool:
            return f"says where rounding hides {name} in {mark.dtype}, and not in True and False"
    return ""


def values(
    probe: str,
    columns: Columns,
    again: Callable[[], Columns],
    broken: NDArray[Any],
    length: int,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Pair]:
    """Each column as values and states, (network, ...), axes cut to `sizes`; sequences are averaged.

    Norms become log10, averaged as such. `broken` marks the networks whose forward pass is not finite. Where
    a norm is zero, `again` gives the columns of derivatives that are zero only by definition.
    """
    columns, marks = probes.marked(columns)
    found = {name: _numbers(column, axes(probe)[name], length) for name, column in columns.items()}
    hidden = {name: np.asarray(marks.get(name, False)) for name in found}
    found = {name: np.where(hidden[name], np.nan, value) for name, value in found.items()}
    norms = getattr(_home(probe), "NORMS", ())
    zeros = {name: value == 0 if name in norms else np.isneginf(value) for name, value in found.items()}
    defined: dict[str, NDArray[Any]] = {}
    if any(zero.any() for zero in zeros.values()):
        defined = _defined(probe, again, found, length)
    pairs = {}
    for name, value in found.items():
        meant = zeros[name] & (defined[name] == value) if defined else zeros[name]
        if name in norms:
            value = np.where(zeros[name] & ~meant, -np.inf, value)
        mean, state = _pooled(value, meant, broken, np.broadcast_to(hidden[name], value.shape))
        if defined:
            # A second run that has no number there decides nothing.
            state[np.isnan(defined[name]).any(1) & (state == BELOW_PRECISION)] = NOT_COMPUTED
        cut = (slice(None), *(slice(sizes.get(label)) for label in axes(probe)[name]))
        pairs[name] = np.where(state == OK, mean, np.nan)[cut], state[cut]
    return pairs


def _defined(
    probe: str, again: Callable[[], Columns], found: dict[str, NDArray[Any]], length: int
) -> dict[str, NDArray[Any]]:
    """The columns of the second run; NaN, not known, for another package's probe that cannot do it."""
    try:
        columns, _ = probes.marked(again())
        return {name: _numbers(column, axes(probe)[name], length) for name, column in columns.items()}
    except Exception:
        if not registry.is_foreign("probes", probe):
            raise
        return {name: np.full(value.shape, np.nan) for name, value in found.items()}


def _numbers(column: Any, own: Sequence[str], length: int) -> NDArray[Any]:
    """A column by (network, sequence, ...), norms as log10, NaN beyond the last lag."""
    if not isinstance(column, Norm):
        return np.asarray(column, np.float64)
    value = log10_norm(column)
    for axis, label in enumerate(own, start=2):
        if label == "lag":
            beyond = np.arange(value.shape[axis]) > length
            value = np.where(beyond.reshape(-1, *(1,) * (value.ndim - axis - 1)), np.nan, value)
    return value


def _pooled(value: NDArray[Any], meant: NDArray[Any], broken: NDArray[Any], hidden: NDArray[Any]) -> Pair:
    """The mean over sequences and its state; a network's is zero where all its sequences are.

    `meant` marks what is zero by definition, `hidden` what rounding hides: the others have another mean.
    """
    zero = np.isneginf(value).all(1)
    with np.errstate(invalid="ignore"):
        some = np.where(np.isneginf(value), np.nan, value)
        count = (~np.isnan(some)).sum(1)
        mean = np.where(count > 0, np.nansum(some, axis=1) / np.maximum(count, 1), np.nan)
    state = np.where(zero, EXACT_ZERO, np.where(np.isnan(mean), UNDEFINED, OK)).astype(np.int8)
    state = told_apart(state, np.asarray(meant.all(1)))
    state = np.where(hidden.any(1), NOT_COMPUTED, state)
    lost = broken.reshape(-1, *(1,) * (state.ndim - 1)) & (state != UNDEFINED)
    return mean, np.where(lost, FORWARD_NONFINITE, state).astype(np.int8)


def alone(
    probe: str, step: Step, params: Tree, state: Tree, xs: Any, setup: ProbeContext, broken: bool
) -> dict[str, tuple[tuple[str, ...], NDArray[Any], NDArray[Any]]]:
    """A probe of one network on one sequence, each column's axes, values and states as in a sweep of one."""
    measure = registry.make("probes", probe)

    def measured(step: Step, setup: ProbeContext) -> Columns:
        found = jax.jit(lambda p, s, x: measure(step, p, s, x, setup)._asdict())(params, state, xs)
        return {
            name: jax.tree.map(lambda leaf: np.asarray(leaf)[None, None], one) for name, one in found.items()
        }

    again = lambda: measured(*_by_definition(step, setup))
    columns = _checked(probe, lambda: measured(step, setup), int(setup.length))
    found = values(probe, columns, again, np.array([broken]), int(setup.length))
    return {
        name: (axes(probe)[name], value[None, None, None], code[None, None, None])
        for name, (value, code) in found.items()
    }


def gate_names(cell: Any, networks: Networks) -> tuple[str, ...]:
    """What the axis `gate` of a cell counts: its gate_values by the alphabet, or `none`."""
    one = jax.tree.map(lambda leaf: leaf[0], networks)
    return tuple(jax.eval_shape(cell.gate_values, one.params, one.state, one.xs[0, 0])) or ("none",)
