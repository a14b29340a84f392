"""Probes beyond adjoint and transport, on every network of a grid: one program per (cell, probe).

They run one network after another on the processor, so that a probe may use LAPACK; the sweep's own are those
of `program`.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import probes, registry
from gradlab.errors import GradlabError, shown
from gradlab.recurrence import platforms
from gradlab.recurrence.given import Network
from gradlab.recurrence.objectives import ObjectiveName
from gradlab.recurrence.objectives import objective as make_objective
from gradlab.recurrence.scaled import Norm
from gradlab.recurrence.trees import carried
from gradlab.recurrence.zeros import by_definition, term_by_definition
from gradlab.states import UNDEFINED
from gradlab.studies.sweep import losses
from gradlab.studies.sweep.declared import axes
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.probe_states import Columns, values
from gradlab.studies.sweep.program import Networks
from gradlab.studies.sweep.settings import Sweep
from gradlab.studies.sweep.single import compiled
from gradlab.types import Examples, Objective, ProbeContext, Step

Tree = Any


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
    """The jitted probe, `(networks, length, beside) -> columns`, with axes (network, sequence, ...).

    `defined`: of derivatives that are zero only by definition, see `by_definition`.
    """
    measure = registry.make("probes", probe)

    def sequence(params: Tree, state: Tree, xs: Any, target: Tree, length: Any, own: Examples | None) -> Any:
        step, numbers, ys, seen = carried(cell.step, params, state, xs, cell)
        setup = ProbeContext(make_objective(name, target, cell.readout), cell.recurrent, length, cell=seen)
        if own is not None:
            others = jax.vmap(lambda one: carried(cell.step, params, state, one, cell)[2])(own.xs)
            setup = setup._replace(examples=own._replace(xs=others))
        if defined:
            step, setup = _by_definition(step, setup)
        return measure(step, params, numbers, ys, setup)._asdict()

    def network(one: Networks, length: Any, own: Examples | None) -> Any:
        each = lambda pair: sequence(one.params, one.state, pair[0], pair[1], length, own)
        return jax.lax.map(each, (one.xs, one.target))

    def networks(all_: Networks, length: Any, beside: Beside | None) -> Any:
        if beside is None:
            return jax.lax.map(lambda one: network(one, length, None), all_)

        def of_seed(pair: tuple[Networks, Any]) -> Any:
            own = jax.tree.map(lambda leaf: leaf[pair[1]], beside.examples)
            return network(pair[0], length, own)

        return jax.lax.map(of_seed, (all_, beside.seeds))

    return jax.jit(networks)


class Beside(NamedTuple):
    """What a probe is given beside the networks."""

    examples: Examples
    """Of each seed, on a leading axis."""
    seeds: Any
    """The seed of each network."""


def beside(sweep: Sweep, cell: Any, probe: str, networks: Networks, T: int) -> Beside | None:
    """The examples that the file of a probe draws; None if it draws none.

    They are those of a seed, at a T, whatever else is in the grid.
    """
    made = getattr(registry.home("probes", probe.partition("(")[0]), "examples", None)
    if made is None:
        return None
    own: dict[str, Any] = getattr(registry.make("probes", probe), "keywords", {})
    units, dtype = readout_size(cell, networks), networks.xs.dtype
    with jax.enable_x64(True), platforms.host():
        keys = [stream(sweep.seed, "examples", probe=probe, T=T, seed=s) for s in range(sweep.seeds)]
        found = [made(key, T, networks.xs.shape[2], units, **own) for key in keys]
        if found[0] is None:
            return None
        # As every other number: from one stream in float64, for both precisions.
        together = jax.tree.map(lambda *leaves: _cast(np.stack(leaves), dtype), *found)
    return Beside(together, np.arange(len(networks.xs)) % sweep.seeds)


def _cast(leaf: NDArray[Any], dtype: Any) -> NDArray[Any]:
    return leaf.astype(dtype) if np.issubdtype(leaf.dtype, np.floating) else leaf


def _by_definition(step: Step, setup: ProbeContext) -> tuple[Step, ProbeContext]:
    defined = by_definition(lambda params, state, x: setup.read(state))

    def read(state: Tree) -> Tree:
        # One that picks parts of the state has no derivative to replace, and a probe may ask which.
        picks = not jax.make_jaxpr(setup.read)(state).eqns
        return setup.read(state) if picks else defined(None, state, None)

    return by_definition(step), setup._replace(objective=term_by_definition(setup.objective), readout=read)


def run(
    cell: Any, probe: str, name: ObjectiveName, networks: Networks, length: int, more: Beside | None = None
) -> dict[str, Any]:
    """Start a probe on every network; the columns come back as soon as they are asked for."""
    made = program(cell, probe, name)
    with platforms.host():
        return _checked(probe, lambda: made(networks, jnp.int32(length), more), length)


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


def alone(
    probe: str, net: Network, aimed: losses.Aimed, broken: bool, own: losses.OwnExamples | None
) -> dict[str, tuple[tuple[str, ...], NDArray[Any], NDArray[Any]]]:
    """A probe of one network on one sequence, each column's axes, values and states as in a sweep of one.

    `own`: what `losses.examples` makes of somebody's further sequences.
    """
    measure = registry.make("probes", probe)
    length = len(jax.tree.leaves(net.xs)[0])

    def measured(defined: bool) -> Columns:
        def one(params: Tree, state: Tree, xs: Tree, targets: Tree, examples: Examples | None) -> Columns:
            setup = ProbeContext(aimed.of(targets), net.recurrent, length, readout=net.readout)
            step, setup = net.step, setup._replace(examples=examples, loss=own and own.loss)
            if defined:
                step, setup = _by_definition(step, setup)
            return dict(measure(step, params, state, xs, setup)._asdict())

        given = net.params, net.state, net.xs, aimed.targets, own and own.examples
        found = compiled(one, *given, of=(probe, defined, aimed.fixed))
        return {
            name: jax.tree.map(lambda leaf: np.asarray(leaf)[None, None], one) for name, one in found.items()
        }

    columns = _checked(probe, lambda: measured(False), length)
    found = values(probe, columns, lambda: measured(True), np.array([broken]), length)
    return {
        name: (axes(probe)[name], value[None, None, None], code[None, None, None])
        for name, (value, code) in found.items()
    }


def several(
    probe: str,
    net: Network,
    objective: Callable[[Tree], Objective],
    given: tuple[Tree, Tree, Any],
    lengths: Sequence[int],
    broken: NDArray[np.bool_],
) -> list[dict[str, tuple[NDArray[Any], NDArray[Any]]]]:
    """A probe of one network on each of several sequences: values and states of its columns.

    `given` are inputs, targets and lengths with a leading axis of sequences; `objective` is that of a target.
    A lag beyond a sequence's own length is undefined.
    """
    measure = registry.make("probes", probe)

    def measured(defined: bool) -> Columns:
        def each(params: Tree, state: Tree, given: Tree) -> Columns:
            def one(item: Any) -> Any:
                xs, target, length = item
                step, setup = net.step, ProbeContext(objective(target), None, length, readout=net.readout)
                if defined:
                    step, setup = _by_definition(step, setup)
                return measure(step, params, state, xs, setup)._asdict()

            return dict(jax.lax.map(one, given))

        with platforms.host():
            return dict(compiled(each, net.params, net.state, given, of=(probe, defined)))

    def of_one(columns: Columns, i: int) -> Columns:
        return jax.tree.map(lambda leaf: np.asarray(leaf)[i][None, None], columns)  # type: ignore[no-any-return]

    again = functools.cache(lambda: measured(True))
    columns = _checked(probe, lambda: jax.tree.map(lambda leaf: leaf[:, None], measured(False)), max(lengths))
    columns = {name: jax.tree.map(lambda leaf: leaf[:, 0], one) for name, one in columns.items()}
    found = []
    for i, length in enumerate(lengths):
        defined = functools.partial(lambda i: of_one(again(), i), i)
        own = values(probe, of_one(columns, i), defined, broken[i : i + 1], length)
        found.append({name: _within(pair, axes(probe)[name], length) for name, pair in own.items()})
    return found


def _within(pair: Any, own: Sequence[str], length: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Values and states of one network, undefined beyond the last lag."""
    value, code = pair[0][0].copy(), pair[1][0].copy()
    if "lag" in own:
        beyond = (*(slice(None),) * own.index("lag"), slice(length + 1, None))
        value[beyond], code[beyond] = np.nan, UNDEFINED
    return value, code


def gate_names(cell: Any, networks: Networks) -> tuple[str, ...]:
    """What the axis `gate` of a cell counts: its gate_values by the alphabet, or `none`."""
    one = jax.tree.map(lambda leaf: leaf[0], networks)
    return tuple(jax.eval_shape(cell.gate_values, one.params, one.state, one.xs[0, 0])) or ("none",)
