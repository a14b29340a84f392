"""What the seeds of a point say together: interval, regime, border, and the sentence that says it."""

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradlab.profiles import HALF, HORIZONS, Metric, mean_ok, measured, stored
from gradlab.states import FORWARD_NONFINITE, UNDEFINED

if TYPE_CHECKING:
    import xarray

CONFIDENCE = 0.95
"""Of an interval over seeds."""


class Interval(NamedTuple):
    """A mean over seeds and the interval it is known to; `low` and `high` are NaN for a single seed."""

    mean: float
    low: float
    high: float


def interval(values: ArrayLike) -> Interval:
    """The mean over seeds and its 95 % t-interval, mean -+ t(0.975, n - 1) s / sqrt(n); NaNs are left out.

    With one value the interval's ends are NaN; with none, the mean too.
    """
    x = np.asarray(values, np.float64).ravel()
    x = x[~np.isnan(x)]
    if len(x) < 2:
        return Interval(float(x[0]) if len(x) else math.nan, math.nan, math.nan)
    from scipy.special import stdtrit

    mean = float(x.mean())
    half = float(stdtrit(len(x) - 1, (1 + CONFIDENCE) / 2) * x.std(ddof=1) / math.sqrt(len(x)))
    return Interval(mean, mean - half, mean + half)


def regime(mean: float, low: float, high: float, T: int) -> str:
    """`VANISH`, `EXPLODE` or `STABLE`, from a rate and its interval over seeds.

    A gradient is said to vanish (explode) when the whole interval lies below -log10(2)/T (above +log10(2)/T):
    over the sequence it then changes by more than a factor 2 (`HALF` decades) for sure. Everything else is
    `STABLE`. With a single seed (`low` and `high` NaN) the point estimate decides; without a rate the
    answer is `UNDEFINED`.
    """
    if math.isnan(mean):
        return "UNDEFINED"
    if math.isnan(low) or math.isnan(high):
        low = high = mean
    limit = HALF / T
    return "VANISH" if high < -limit else "EXPLODE" if low > limit else "STABLE"


def trajectory_dependent(mean: float, low: float, T: int, linear: bool) -> bool:
    """Whether the leading exponent is positive for sure and the Jacobian depends on the state.

    Such a network is chaotic: its numbers belong to this one trajectory, another precision follows another.
    """
    return not linear and (mean if math.isnan(low) else low) > HALF / T


def border(w_rec: ArrayLike, rates: ArrayLike) -> float:
    """The `w_rec` at which the mean rate first changes sign, by linear interpolation; NaN if it never does.

    >>> border([0.8, 1.2], [-0.1, 0.3])
    0.9
    """
    order = np.argsort(np.asarray(w_rec, np.float64))
    w, r = np.asarray(w_rec, np.float64)[order], np.asarray(rates, np.float64)[order]
    w, r = w[~np.isnan(r)], r[~np.isnan(r)]
    signed = np.flatnonzero(r)
    for i, j in itertools.pairwise(signed.tolist()):
        if (r[i] < 0) != (r[j] < 0):
            if j > i + 1:
                return float(w[i + 1 : j].mean())
            return round(float((w[i] * r[j] - w[j] * r[i]) / (r[j] - r[i])), 12)
    return math.nan


class Group(NamedTuple):
    """What the seeds of one (cell, init, w_rec) say together, at one T.

    Rates in decades per step of lag, horizons in steps (the median over seeds, NaN if undefined for most).
    """

    cell: str
    init: str
    w_rec: float
    T: int
    seeds: int
    rate: float
    low: float
    high: float
    regime: str
    half_life: float
    soft_horizon: float
    hard_horizon: float
    credit_horizon: float
    nonfinite: int
    nonfinite_step: int
    trajectory_dependent: bool
    has_gain: bool
    """Whether w_rec has an effect on the cell."""
    profile: NDArray[np.float64]


def group(
    labels: tuple[str, str, float, int],
    seeds: Mapping[str, Metric],
    profile: NDArray[np.float64],
    linear: bool,
    has_gain: bool = True,
) -> Group:
    """Put the seeds of one (cell, init, w_rec, T) together; `seeds` maps each metric to arrays `(seed,)`.

    The regime is `NONFINITE` as soon as the forward pass of one seed overflows: the rate of the others is
    the rate of the survivors. A transport too short for a rate because it is exactly zero is `VANISH`.
    """
    T = labels[-1]
    mean, low, high = interval(seeds["rate"].value)
    # A linear cell keeps its transport when its state overflows: only a rate that is lost counts.
    lost = seeds["rate"].state == FORWARD_NONFINITE
    steps, broken = seeds["nonfinite_step"].value[lost], int(lost.sum())
    half, soft, hard, credit = (median(seeds[name]) for name in HORIZONS)
    word = "NONFINITE" if broken else regime(mean, low, high, T)
    if word == "UNDEFINED" and not math.isnan(hard):
        word = "VANISH"
    return Group(
        *labels,
        seeds=len(lost),
        rate=mean,
        low=low,
        high=high,
        regime=word,
        half_life=half,
        soft_horizon=soft,
        hard_horizon=hard,
        credit_horizon=credit,
        nonfinite=broken,
        nonfinite_step=int(np.nanmin(steps)) if broken else 0,
        trajectory_dependent=trajectory_dependent(mean, low, T, linear),
        has_gain=has_gain,
        profile=profile,
    )


