"""The network of one logistic unit, x' = w sigma(x) + b: its steps, fixed points and saddle-nodes."""

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, np.float64)))


def step(x: Any, w: Any, b: Any) -> Any:
    """The next state, x' = w sigma(x) + b."""
    return w * sigmoid(x) + b


def slope(x: Any, w: Any) -> Any:
    """dx'/dx = w sigma (1 - sigma); a fixed point attracts where it is below 1 in size."""
    s = sigmoid(x)
    return w * s * (1.0 - s)


def bias_of(x: Any, w: float) -> Any:
    """The b for which x is a fixed point."""
    return x - w * sigmoid(x)


def saddle_nodes(w: float) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Where two fixed points meet, as (b, x), the larger b first; None for w <= 4.

    w sigma (1 - sigma) = 1   at   sigma = (1 -+ sqrt(1 - 4/w)) / 2,   x = logit sigma,   b = x - w sigma

    Between the two b there are two attractors and the repeller that parts them.

    >>> [round(b, 4) for b, _ in saddle_nodes(5.0)]
    [-2.3444, -2.6556]
    """
    if w <= 4:
        return None
    root = math.sqrt(1 - 4 / w)
    low, high = (1 - root) / 2, (1 + root) / 2
    # logit of the two: equal and opposite, since low + high = 1.
    x = math.log(high / low)
    return (-x - w * low, -x), (x - w * high, x)


def fixed_points(w: float, b: float) -> list[float]:
    """Every x = w sigma(x) + b, in order: one, or three between the saddle-nodes.

    The fixed points lie in [min(b, b + w), max(b, b + w)], and b - bias_of is monotone between the places
    where the slope is 1: bisection in each piece.
    """
    ends = [min(b, b + w) - 1e-9, max(b, b + w) + 1e-9]
    nodes = saddle_nodes(w)
    middle = [] if nodes is None else sorted(x for _, x in nodes if ends[0] < x < ends[1])
    edges = [ends[0], *middle, ends[1]]
    found = []
    for low, high in itertools.pairwise(edges):
        below, above = (float(bias_of(x, w)) - b for x in (low, high))
        if below * above < 0:
            found.append(_root(low, high, w, b))
        elif above == 0 or below == 0:
            found.append(high if above == 0 else low)
    return sorted(set(found))


def _root(low: float, high: float, w: float, b: float) -> float:
    sign = math.copysign(1.0, float(bias_of(high, w)) - b)
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if sign * (float(bias_of(middle, w)) - b) > 0 else (middle, high)
    return (low + high) / 2
