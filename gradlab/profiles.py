"""Profiles of log10 norms against lag: how they are stored, how exact they are, and what is read off them.

Profiles are arrays `(..., lag)` of log10 norms beside an array of their states; what is read off them is of
all networks at once, and gives a value with a state of its own. Nothing here leaves the log domain, so norms
of 10^-30000 are ordinary input. The metrics themselves are in `gradlab/metrics`, one file each.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.states import (
    BACKWARD_NONFINITE,
    BELOW_PRECISION,
    EXACT_ZERO,
    FORWARD_NONFINITE,
    NOT_COMPUTED,
    OK,
    UNDEFINED,
)

if TYPE_CHECKING:
    import xarray

HALF = math.log10(2)
"""Decades that the transport falls within its half-life: a factor 2."""
QUANTITIES = ("adjoint", "transport", "transport_frobenius", "weight_gradient")
"""The norms by lag that every sweep measures."""
STEEPEST = 1000.0
"""Decades that no norm of float64 numbers changes by in a step; nor is a horizon longer than its sequence."""
SOFT = 3.0
"""Decades that the transport falls within its soft horizon: a factor 10^3."""
EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
"""From 1 to the next number, in the formats of runs; half precision is of models as a whole alone."""
FIT_LAGS = 201
"""A rate is fitted through at most this many evenly spaced lags, so that T = 1e6 costs what T = 200 does."""

_PAIRS_AT_ONCE = 1_000_000


class Measured(NamedTuple):
    """One number per network and its state (codes as in `STATES`); NaN unless the state is ok."""

    value: NDArray[np.float64]
    state: NDArray[np.int8]


def bound(precision: str, T: int) -> float:
    """The largest relative error of a norm at any lag of a sequence of T steps, given the forward pass.

    16 (T + 8) eps: each step's product and derivative round a few times, at worst all one way. Given are the
    states and all that a step computes on the way from one to the next. What a step amplifies
    within itself is rounded before: a stack of layer norms is up to 1.2e-3 off the derivative at its states,
    in float32 over 23 steps, where this is 6e-5.
    """
    return 16 * (T + 8) * EPS[precision]


def stored_states(log: NDArray[np.float64]) -> NDArray[np.int8]:
    """States of profiles kept as one number per lag: -inf for an exact zero, NaN for what is not finite."""
    found = np.where(np.isneginf(log), EXACT_ZERO, np.where(np.isnan(log), FORWARD_NONFINITE, OK))
    return found.astype(np.int8)


def fit(arrays: Mapping[str, NDArray[Any]], networks: int, lags: int, parts: int | None = None) -> bool:
    """Whether arrays, by name, are profiles of so many networks, (network, lag, ...), with their states."""
    nonfinite = arrays.get("nonfinite")
    if nonfinite is None or nonfinite.shape != (networks,) or nonfinite.dtype != np.int32:
        return False
    if not {"adjoint", "transport", "transport_frobenius"} <= arrays.keys():
        return False
    for name in arrays.keys() - {"nonfinite", "code"}:
        plain = name.removesuffix("_state")
        value, state = arrays.get(plain), arrays.get(f"{plain}_state")
        if value is None or state is None or value.shape != state.shape or value.shape[:1] != (networks,):
            return False
        if value.dtype != np.float64 or state.dtype != np.int8:
            return False
        if ((state < 0) | (state > NOT_COMPUTED)).any() or (np.isfinite(value) != (state == OK)).any():
            return False
        if plain in QUANTITIES:
            given = value.shape[2:]
            # The largest singular value is that of the whole state alone.
            if value.ndim not in (2, 3) or value.shape[1] != lags:
                return False
            if parts and given not in ((), (1,), (parts,)):
                return False
    return True


def rate(log_norm: NDArray[np.float64], state: NDArray[np.int8]) -> Measured:
    """The Theil-Sen slope of log10 norm against lag: the median over the slopes of all pairs of ok lags.

    In decades per step of lag; negative vanishes. Undefined with fewer than two ok lags.
    """
    ok = (state == OK).reshape(-1, state.shape[-1])
    rows = log_norm.reshape(ok.shape)
    value = np.full(len(ok), np.nan)
    last = ok.shape[1] - 1 - np.argmax(ok[:, ::-1], axis=1)
    whole = ok.any(axis=1) & (ok.sum(axis=1) == last + 1) & (last > 0)
    for k in sorted(set(last[whole].tolist())):
        lags = _evenly(k + 1)
        members = np.flatnonzero(whole & (last == k))
        step = max(1, _PAIRS_AT_ONCE // len(lags) ** 2 * 2)
        for i in range(0, len(members), step):
            some = members[i : i + step]
            value[some] = _theil_sen(lags, rows[some[:, None], lags])
    for row in np.flatnonzero(~whole & (ok.sum(axis=1) > 1)).tolist():
        lags = np.flatnonzero(ok[row])
        lags = lags[_evenly(len(lags))]
        value[row] = _theil_sen(lags, rows[row : row + 1, lags])[0]
    return with_states(value.reshape(state.shape[:-1]), state)


def fall(log_norm: NDArray[np.float64], state: NDArray[np.int8], decades: float) -> Measured:
    """The first lag by which the norm has fallen by `decades` from lag 0, in steps.

    Interpolated between lags, linearly in log10; where the norm drops to a zero, exact or by rounding, the
    lag of that zero. Undefined if it never falls that far within the sequence, or has no norm at lag 0; of a
    profile with lags that are not known, only what happens before these.
    """
    depth = log_norm[..., :1] - log_norm
    below = (depth >= decades) & (state == OK) | (state == EXACT_ZERO) | (state == BELOW_PRECISION)
    first = np.argmax(below, axis=-1)[..., None]
    before = np.maximum(first - 1, 0)
    low, high = (np.take_along_axis(depth, at, -1)[..., 0] for at in (before, first))
    with np.errstate(invalid="ignore", divide="ignore"):
        back = np.nan_to_num((high - decades) / (high - low), nan=0.0)
    # A lag that is not known may have fallen that far already.
    known = ~((state == BACKWARD_NONFINITE) | (state == NOT_COMPUTED))
    begun = state[..., 0] == OK
    surely = (
        begun
        & below.any(axis=-1)
        & np.take_along_axis(np.logical_and.accumulate(known, -1), first, -1)[..., 0]
    )
    return with_states(np.where(surely, first[..., 0] - back, np.nan), state)


def hard_horizon(state: NDArray[np.int8]) -> Measured:
    """The last lag beyond which every norm is exactly zero; undefined if one there is not, or not known."""
    alive = state == OK
    last_alive = state.shape[-1] - 1 - np.argmax(alive[..., ::-1], axis=-1)
    within = state != UNDEFINED
    end = state.shape[-1] - 1 - np.argmax(within[..., ::-1], axis=-1)
    at_end = np.take_along_axis(state, end[..., None], -1)[..., 0]
    beyond = np.arange(state.shape[-1]) > last_alive[..., None]
    exact = ((state == EXACT_ZERO) | ~within | ~beyond).all(axis=-1)
    found = alive.any(axis=-1) & (at_end == EXACT_ZERO) & exact
    return with_states(np.where(found, last_alive, np.nan), state)


def stored(norms: "xarray.Dataset", quantity: str, part: str | None = None) -> tuple[Any, Any]:
    """A quantity and its states as arrays `(cell, init, w_rec, T, seed, lag)`."""
    axes = ("cell", "init", "w_rec", "T", "seed", "lag")
    pair = (norms[quantity], norms[f"{quantity}_state"])
    if part is not None:
        pair = (pair[0].sel(part=part), pair[1].sel(part=part))
    return pair[0].transpose(*axes).values, pair[1].transpose(*axes).values


def of_part(norms: "xarray.Dataset", quantity: str, part: str) -> tuple[Any, Any]:
    """A quantity of a part of the state, and its states; as it is if it has no parts."""
    return stored(norms, quantity, part if "part" in norms[quantity].dims else None)


def mean_ok(log_norm: NDArray[np.float64], state: NDArray[np.int8]) -> NDArray[np.float64]:
    """The mean over seeds (last axis but one) of the log10 norms that are ok; NaN where none is."""
    ok = state == OK
    count = ok.sum(axis=-2)
    total = np.where(ok, log_norm, 0.0).sum(axis=-2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _evenly(n: int) -> NDArray[np.intp]:
    """At most `FIT_LAGS` of n positions, first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, FIT_LAGS)).round().astype(np.intp))


