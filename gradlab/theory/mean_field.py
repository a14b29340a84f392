"""Mean-field theory of random networks: what a matrix of entries N(0, w_rec^2 / N) does as N grows.

The field W h is then Gaussian over units, and one number tells its law: the variance q. From q follows chi,
the growth of a squared gradient in a step. Everything here is quadrature in float64 on the host.

A unit that remembers only through the matrix (Elman) meets a matrix that is as good as new at every step:
1/2 ln chi is the largest Lyapunov exponent. A unit with a memory path of its own meets the same weights again
before it has forgotten what they did, and adds up what a new matrix would have shuffled. There 1/2 ln chi,
the number of the literature, is the exponent of matrices drawn anew at every step; the network's own is
another one, mostly higher, most of all where the input is weak. `MeanField.exact` tells the two apart.

Every cell imports this file and few runs ask it anything, so what takes long to import waits until then.
"""

import functools
import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from gradlab.recurrence.activations import Activation
from gradlab.theory.quadrature import (
    LARGEST,
    SMALLEST,
    average,
    gate_slope,
    gate_square,
    moments,
    nodes,
    splines,
    tanh_slope,
    tanh_square,
)

Array = NDArray[np.float64]


class Drive(NamedTuple):
    """White input, as a unit feels it through weights N(0, 1 / inputs)."""

    variance: float = 0.0
    """Mean square of one input."""
    inputs: int | None = None
    """Inputs, whose power |x_t|^2 / inputs is the drive of step t; None for so many that it is steady."""


STILL = Drive()


class MeanField(NamedTuple):
    """The stationary state of an infinite random network, and what its gradient does there."""

    q: float
    """Variance over units of the field that enters the nonlinearity, a mean over time; inf if it diverges."""
    chi: float
    """Growth of the squared norm of a gradient in a step: for a state of one part the mean squared singular
    value of the step's Jacobian."""
    exponent: float
    """Largest Lyapunov exponent, natural log per step."""
    time_scale: float
    """Steps after which the squared norm of a gradient has fallen by e, -1 / ln chi; inf from chi = 1 on."""
    exact: bool
    """Whether `exponent` is exact as N grows, or that of matrices drawn anew at every step."""
    inputs: int | None = None
    """The number of inputs whose changing power was taken for a steady one; None where nothing was."""

    @property
    def says(self) -> str:
        """What must be read beside the exponent; empty where it is that of fixed weights.

        >>> gru(1.0, Drive(0.01, 1)).says  # doctest: +NORMALIZE_WHITESPACE
        'of weights drawn anew at every step, fixed ones grow at another rate and may with another sign;
        takes the drive for steady, whose power with 1 input varies by 141 %'
        """
        parts = [] if self.exact else [REDRAWN]
        if self.inputs is not None:
            number = f"{self.inputs} input{'s' * (self.inputs > 1)}"
            varies = f"{100 * math.sqrt(2 / self.inputs):.0f} %"
            parts.append(f"takes the drive for steady, whose power with {number} varies by {varies}")
        return "; ".join(parts)


REDRAWN = "of weights drawn anew at every step, fixed ones grow at another rate and may with another sign"
"""What an exponent that is not exact is of."""


