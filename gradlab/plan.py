"""What a sweep will take, told before it starts."""

from typing import NamedTuple

import jax

from gradlab import memory, registry, runtime
from gradlab.experiment import Sweep
from gradlab.lanczos import steps
from gradlab.status import Exit, GradlabError, size
from gradlab.sweep import BLOCK, CALL_BYTES, capacity
from gradlab.unroll import SEGMENT

BASE_BYTES = 400 * 2**20
"""Python, JAX and the libraries that write and draw."""
FLOPS = {"float32": 25e9, "float64": 8e9}
"""Useful work a second and core in the transport's products, as measured on current server cores."""
COMPILE_SECONDS = 4.0


class Plan(NamedTuple):
    """Sizes of a sweep: counts, an estimate of the time in seconds, and of the peak memory in bytes."""

    points: int
    networks: int
    programs: int
    seconds: float
    bytes: int
    largest: str
    """The cell that needs most memory."""


def plan(sweep: Sweep) -> Plan:
    """Count and estimate; draws nothing and compiles nothing."""
    most, largest, seconds = 0, "", 0.0
    itemsize = 4 if sweep.precision == "float32" else 8
    length, lags = capacity(max(sweep.T)), max(sweep.T) + 1
    points_stored = all_drawn = 0
    for label in sweep.cell:
        numbers, weights, gates, kept = _sizes(sweep, label)
        rows = numbers
        inputs = (weights + 2 * numbers + sweep.batch * (length * sweep.inputs + numbers)) * itemsize
        parts = 1 if numbers == sweep.hidden else 1 + numbers // sweep.hidden
        columns = 2 + 2 * parts
        results = sweep.batch * (length + 1) * columns * (itemsize + 4)
        each = inputs + results
        lanes = min(-(-sweep.networks // BLOCK) * BLOCK, max(BLOCK, CALL_BYTES // each))
        run = sweep.batch * (
            rows * (3 * numbers + 2 * gates * sweep.hidden) * itemsize
            + min(SEGMENT, length) * kept * itemsize
            + SEGMENT * 2 * steps(rows, sweep.precision) * itemsize
        )
        block = min(lanes, BLOCK * runtime.cores())
        drawn = sweep.networks * (inputs + 8 * weights)
        points_stored += sweep.networks * len(sweep.T) * lags * columns * 9
        all_drawn += drawn
        need = 2 * lanes * each + block * run + len(sweep.T) * sweep.networks * results
        if need > most:
            most, largest = need, label
        work = sweep.networks * sum(sweep.T) * sweep.batch * 2 * rows * gates * sweep.hidden**2
        seconds += work / (FLOPS[sweep.precision] * min(runtime.cores(), sweep.networks))
    return Plan(
        sweep.points,
        len(sweep.cell) * sweep.networks,
        len(sweep.cell),
        seconds,
        BASE_BYTES + all_drawn + most + 3 * points_stored,
        largest,
    )


def check(sweep: Sweep, planned: Plan) -> None:
    """Refuse what does not fit, with exit 7, the bytes needed and available, and the way out."""
    free = memory.available_bytes()
    if planned.bytes > free:
        raise GradlabError(
            "sweep",
            f"needs about {size(planned.bytes)} of memory ({planned.points} points, T up to {max(sweep.T)}, "
            f"N = {sweep.hidden}, most for {planned.largest}), {size(free)} available; "
            "choose a smaller grid, -T or --hidden",
            Exit.RESOURCES,
        )


def _sizes(sweep: Sweep, label: str) -> tuple[int, int, int, int]:
    """Numbers in a state, in the parameters, recurrent matrices, and numbers kept a step (at most)."""
    cell = registry.make("cells", label)
    zero = lambda key, n: jax.numpy.zeros((n, n))
    key = jax.random.key(0)
    params, state = jax.eval_shape(lambda k: cell.init(k, sweep.inputs, sweep.hidden, 1.0, zero), key)
    trees = (state, params, jax.eval_shape(cell.recurrent, params))
    total = [sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in trees]
    gates = max(1, total[2] // sweep.hidden**2)
    return total[0], total[1], gates, 3 * (gates + 1) * sweep.hidden
