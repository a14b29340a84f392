"""Figures that plans are made of: seconds of one current server core, and bytes.

They were measured on the machine of benchmarks/NOTES.md; `benchmarks/predictions.py` holds them to whole
commands on another one.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gradlab import runtime
from gradlab.recurrence import cutting, unitwise
from gradlab.recurrence.trees import split

MB = 2**20
IDLE = 440 * MB
"""Python, JAX and the libraries that write and draw."""
SEQUENCE = 5 * MB
"""A sequence of a batch, at most: measured with 32 of 200 steps."""
SECOND_CELL, THIRD_CELL, MORE_CELLS = 110 * MB, 60 * MB, 8 * MB
"""Of several cells two programs are there at once, and the libraries that write are loaded between them."""
LESSON = 300 * MB
"""Python, JAX and what draws a lesson."""
PROBE = 50 * MB
"""The program of a further probe."""

IMPORTS, FIGURES = 1.2, 1.5
"""Seconds from the start to the plan, and those of a run's figures."""
COMPILE_DRAW = 0.9
"""Seconds to compile the program that draws a cell."""
POINT = 2e-4
"""Seconds to make the rows of one point, and to write them."""
LOAD = 0.2
"""Seconds to load a program that is kept."""
_ROUND = 1.2e-6
"""Of a Lanczos step of one network, however small: it is a dozen kernels."""
_ROUNDS = {"float32": 14, "float64": 60}
"""Lanczos steps of a lag, at most as many as the state has numbers."""
_NEAR = 200
"""Lags that need so many."""
_MATRIX_VECTOR = {"float32": 30e9, "float64": 15e9}
_MATRIX_MATRIX = {"float32": 70e9, "float64": 35e9}
"""Operations a second."""
_OTHERS = 3e-6
"""Of a step of one network: the adjoint, the weight gradient, the shift of the state."""
_PROBES = {"jacobian_spectrum": 3e-4}
"""Of a step of one network with 32 numbers in its state; for the others see `PROBE_STEP`."""
PROBE_STEP = 1.5e-5


class Sizes(NamedTuple):
    """What of a cell decides its cost."""

    numbers: int
    """In its state."""
    reached: int
    """Numbers of the state before that one after a step comes from: all, or those of a unit by itself."""
    affine: bool
    """The state enters the next one linearly."""
    leaves: int
    """Of its state that have a gradient."""
    weights: int
    """Numbers in its parameters."""
    gates: int
    """Recurrent matrices."""
    equations: int
    """Operations of a step and of its way back."""


def sizes(cell: Any, inputs: int, hidden: int) -> Sizes:
    """Those of a cell; draws nothing and compiles nothing."""
    zero = lambda key, n: jax.numpy.zeros((n, n))
    key = jax.random.key(0)
    params, state = jax.eval_shape(lambda k: cell.init(k, inputs, hidden, 1.0, zero), key)
    trees = (state, params, jax.eval_shape(cell.recurrent, params))
    numbers, weights, recurrent = (sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in trees)
    x = jax.ShapeDtypeStruct((inputs,), float)  # type: ignore[no-untyped-call]
    step = jax.make_jaxpr(cell.step)(params, state, x)
    units = unitwise.units(lambda state, *others: cell.step(others[0], state, others[1]), state, params, x)
    first = len(jax.tree.leaves(params))
    of_state = step.jaxpr.invars[first : first + len(jax.tree.leaves(state))]
    # The way back is about three times as long; tracing it would take as long as all the rest of a plan.
    return Sizes(
        numbers,
        numbers if units is None else numbers // math.prod(units),
        cutting.affine(step.jaxpr, of_state),
        len(jax.tree.leaves(state)),
        weights,
        max(1, recurrent // hidden**2),
        4 * _equations(step.jaxpr),
    )


def readout(cell: Any, inputs: int, hidden: int) -> int:
    """Numbers in what a probe reads of a state; draws nothing and compiles nothing."""
    zero = lambda key, n: jax.numpy.zeros((n, n))
    _, state = jax.eval_shape(lambda k: cell.init(k, inputs, hidden, 1.0, zero), jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(cell.readout, split(state)[0])))