def median(metric: Metric) -> float:
    """The median over seeds of a horizon, where a horizon not reached counts as beyond the sequence.

    NaN if that is where the median lies; seeds whose forward pass is not finite are left out.
    """
    known = np.where(metric.state == UNDEFINED, np.inf, metric.value)
    known = known[~np.isnan(known)]
    middle = float(np.median(known)) if len(known) else math.nan
    return middle if math.isfinite(middle) else math.nan


def groups(norms: "xarray.Dataset", metrics: Mapping[str, Metric] | None = None) -> list[Group]:
    """Every (cell, init, w_rec) of a dataset at its longest T; `metrics` spares measuring again.

    `metrics` holds arrays `(cell, init, w_rec, seed)` of the whole state at the longest T.
    """
    at = int(np.argmax(norms["T"].values))
    longest = norms.isel(T=[at])
    if metrics is None:
        found = {name: metric for (name, part), metric in measured(longest).items() if part == "state"}
        metrics = {name: Metric(m.value[..., 0, :], m.state[..., 0, :]) for name, m in found.items()}
    log_norm, state = stored(longest, "transport", "state")
    profiles = mean_ok(log_norm[..., 0, :, :], state[..., 0, :, :])
    T = int(norms["T"].values[at])
    linear = norms["linear"].values
    gains = norms["has_gain"].values if "has_gain" in norms.coords else np.ones(len(linear), bool)
    rows = []
    for c, cell in enumerate(map(str, norms["cell"].values)):
        for i, init in enumerate(map(str, norms["init"].values)):
            for w, w_rec in enumerate(map(float, norms["w_rec"].values)):
                seeds = {name: Metric(m.value[c, i, w], m.state[c, i, w]) for name, m in metrics.items()}
                labels = (cell, init, w_rec, T)
                profile = profiles[c, i, w, : T + 1]
                rows.append(group(labels, seeds, profile, bool(linear[c]), bool(gains[c])))
                if not gains[c]:
                    break
    return rows


def verdict(norms: "xarray.Dataset") -> str:
    """What the numbers say: one sentence for each (cell, init, w_rec), at its longest T."""
    several = norms.sizes["init"] > 1
    sentences = [_sentence(row, several) for row in groups(norms)]
    # Of one network alone it is known where and why its derivative was rounded to zero.
    rounded = norms.attrs.get("rounded")
    return "\n".join([*sentences, f"{rounded[0].upper()}{rounded[1:]}."] if rounded else sentences)


def _sentence(row: Group, several_inits: bool) -> str:
    where = f"{row.cell} ({row.init})" if several_inits else row.cell
    count = "1 seed, so no interval" if row.seeds == 1 else f"{row.seeds} seeds"
    gain = "" if math.isnan(row.w_rec) or not row.has_gain else f" at w_rec = {row.w_rec:g}"
    head = f"{where}{gain}, T = {row.T} ({count}): {row.regime}"
    if row.nonfinite:
        who = "" if row.seeds == 1 else f" in {row.nonfinite} of {row.seeds} seeds"
        step = f"first at step {row.nonfinite_step}"
        return f"{head}; the forward pass overflows{who}, {step}, so it has no gradient to measure."
    if math.isnan(row.rate):
        return f"{head}; the transport has too few norms that are not exactly zero for a rate{_reach(row)}."
    known = "" if math.isnan(row.low) else f" (95 % interval {row.low:+.4g} to {row.high:+.4g})"
    chaos = "; chaotic: these numbers hold for this trajectory only" if row.trajectory_dependent else ""
    change = f"the transport changes by {row.rate:+.4g} decades per step of lag{known}"
    return f"{head}; {change}{_reach(row)}{chaos}."


def _reach(row: Group) -> str:
    """The horizons, as the end of a sentence."""
    parts = []
    if math.isnan(row.half_life):
        parts.append(f"it never falls to half within {row.T} steps")
    else:
        parts.append(f"it halves within {row.half_life:.3g} steps")
        if not math.isnan(row.soft_horizon):
            parts.append(f"falls by 10^3 within {row.soft_horizon:.3g}")
    if not math.isnan(row.hard_horizon):
        parts.append(f"is exactly zero beyond lag {row.hard_horizon:g}")
    if not math.isnan(row.credit_horizon):
        parts.append(f"95 % of the recurrent weight gradient comes from lags 0 to {row.credit_horizon:g}")
    return ": " + ", ".join(parts)
