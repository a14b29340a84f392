"""The calls in which a cell's networks are measured: as many at a time as fit, of one program."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import registry
from gradlab.programs import Made
from gradlab.recurrence import platforms
from gradlab.studies.sweep.program import CALL_BYTES, Networks, block, program
from gradlab.studies.sweep.settings import Sweep

Array = NDArray[Any]


def measuring(sweep: Sweep, label: str, networks: Networks, fixed: int | None = None) -> tuple[Made, int]:
    """The program that measures a cell, and how many networks one call of it takes.

    With `fixed` it does so at that T alone.
    """
    # All devices, however few the networks: a program for another number of them may round otherwise, and a
    # grid that grows changes no byte of what it had.
    devices = len(jax.devices())
    size = networks_per_call(networks, len(networks.xs), block() * devices)
    measures = program(registry.make("cells", label), sweep.objective, devices, fixed=fixed)
    return measures.made(part(networks, 0, size), jnp.int32(0)), size


def compiled_for(
    sweep: Sweep, label: str, networks: Networks, made: Made, lengths: Sequence[int]
) -> dict[int, Any]:
    """Of each T the compiled program: one for all, `made`, or one for each where the platform wants that."""
    if platforms.on_cpu():
        return dict.fromkeys(lengths, made.compiled)
    apart = [measuring(sweep, label, networks, T)[0] for T in lengths]
    with ThreadPoolExecutor(len(apart)) as pool:
        return dict(zip(lengths, pool.map(lambda one: one.compiled, apart), strict=True))


def networks_per_call(networks: Networks, total: int, step: int) -> int:
    """A multiple of `step` networks whose inputs and results stay within `CALL_BYTES`."""
    inputs = sum(leaf.nbytes for leaf in jax.tree.leaves(networks)) // max(total, 1)
    results = networks.xs.shape[1] * networks.xs.shape[2] * 12 * 8
    most = max(1, CALL_BYTES // (inputs + results) // step)
    return int(step * min(most, -(-total // step)))


def part(networks: Networks, start: int, size: int) -> Networks:
    """`size` networks from `start` on; the last one is repeated where the grid ends."""

    def take(leaf: Array) -> Array:
        own = leaf[start : start + size]
        return np.concatenate([own, np.repeat(own[-1:], size - len(own), axis=0)])

    return Networks(*jax.tree.map(take, networks))
