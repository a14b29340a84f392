"""Means over Gaussian units, by quadrature in float64 on the host."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from gradlab.recurrence.activations import Activation

Array = NDArray[np.float64]
Function = Callable[[Any], Any]

LARGEST = 1e12
"""A variance beyond this is taken for one that grows without bound."""
SMALLEST = 1e-14
"""A variance below this is taken for 0."""

FUNCTIONS: dict[Activation, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda a: 4 * expit(2 * a) * expit(-2 * a)),
    "relu": (lambda a: np.maximum(a, 0.0), lambda a: np.where(a > 0, 1.0, 0.0)),
    "sigmoid": (expit, lambda a: expit(a) * expit(-a)),
    "identity": (lambda a: a, np.ones_like),
}
"""Each activation and its derivative."""

gate_square: Function = lambda a: expit(a) ** 2
gate_slope: Function = lambda a: (expit(a) * expit(-a)) ** 2
tanh_square: Function = lambda a: np.tanh(a) ** 2
tanh_slope: Function = lambda a: (4 * expit(2 * a) * expit(-2 * a)) ** 2


def average(function: Function, variance: float, mean: float = 0.0) -> float:
    """E f(a) for a ~ N(mean, variance)."""
    z, weight = nodes()
    return float(function(mean + math.sqrt(min(variance, LARGEST)) * z) @ weight)


@functools.cache
def nodes(count: int = 400) -> tuple[Array, Array]:
    """Nodes and weights of E f(z), z ~ N(0, 1): trapezoids in u with z = e sinh(u).

    Dense at 0 for functions that are narrow beside the Gaussian, where Gauss-Hermite nodes fail, unless few
    are asked for; and none at 0 itself, where a rectifier bends.
    """
    e = 1e-4 if count > 100 else 0.1
    u = np.linspace(-1, 1, count) * math.asinh(9 / e)
    z = e * np.sinh(u)
    weight = np.exp(-(z**2) / 2) * np.cosh(u)
    return z, weight / weight.sum()


def moments(activation: Activation) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """The functions of q: E f(sqrt(q) z)^2 and E f'(sqrt(q) z)^2."""
    f, slope = FUNCTIONS[activation]
    return lambda q: average(lambda a: f(a) ** 2, q), lambda q: average(lambda a: slope(a) ** 2, q)


@functools.cache
def splines(activation: Activation) -> tuple[Function, Function]:
    """The same from a table, for many q at once: smooth from log to log."""
    from scipy.interpolate import CubicSpline

    logs = np.linspace(math.log(SMALLEST**2), math.log(LARGEST), 600)
    made = []
    for moment in moments(activation):
        spline = CubicSpline(logs, [math.log(moment(math.exp(log))) for log in logs])
        made.append(lambda q, spline=spline: np.exp(spline(np.log(np.maximum(q, SMALLEST**2)))))
    return made[0], made[1]
