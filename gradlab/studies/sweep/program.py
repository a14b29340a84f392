"""Many networks at once: one program that measures them all, on every device.

Networks that differ in `w_rec`, seed or initialiser run side by side in one program; `T` is an argument of
it. So a sweep compiles one program for each (cell with its settings, N, number of networks).
"""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.programs import Program
from gradlab.recurrence import platforms
from gradlab.recurrence.objectives import ObjectiveName
from gradlab.recurrence.objectives import objective as make_objective
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import Norm
from gradlab.recurrence.scan import SEGMENT
from gradlab.recurrence.trees import carried, merged, split
from gradlab.recurrence.zeros import Zeros, structural_zeros
from gradlab.types import ProbeContext

Tree = Any
NORMS = ("adjoint", "transport")
PROBES = (*NORMS, "state_shift")
"""Of every network of a sweep."""
SHIFT = "state_shift"
NONFINITE = "nonfinite_step"
GRADIENT = "gradient"
GRADIENT_AXES = {GRADIENT: ("leaf",), "gradient_projection": ("leaf",)}
FEW, MANY = 4, 128
"""Networks that a device runs side by side: few enough for a CPU's caches, enough for a GPU's cores."""
CALL_BYTES = 2**29
"""A call takes and gives at most about this many bytes; a larger grid is several calls of one program."""


class Networks(NamedTuple):
    """What a program measures: every leaf has a leading axis of networks."""

    params: Tree
    state: Tree
    xs: Any
    """Inputs (networks, B, len, D)."""
    target: Tree
    """What the objective was drawn from, (networks, B, ...)."""
    numbers: Tree = ()
    """What a remedy's backward pass is made of."""


class Measured(NamedTuple):
    """Columns of all probes and, for each sequence, the first step whose state is not finite (or 0)."""

    columns: dict[str, Norm]
    nonfinite: Any
    shift: Any = None
    """The column of `state_shift`, of each sequence; None if it was not asked for."""
    gradient: Any = None
    """The norms and projections of dL/dparams, of each sequence and leaf; None if they were not asked for."""


