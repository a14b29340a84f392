"""What the seeds of a point say together: their metrics, and the regime of these."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.metrics import Metric, every, measured
from gradlab.profiles import Measured, backward_leaves, mean_ok, of_part
from gradlab.states import FORWARD_NONFINITE, OK, UNDEFINED
from gradlab.stats import mean_interval
from gradlab.studies.sweep.regimes import regime, trajectory_dependent

if TYPE_CHECKING:
    import xarray

SPOKEN = ("rate", "half_life", "soft_horizon", "hard_horizon")
"""Metrics of the transport of which there are the same of the reach."""
REPEATS = {False: "seeds", True: "sequences"}
"""What the axis `seed` counts, of networks drawn alike and of a given one."""


class PointRow(NamedTuple):
    """What the seeds of one (cell, init, w_rec) say together, at one T.

    Rates in decades per step of lag.
    """

    cell: str
    init: str
    w_rec: float
    """NaN for a given network, whose weights are its own."""
    T: int
    seeds: int
    """Networks; of a given network, its input sequences."""
    rate: float
    """The mean over the networks that have one."""
    low: float
    high: float
    """Ends of its t-interval, NaN where fewer than two networks have a rate."""
    regime: str
    values: Mapping[str, float]
    """Of every further metric that has a column, what its seeds come to; see `pooled`."""
    nonfinite: int
    """Networks whose forward pass overflows."""
    nonfinite_step: int
    """The first step at which one does; 0 for none."""
    trajectory_dependent: bool
    """Whether any of the networks is chaotic."""
    has_gain: bool
    """Whether w_rec has an effect on the cell."""
    profile: NDArray[np.float64]
    level: float = math.nan
    """Of the rate's interval: 0.95, NaN where there is none."""
    chaotic: int = 0
    """How many of the networks are."""
    rated: int = 0
    """How many of them have a rate."""
    backward_nonfinite: int = 0
    """Networks with a finite forward pass, and a derivative that is not finite at some step."""
    backward_step: int = 0
    """The last step at which one is not finite, the first that the backward pass meets; 0 for none."""
    backward_leaves: tuple[str, ...] = ()
    """The parts of the state whose gradient is lost there."""
    given: bool = False
    """Whether this is one network that somebody gave, and no sample of networks drawn alike."""
    of: str = "transport"
    """What rate, regime, horizons and profile are of: the reach where the cell rescales its own state."""
    whole: bool = False
    """Whether it is a model as a whole, of which nothing but its reach is known."""

    @property
    def repeats(self) -> str:
        """What was measured again and again: `seeds`, or the `sequences` that one given network has read."""
        return REPEATS[self.given]

    @property
    def label(self) -> str:
        """The point on one line: `lstm orthogonal w_rec=0.9`."""
        return f"{self.cell} {self.init}" + ("" if self.given else f" w_rec={self.w_rec:g}")

    @property
    def numbers(self) -> dict[str, float]:
        """What the seeds come to by metric, under the names of these: the rate, and all that has a column."""
        found = {"rate": self.rate} | dict(self.values)
        own = {name: f"reach_{name}" for name in SPOKEN if self.of == "reach"}
        return {own.get(name, name): value for name, value in found.items()}

    def record(self) -> dict[str, Any]:
        """All by name, each metric under its own, as in a table."""
        row = self._asdict()
        del row["whole"]
        at = list(row).index("values")
        pairs = list(row.items())
        return dict(pairs[:at]) | dict(self.values) | dict(pairs[at + 1 :])


def given(norms: "xarray.Dataset") -> bool:
    """Whether a dataset holds one given network, as `gradlab.measure` does, and no sample of seeds.

    Its axis `seed` then has an entry for each input sequence: with several, their spread counts.
    """
    return bool(norms.attrs.get("networks") == "given")


def whole(norms: "xarray.Dataset") -> bool:
    """Whether a dataset holds what `gradlab.reach` gives of a model as a whole."""
    return bool(norms.attrs.get("only") == "reach")


