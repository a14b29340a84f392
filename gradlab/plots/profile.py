"""Norm against lag: how far back the gradient reaches, one panel per cell."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.plots import _colors, _fitting, _style, _words
from gradlab.profiles import hard_horizon, mean_ok
from gradlab.states import FORWARD_NONFINITE, OK
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import given, whole

if TYPE_CHECKING:
    import xarray

READS = "sweep"
"""Which command's runs it draws."""
NEEDS = ("transport",)
"""Variables that must have been measured."""

LAWS = 5
"""For so many of the w_rec, evenly spread, the linear law and the band over seeds are drawn."""
BAND_POINTS = 100


def profile(
    run: Run,
    *,
    quantity: Literal[
        "transport",
        "transport_frobenius",
        "adjoint",
        "weight_gradient",
        "reach",
        "reach_frobenius",
        "readout_transport",
    ] = "transport",
) -> Figure:
    """log10 norm against lag at the longest T, the mean over seeds, coloured by w_rec.

    Dashed beside it the linear law, lag * log10 |w_rec|, where there is a w_rec; light bands from the least
    to the greatest seed. Of a model as a whole its reach.

    Raises:
      GradlabError: for a quantity that was not measured.
    """
    norms = run.norms
    quantity = "reach" if whole(norms) and quantity == "transport" else quantity
    if quantity not in norms:
        raise GradlabError(
            "quantity", f"{quantity} was not measured in this run; ask for it by --probe reach"
        )
    T = int(norms["T"].values.max())
    w_rec = norms["w_rec"].values.astype(np.float64)
    norm = _style.w_rec_norm(w_rec)
    label, formula, _ = _style.QUANTITY[quantity]
    cells, inits = norms["cell"].values.tolist(), norms["init"].values.tolist()
    colors = _colors.cell_colors(cells)
    values, states = _arrays(run, quantity, T)
    with _style.style():
        figure, axes = _style.panels(len(cells) * len(inits), height=2.2)
        for i, panel in enumerate(axes):
            c, k = divmod(i, len(inits))
            title = cells[c] if len(inits) == 1 else f"{cells[c]}, {inits[k]}"
            panel.set_title(title, color=colors[cells[c]], fontweight="bold")
            _curves(panel, w_rec, values[c, k], states[c, k], norm, law=not given(norms))
            _notes(panel, w_rec, values[c, k], states[c, k], norms["nonfinite_step"].sel(T=T).values[c, k])
            _style.lag_limits(panel, T)
            _style.log_limits(panel, values[states == OK])
        _style.label(axes, "lag (steps back from T)", label)
        alone = _words.gain(norms) * (len(w_rec) == 1)
        title = f"{label[0].upper()}{label[1:]}: {formula}\n{alone}T = {T}, {_words.counted(norms)}"
        figure.suptitle(title)
        if len(w_rec) > 1:
            bar = figure.colorbar(
                ScalarMappable(norm, _style.DIVERGING), ax=axes, label="w_rec", aspect=30, pad=0.02
            )
            bar.ax.set_ylim(w_rec.min(), w_rec.max())
            # One a curve; on a terminal their letters have their values from these.
            bar.set_ticks(w_rec.tolist(), minor=True)
        gone = any(_gone(some) for some in states.reshape(-1, *states.shape[-2:]))
        handles = _legend(norms, gone)
        _fitting.legend(figure, handles, 3 if len(axes) > 1 else 2)
    return figure


def _arrays(run: Run, quantity: str, T: int) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Values and states `(cell, init, w_rec, seed, lag)` at T."""
    axes = ("cell", "init", "w_rec", "seed", "lag")
    pair = run.norms[quantity].sel(T=T), run.norms[f"{quantity}_state"].sel(T=T)
    if "part" in pair[0].dims:
        pair = pair[0].sel(part="state"), pair[1].sel(part="state")
    return pair[0].transpose(*axes).values, pair[1].transpose(*axes).values


def _curves(
    panel: Axes, w_rec: NDArray[np.float64], values: Any, states: Any, norm: Normalize, *, law: bool
) -> None:
    """The mean of each w_rec; for some of them the law and the band."""
    mean = mean_ok(values, states)
    some = set(np.linspace(0, len(w_rec) - 1, min(LAWS, len(w_rec))).round().astype(int).tolist())
    lines, laws, ends = [], [], []
    for w, weight in enumerate(w_rec):
        lags = np.flatnonzero(~np.isnan(mean[w]))
        if not len(lags):
            continue
        lags = lags[_style.thin(len(lags) - 1)]
        color = _style.DIVERGING(norm(weight))
        lines.append((np.column_stack([lags, mean[w, lags]]), color))
        if w in some:
            few = lags[_style.thin(len(lags) - 1, BAND_POINTS)]
            ok = np.where(states[w] == OK, values[w], np.nan)[:, few]
            low, high = np.fmin.reduce(ok), np.fmax.reduce(ok)
            if (high > low).any():
                panel.fill_between(few, low, high, color=color, alpha=0.2, linewidth=0)
            if law and weight:
                start = mean[w, lags[0]]
                far = np.array([lags[0], states.shape[-1] - 1])
                laws.append((np.column_stack([far, start + (far - far[0]) * np.log10(abs(weight))]), color))
        if _gone(states[w]):
            ends.append((lags[-1], mean[w, lags[-1]], color))
    for kind, look in ((lines, {"linewidths": 1.2}), (laws, {"linewidths": 0.9, "linestyles": (0, (4, 3))})):
        if kind:
            paths, colors = zip(*kind, strict=True)
            panel.add_collection(LineCollection(paths, colors=colors, **look), autolim=False)
    for x, y, color in ends:
        panel.plot(x, y, marker="x", markersize=5, markeredgewidth=1.4, color=color, clip_on=False, zorder=5)


def _gone(states: Any) -> bool:
    """Whether beyond the last norm of any seed all norms of all seeds are exactly zero."""
    alive = (states == OK).any(axis=-1)
    return bool(alive.any() and np.isfinite(hard_horizon(states[alive]).value).all())


def _notes(
    panel: Axes, w_rec: NDArray[np.float64], values: Any, states: Any, steps: NDArray[np.int32]
) -> None:
    """Say what no curve can show."""
    if not (states == OK).any():
        broken = (states == FORWARD_NONFINITE).any()
        why = "the forward pass\nis not finite" if broken else "no exact norm\nis defined"
        _style.note(panel, f"nothing to draw:\n{why}")
        return
    lost = (states == FORWARD_NONFINITE).any(axis=(-1, -2))
    if lost.any():
        first = steps[steps > 0].min() if (steps > 0).any() else None
        which = f"w_rec {_style.span(w_rec[lost].tolist())}"
        when = f",\nfirst at step {first}" if first else ""
        _style.note(panel, f"forward pass not finite:\n{which}{when}", "lower left")


def _legend(norms: "xarray.Dataset", zeros: bool) -> list[Line2D]:
    several, each = norms.sizes["seed"] > 1, _words.repeats(norms)
    handles = [
        Line2D(
            [],
            [],
            color=_style.LINEAR,
            label=f"mean over {each} (band: all {each})" if several else "measured",
        ),
        Line2D(
            [],
            [],
            color=_style.LINEAR,
            linestyle=(0, (4, 3)),
            linewidth=0.9,
            label="linear law, lag · log10 |w_rec|",
        ),
    ][: 1 if given(norms) else 2]
    end = Line2D(
        [], [], color=_style.LINEAR, marker="x", linestyle="none", markersize=5, label="exactly zero beyond"
    )
    return [*handles, end] if zeros else handles