def capacity(longest: int) -> int:
    """The length of the input buffers for sequences of up to `longest` steps."""
    return SEGMENT * -(-longest // SEGMENT)


def measure_one(
    step: Any, params: Tree, state: Tree, xs: Any, setup: ProbeContext, probe: str
) -> dict[str, Any]:
    """One probe of one network on one input sequence: its columns by name, and perhaps `nonfinite_step`."""
    step, state, xs, cell = carried(step, params, state, xs, setup.cell)
    setup = setup._replace(cell=cell)
    columns = registry.member("probes", probe)(step, params, state, xs, setup)._asdict()
    return {name: column for name, column in columns.items() if column is not None}


def state_parts(state: Tree) -> tuple[str, ...]:
    """The names of a state's parts: the whole, and each leaf that has a gradient if there are several."""
    paths = jax.tree_util.tree_leaves_with_path(split(state)[0])
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    return ("state", *names) if len(names) > 1 else ("state",)


def reads_no_state(step: Any, params: Tree, state: Tree, x: Any) -> bool:
    """Whether the step's Jacobian with respect to the state is the same everywhere: the cell is linear.

    Raises:
      GradlabError: if the step has no reverse mode.
    """
    found = []

    def derive(params: Tree, numbers: Tree, x: Any) -> None:
        one = pullback(
            lambda p, numbers, x: split(step(p, merged(numbers, x[1]), x[0]))[0], params, numbers, x
        )
        after, kept = one.forward(numbers, x)
        one.pull(kept, after)
        found.append(one.linear)

    numbers, others = split(state)
    try:
        jax.eval_shape(derive, params, numbers, (x, others))
    except (TypeError, ValueError) as error:
        what = str(error).splitlines()[0]
        raise GradlabError("step", f"cannot be differentiated by JAX: {what}; see jax.vjp") from error
    return found[0]


@functools.cache
def program(
    cell: Any,
    name: ObjectiveName,
    devices: int,
    probes: tuple[str, ...] = PROBES,
    weights: bool = True,
    adjoint: Any = None,
    fixed: int | None = None,
) -> Program:
    """The measurement, `(networks, length) -> Measured`, networks shared out among the devices.

    They come in multiples of `devices * block()`. With `fixed` its loops are made for that length alone.
    Without `weights` the gradient of the weights is left out; `adjoint` makes a remedy's
    backward pass of the numbers of each network.
    """
    recurrent, size = cell.recurrent if weights else None, block()

    def network(probe: str, length: Any, one: Networks) -> Any:
        params, state, xs, target, numbers = one
        beside, back = size * len(xs), None if adjoint is None else adjoint(numbers)

        def sequence(xs: Any, target: Tree) -> Any:
            objective = make_objective(name, target, cell.readout)
            setup = ProbeContext(objective, recurrent, length, back, cell, beside)
            return measure_one(cell.step, params, state, xs, setup, probe)

        if len(xs) > 1:
            return jax.vmap(sequence)(xs, target)
        # A loop inside one vmap is traced far faster than inside two.
        alone = sequence(xs[0], jax.tree.map(lambda leaf: leaf[0], target))
        return jax.tree.map(lambda leaf: leaf[None], alone)

    def blocks(probe: str, networks: Networks, length: Any) -> Any:
        some = jax.tree.map(lambda leaf: leaf.reshape(-1, size, *leaf.shape[1:]), networks)
        each = jax.vmap(functools.partial(network, probe, length))
        found = jax.lax.map(lambda block: each(block), some)
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), found)

    def share(networks: Networks, length: Any) -> Measured:
        length = length if fixed is None else fixed
        columns: dict[str, Any] = {}
        for probe in probes:
            columns |= blocks(probe, networks, length)
        last = (columns.pop(name, None) for name in (SHIFT, GRADIENT))
        return Measured(columns, columns.pop(NONFINITE), *last)

    spread, everywhere = shared(devices), PartitionSpec()  # type: ignore[no-untyped-call]
    mesh, here = spread.mesh, spread.spec
    mapped = jax.shard_map(share, mesh=mesh, in_specs=(here, everywhere), out_specs=here, check_vma=False)
    jitted = jax.jit(
        mapped, in_shardings=(spread, NamedSharding(mesh, everywhere)), compiler_options=platforms.options()
    )
    return Program(jitted, "measuring", cell, name, devices, probes, weights, adjoint, fixed)


@functools.cache
def zeros_program(cell: Any, name: ObjectiveName) -> Any:
    """The jitted `structural_zeros`, `(networks, length) -> Zeros` by (network, sequence, lag, ...).

    It takes `block()` networks, and is compiled only if a zero was found.
    """

    def sequence(params: Tree, state: Tree, xs: Any, target: Tree, length: Any) -> Zeros:
        setup = ProbeContext(make_objective(name, target, cell.readout), cell.recurrent, length)
        return structural_zeros(cell.step, params, state, xs, setup)

    each = jax.vmap(jax.vmap(sequence, (None, None, 0, 0, None)), (0, 0, 0, 0, None))

    def some(networks: Networks, length: Any) -> Any:
        return each(networks.params, networks.state, networks.xs, networks.target, length)

    return jax.jit(some)


def block() -> int:
    """Networks that a device runs side by side: a fact of the platform, and never of the grid.

    A compiled loop may round the same network otherwise in a block of another size: so a grid that grows, or
    is cut into other calls, changes no byte of what it had.
    """
    return FEW if platforms.on_cpu() else MANY


def shared(devices: int) -> NamedSharding:
    """The first axis shared out among so many devices."""
    here = PartitionSpec("device")  # type: ignore[no-untyped-call]
    return NamedSharding(Mesh(np.array(jax.devices()[:devices]), ("device",)), here)


def placed(tree: Tree, place: NamedSharding) -> Tree:
    """The forms of arrays that lie there: what is traced for these is not traced again for the arrays."""

    def form(leaf: Any) -> Any:
        told = leaf.shape, leaf.dtype
        return jax.ShapeDtypeStruct(*told, sharding=place, weak_type=leaf.weak_type)  # type: ignore[no-untyped-call]

    return jax.tree.map(form, tree)