def group(
    labels: tuple[str, str, float, int],
    seeds: Mapping[str, Measured],
    profile: NDArray[np.float64],
    linear: bool,
    has_gain: bool = True,
    given: bool = False,
    of: str = "transport",
) -> PointRow:
    """Put the seeds of one (cell, init, w_rec, T) together; `seeds` maps each metric to arrays `(seed,)`.

    The regime is `NONFINITE` as soon as one seed's pass, forward or backward, is not finite: the rate of the
    others is the rate of the survivors, and that of its finite lags is of these alone. Of a cell that
    rescales its own state it speaks `of` the reach: its rate and horizons take the place of the transport's.
    """
    T = labels[-1]
    if of == "reach":
        seeds = dict(seeds) | {name: seeds[f"reach_{name}"] for name in SPOKEN}
    rate, state = seeds["rate"]
    mean, low, high, level = mean_interval(rate)
    # A linear cell keeps its transport when its state overflows: only a rate that is lost counts.
    lost = state == FORWARD_NONFINITE
    steps, broken = seeds["nonfinite_step"].value[lost], int(lost.sum())
    back = seeds["backward_nonfinite_step"].value
    backward = int((~np.isnan(back)).sum())
    values = {m.name: pooled(m, seeds[m.name]) for m in every() if m.column and m.name in seeds}
    chaotic = int(trajectory_dependent(rate, T, linear).sum())
    word = "NONFINITE" if broken or backward else _word(rate, seeds["hard_horizon"].state == OK, T, given)
    return PointRow(
        *labels,
        seeds=len(lost),
        rate=mean,
        low=low,
        high=high,
        regime=word,
        values=values,
        nonfinite=broken,
        nonfinite_step=int(np.nanmin(steps)) if broken else 0,
        trajectory_dependent=chaotic > 0,
        has_gain=has_gain,
        profile=profile,
        level=level,
        chaotic=chaotic,
        rated=int((~np.isnan(rate)).sum()),
        backward_nonfinite=backward,
        backward_step=int(np.nanmax(back)) if backward else 0,
        given=given,
        of=of,
    )


def _word(rate: NDArray[np.float64], gone: NDArray[np.bool_], T: int, given: bool) -> str:
    """The regime of networks of which some are exactly zero beyond a lag (`gone`) or have no rate.

    A transport that is exactly zero at the far end is not stable, however level it is before; and those that
    have a rate do not speak for those that have none.
    """
    word = regime(rate, T, given=given)
    if gone.all():
        alone = len(rate) < 2 and not given
        return "UNDECIDED" if alone else "EXPLODE" if word == "EXPLODE" else "VANISH"
    silent = np.isnan(rate)
    if word == "UNDEFINED" or (word == "VANISH" and not (silent & ~gone).any()):
        return word
    return "UNDECIDED" if (gone | silent).any() else word


def pooled(metric: Metric, seeds: Measured) -> float:
    """What the seeds of a point come to: their mean or their median, as the metric says.

    In a median what does not happen within the sequence counts as beyond it. NaN is where most of them say
    so, or have no value. Seeds that are lost are left out.
    """
    value, undefined = seeds.value, seeds.state == UNDEFINED
    if metric.pooling == "median" and metric.undefined != "unknown":
        value = np.where(undefined, np.inf, value)
    known = value[~np.isnan(value)]
    if 2 * np.count_nonzero(undefined & np.isnan(value)) > len(value):
        return math.nan
    middle = float((np.mean if metric.pooling == "mean" else np.median)(known)) if len(known) else math.nan
    return middle if math.isfinite(middle) else math.nan


def groups(norms: "xarray.Dataset", metrics: Mapping[str, Measured] | None = None) -> list[PointRow]:
    """Every (cell, init, w_rec) of a dataset at its longest T; `metrics` spares measuring again.

    `metrics` holds arrays `(cell, init, w_rec, seed)` of the whole state at the longest T.
    """
    at = int(np.argmax(norms["T"].values))
    longest = norms.isel(T=[at])
    if metrics is None:
        found = {name: metric for (name, part), metric in measured(longest).items() if part == "state"}
        metrics = {name: Measured(m.value[..., 0, :], m.state[..., 0, :]) for name, m in found.items()}
    spoken = speaking_of(norms)
    profiles = {}
    for of in set(spoken):
        log_norm, state = of_part(longest, of, "state")
        profiles[of] = mean_ok(log_norm[..., 0, :, :], state[..., 0, :, :])
    T = int(norms["T"].values[at])
    linear, leaves = norms["linear"].values, backward_leaves(longest)
    gains = norms["has_gain"].values if "has_gain" in norms.coords else np.ones(len(linear), bool)
    rows = []
    for c, cell in enumerate(map(str, norms["cell"].values)):
        for i, init in enumerate(map(str, norms["init"].values)):
            for w, w_rec in enumerate(map(float, norms["w_rec"].values)):
                seeds = {name: Measured(m.value[c, i, w], m.state[c, i, w]) for name, m in metrics.items()}
                labels = (cell, init, math.nan if given(norms) else w_rec, T)
                of = spoken[c]
                # No input is read at lag T.
                profile = profiles[of][c, i, w, : T + (of == "transport")]
                row = group(labels, seeds, profile, bool(linear[c]), bool(gains[c]), given(norms), of)
                lost = {leaf: None for place in leaves if place[:3] == (c, i, w) for leaf in leaves[place]}
                rows.append(row._replace(backward_leaves=tuple(lost), whole=whole(norms)))
                if not gains[c]:
                    break
    return rows


def speaking_of(norms: "xarray.Dataset") -> list[str]:
    """What verdicts on each cell speak of: `reach` where it rescales its own state, else `transport`."""
    if whole(norms):
        return ["reach"] * norms.sizes["cell"]
    if "rescales" not in norms.coords or "reach" not in norms:
        return ["transport"] * norms.sizes["cell"]
    return ["reach" if one else "transport" for one in norms["rescales"].values.tolist()]