def _equations(jaxpr: Any) -> int:
    """Operations of a program, those of its loops and calls included."""
    inner = [getattr(value, "jaxpr", value) for eqn in jaxpr.eqns for value in eqn.params.values()]
    return len(jaxpr.eqns) + sum(_equations(one) for one in inner if hasattr(one, "eqns"))


def trace(of: Sizes) -> float:
    """Seconds until JAX has written down the program that measures a cell."""
    return 0.5 + 0.004 * of.equations


def compile_sweep(of: Sizes) -> float:
    """Seconds to compile the program that measures a cell."""
    return (2.4 if of.reached == of.numbers else 1.6) + 0.013 * of.equations


def draw(of: Sizes, hidden: int, networks: int) -> float:
    """Seconds to draw so many networks, most of it for orthogonal matrices."""
    return 0.3 + networks * (2e-8 * of.gates * hidden**3 + 1e-8 * of.weights)


def lag(of: Sizes, hidden: int, T: int, precision: str) -> float:
    """Seconds of one core for a step of one network, forward and back: the transport above all.

    Far back a product of Jacobians has one direction left, which is soon found. Units that reach themselves
    alone need no search.
    """
    if of.reached < of.numbers:
        return _OTHERS
    near = min(T, _NEAR) / T
    rounds = min(near * _ROUNDS[precision] + (1 - near) * 2, of.numbers)
    lanczos = rounds * (_ROUND + 4 * of.numbers**2 / _MATRIX_VECTOR[precision])
    product = 2 * of.numbers * of.gates * hidden**2 / _MATRIX_MATRIX[precision]
    return _OTHERS + lanczos + product


def probe(name: str, of: Sizes) -> float:
    """Seconds of one core for a step of one network in a further probe."""
    return _PROBES.get(name, PROBE_STEP) * max(1.0, of.numbers / 32) ** 2


def multiplied(count: float, precision: str) -> float:
    """Seconds of one core for so many multiplications in products of matrices."""
    return 2 * count / _MATRIX_MATRIX[precision]


def shared(seconds: float, networks: int, block: int) -> float:
    """Wall time of work that is spread over the cores in blocks of networks."""
    return seconds / min(runtime.cores(), -(-networks // block))


def compile_bytes(of: Sizes) -> int:
    """What compiling a program takes beyond `IDLE`, which is not all needed by then."""
    return int((140 + 0.4 * of.equations) * MB)


def itemsize(precision: str) -> int:
    """Bytes of a number."""
    return int(np.dtype(precision).itemsize)


def compile_verify(of: Sizes) -> float:
    """Seconds to compile the ways of computing a gradient."""
    return 2.2 + 0.03 * of.equations


def verify(of: Sizes, lengths: Sequence[int], cases: int) -> float:
    """Seconds to compare them: a few products in each case, and entry by entry in one."""
    entries = min(of.weights, 500) + min(max(lengths) * of.numbers, 500)
    return cases * (0.02 + 0.001 * of.equations) + 4e-7 * entries * sum(lengths) * of.weights


def verify_bytes(of: Sizes, cases: int) -> int:
    """At the peak."""
    return int((390 + of.equations + 0.5 * cases) * MB)


def compile_training(of: Sizes) -> float:
    """Seconds to compile the programs of an arm: its start, its training and its profile."""
    return 10.0 + 0.1 * of.equations


def ready_training(of: Sizes) -> float:
    """Seconds to trace them."""
    return 1.6 + 0.015 * of.equations


def load_training(of: Sizes) -> float:
    """Seconds to load those that are kept."""
    return 1.2 + 0.014 * of.equations


def update(of: Sizes, hidden: int, batch: int, T: int, precision: str) -> float:
    """Seconds of one core for an update of one network, forward and back."""
    return 1.4 * forward(of, hidden, batch, T, precision) + 2e-5


def forward(of: Sizes, hidden: int, batch: int, T: int, precision: str) -> float:
    """Seconds of one core for so many sequences."""
    product = 2 * of.gates * hidden**2 / _MATRIX_MATRIX[precision]
    return T * (3e-6 + batch * (product + of.equations * hidden * 4e-11))


def training_bytes(*, compiling: bool) -> int:
    """Of Python, the libraries and the programs of an arm."""
    return (730 + 260 * compiling) * MB


def reading_bytes(*, compiling: bool) -> int:
    """Of Python, the libraries and the programs that train a cell on text and read it."""
    return (480 + 100 * compiling) * MB