def _theil_sen(x: NDArray[np.intp], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median slope of each row of `y` against `x`."""
    n = len(x)
    slopes = np.empty((len(y), n * (n - 1) // 2))
    at = 0
    for d in range(1, n):
        some = slopes[:, at : at + n - d]
        np.subtract(y[:, d:], y[:, :-d], out=some)
        some /= (x[d:] - x[:-d]).astype(np.float64)
        at += n - d
    middle: NDArray[np.float64] = np.median(slopes, axis=1, overwrite_input=True)
    return middle


def with_states(value: NDArray[np.float64], profile_state: NDArray[np.int8]) -> Measured:
    """A metric from its value (NaN where there is none) and the states of the profile it came from.

    After an overflow of the forward pass nothing is known. Where the derivative is not finite, or not
    computed, only some lags are lost: a value that the others give stands.
    """
    lost = {code: (profile_state == code).any(axis=-1) for code in (BACKWARD_NONFINITE, NOT_COMPUTED)}
    broken = (profile_state == FORWARD_NONFINITE).any(axis=-1)
    none = np.isnan(value)
    first = [broken, *(none & some for some in lost.values()), none]
    state = np.select(first, [FORWARD_NONFINITE, *lost, UNDEFINED], OK).astype(np.int8)
    return Measured(np.where(state == OK, value, np.nan), state)


def backward_leaves(norms: "xarray.Dataset") -> dict[tuple[int, ...], tuple[str, ...]]:
    """The parts of the state whose gradient is the first, going back, that is not finite; by network.

    A network is its place (cell, init, w_rec, T, seed). A state of one leaf is called `state`.
    """
    axes = ("cell", "init", "w_rec", "T", "seed")
    state = norms["transport_frobenius_state"].transpose(*axes, "part", "lag").values == BACKWARD_NONFINITE
    parts = [str(part) for part in norms["part"].values]
    found = {}
    for place in map(tuple, np.argwhere(state.any(axis=(-1, -2))).tolist()):
        first = np.flatnonzero(state[place].any(axis=0))[0]
        leaves = [part for part, lost in zip(parts, state[place][:, first], strict=True) if lost]
        found[place] = tuple(leaf for leaf in leaves if leaf != "state") or ("state",)
    return found