def vanilla(
    activation: Activation, w_rec: float, drive: Drive = STILL, *, bias_variance: float = 0.0
) -> MeanField:
    """Elman's network, h' = f(W h + U x + b), with independent Gaussian W, U, b.

    q' = w_rec^2 E f(sqrt(q) z)^2 + drive + bias_variance,    chi = w_rec^2 E f'(sqrt(q) z)^2

    With few inputs the drive, and with it q and chi, change from step to step; the exponent is the mean of
    1/2 ln chi over the steps of many long sequences.

    Reference: Sompolinsky, Crisanti, Sommers 1988, Chaos in random neural networks; Molgedey, Schuchhardt,
    Schuster 1992, Suppressing chaos in neural networks by noise.
    """
    square, slope = moments(activation)
    q = fixed_point(lambda q: w_rec**2 * square(q) + drive.variance + bias_variance)
    if drive.inputs is None or 0 in (w_rec, drive.variance) or math.isinf(q):
        # A rectifier has no slope at 0, but half of one on either side of it.
        chi = w_rec**2 * slope(max(q, SMALLEST))
        return _solution(q, chi, 0.5 * _log(chi))
    spline_square, spline_slope = splines(activation)
    over_time = [np.full(CHAINS, q)]
    for power in _powers(drive.inputs):
        field = w_rec**2 * spline_square(over_time[-1]) + drive.variance * power + bias_variance
        over_time.append(field)
    late = np.stack(over_time[len(over_time) // 2 :])
    chis = w_rec**2 * spline_slope(late)
    return _solution(float(late.mean()), float(chis.mean()), 0.5 * float(np.log(chis).mean()))


def minimal(
    w_rec: float, power: float, *, input_gain: float = 1.0, bias: float = 0.0, inputs: int | None = None
) -> MeanField:
    """MinimalRNN, h' = u h + (1 - u) v,  u = sigmoid(W h + V v + bias), V of gain `input_gain`.

    Features v of independent mean 0 and mean square `power` over units, the same at every step; that is what
    they are taken for where they come from few `inputs`.

    Q = power E(1 - u)^2 / (1 - E u^2),    q = w_rec^2 Q + input_gain^2 power
    chi = E u^2 + w_rec^2 (Q + power) E u'^2

    Reference: Chen, Pennington, Schoenholz 2018, Dynamical isometry and a mean field theory of RNNs.
    """

    def state(q: float) -> float:
        return power * average(gate_square, q, -bias) / (1 - average(gate_square, q, bias))

    q = fixed_point(lambda q: w_rec**2 * state(q) + input_gain**2 * power)
    chi = average(gate_square, q, bias) + w_rec**2 * (state(q) + power) * average(gate_slope, q, bias)
    return _gated(q, chi, float(expit(bias)), Drive(power, inputs))


def lstm(w_rec: float, drive: Drive = STILL, *, forget_bias: float = 0.0) -> MeanField:
    """Long short-term memory, with c taken for Gaussian and the drive for steady; chi is that of (h, c).

    C = E i^2 E g^2 / (1 - E f^2),    Q = E o^2 E tanh(c)^2,    q = w_rec^2 Q + drive
    |dc'|^2 = E f^2 |dc|^2 + w_rec^2 (C E f'^2 + E g^2 E i'^2 + E i^2 E g'^2) |dh|^2
    |dh'|^2 = w_rec^2 E o'^2 E tanh(c)^2 |dh|^2 + E o^2 E tanh'(c)^2 |dc'|^2

    chi is the larger eigenvalue of this map. At rest (q = 0) the gates stand still and the exponent,
    ln(f + |w_rec| i o), is exact as long as it is not positive.

    Reference: Gilboa et al. 2019, Dynamical isometry and a mean field theory of LSTMs and GRUs.
    """

    def memory(q: float) -> float:
        kept = average(gate_square, q, forget_bias)
        return average(gate_square, q) * average(tanh_square, q) / (1 - kept)

    def state(q: float) -> float:
        return average(gate_square, q) * average(tanh_square, memory(q))

    q = fixed_point(lambda q: w_rec**2 * state(q) + drive.variance)
    c, gate, slope = memory(q), average(gate_square, q), average(gate_slope, q)
    kept, kept_slope = average(gate_square, q, forget_bias), average(gate_slope, q, forget_bias)
    written = w_rec**2 * (c * kept_slope + average(tanh_square, q) * slope + gate * average(tanh_slope, q))
    shown = gate * average(tanh_slope, c)
    opened = w_rec**2 * slope * average(tanh_square, c)
    chi = np.linalg.eigvals([[opened + shown * written, shown * kept], [written, kept]]).real.max()
    return _gated(q, float(chi), float(expit(forget_bias)) + abs(w_rec) / 4, drive)


def gru(w_rec: float, drive: Drive = STILL, *, reset: Literal["before", "after"] = "before") -> MeanField:
    """Gated recurrent unit, h' = z h + (1 - z) n, in a steady drive; r acts before or after the product.

    Q = E(1 - z)^2 E n^2 / (1 - E z^2),    q = w_rec^2 Q + drive
    chi = E z^2 + w_rec^2 ((Q + E n^2) E z'^2 + E(1 - z)^2 (E n'^2 r^2 + E n'^2 r'^2 s^2))

    with s what r multiplies: h, or W_n h. At rest (q = 0) the gates stand still and the exponent,
    ln(1/2 + |w_rec| / 4), is exact as long as it is not positive.

    Reference: Gilboa et al. 2019, Dynamical isometry and a mean field theory of LSTMs and GRUs.
    """
    given = drive.variance
    candidate = {"before": _reset_before, "after": _reset_after}[reset]

    def state(q: float) -> float:
        gate = average(gate_square, q)
        return gate * candidate(q, given)[0] / (1 - gate)

    q = fixed_point(lambda q: w_rec**2 * state(q) + given)
    gate, (square, growth) = average(gate_square, q), candidate(q, given)
    chi = gate + w_rec**2 * ((state(q) + square) * average(gate_slope, q) + gate * growth)
    return _gated(q, chi, 0.5 + abs(w_rec) / 4, drive)


def _reset_before(q: float, given: float) -> tuple[float, float]:
    """E n^2 and the growth of a squared gradient through n, over w_rec^2; n = tanh(W_n (r h) + U_n x)."""
    inner = average(gate_square, q) * (q - given) + given
    through = average(gate_square, q) + (q - given) * average(gate_slope, q)
    return average(tanh_square, inner), average(tanh_slope, inner) * through


def _reset_after(q: float, given: float) -> tuple[float, float]:
    """The same for n = tanh(r s + U_n x), s = W_n h; given r, s is Gaussian beside the argument a of tanh.

    E[s^2 | a] = p u / v + (r p a / v)^2,    p = E s^2,  u = drive,  v = r^2 p + u
    """
    (z, weight), (z_r, weight_r) = nodes(), nodes(60)
    p, opening = q - given, expit(math.sqrt(q) * z_r)
    v = np.maximum(opening**2 * p + given, SMALLEST)
    a = np.sqrt(v)[:, None] * z
    slope = tanh_slope(a)
    inner = (p * given / v)[:, None] + (opening * p / v)[:, None] ** 2 * a**2
    through = opening**2 * (slope @ weight) + gate_slope(math.sqrt(q) * z_r) * ((slope * inner) @ weight)
    return float(weight_r @ (tanh_square(a) @ weight)), float(weight_r @ through)


def _gated(q: float, chi: float, rest: float, drive: Drive) -> MeanField:
    """A solution that is exact only at rest, where the Jacobian is `keep I + gain W`, of radius `rest`.

    A rest that fresh matrices would bring about, but the network's own leaves, grows as it is left.
    """
    if q > 0:
        found = _solution(q, chi, 0.5 * _log(chi), exact=False)
        return found._replace(inputs=drive.inputs if drive.variance else None)
    return _solution(q, chi, _log(rest), exact=rest <= 1)


def _solution(q: float, chi: float, exponent: float, *, exact: bool = True) -> MeanField:
    time_scale = -1 / math.log(chi) if 0 < chi < 1 else (math.inf if chi else 0.0)
    return MeanField(q, chi, exponent, time_scale, exact)


def critical_gain(exponent: Callable[[float], float], *, least: float = 1e-3, most: float = 1e3) -> float:
    """The gain at which a gradient neither shrinks nor grows: `exponent(gain)` crosses 0 from below.

    >>> round(critical_gain(lambda gain: vanilla("tanh", gain).exponent), 6)
    1.0

    Raises:
        ValueError: if it does not cross between `least` and `most`.
    """
    from scipy.optimize import bisect

    if not exponent(least) < 0 < exponent(most):
        raise ValueError(f"no gain from {least:g} to {most:g} is critical")
    # Not brentq: without input the exponent is flat above its root.
    return math.exp(bisect(lambda log: exponent(math.exp(log)), math.log(least), math.log(most), xtol=1e-9))


def fixed_point(update: Callable[[float], float]) -> float:
    """The variance that iterating `update` leads to from above 0; inf if it grows without bound."""
    from scipy.optimize import brentq

    def excess(q: float) -> float:
        return update(q) / q - 1

    least = max(update(0.0), SMALLEST)
    if excess(least) <= 0:
        return 0.0 if least == SMALLEST else least
    most = least
    while excess(most) > 0:
        most *= 4
        if most > LARGEST:
            return math.inf
    return float(brentq(excess, least, most, xtol=SMALLEST / 1e3, rtol=1e-13))


CHAINS, STEPS = 256, 400
"""Sequences, and steps of each, over which a drive that changes in time is averaged."""


@functools.cache
def _powers(inputs: int) -> Array:
    """|x_t|^2 / inputs of unit white noise, (STEPS, CHAINS), always the same."""
    return np.random.default_rng(0).chisquare(inputs, (STEPS, CHAINS)) / inputs


def _log(value: float) -> float:
    return math.log(value) if value else -math.inf
