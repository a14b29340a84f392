"""Any column of metrics.csv against any other: the general plot."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gradlab import probes
from gradlab.errors import GradlabError
from gradlab.metrics import every
from gradlab.plots import _colors, _fitting, _style
from gradlab.spelled import unknown
from gradlab.studies.sweep.results import Run

if TYPE_CHECKING:
    import pandas

READS = "sweep"
BY_DEFAULT = False
"""It is drawn when asked for."""
NEEDS: tuple[str, ...] = ()
PICKS = None
"""It can draw a part of every axis of a probe's columns."""
AXES = ("cell", "init", "w_rec", "T", "seed")
WIDE = 30.0
"""Positive values that differ by more than this factor get a logarithmic axis."""
MARKERS = "os^DvPX*"


def metrics(
    run: Run, *, x: str = "w_rec", y: str = "rate", color: str = "cell", panels: str = "", part: str = "state"
) -> Figure:
    """One column against another: axes of the grid (`cell`, `w_rec`, ...) or metrics (`rate`, ...).

    Against an axis of the grid, the mean over whatever is named neither by `x`, `color` nor `panels`, with a
    band from the least to the greatest; of two metrics, one dot per network. Only values that are ok count.
    Raises `GradlabError` for a column that the run does not have.
    """
    wide = table(run, part)
    known = [*AXES, *(name for name in wide.columns if name not in AXES)]
    x, y = (_entry(option, name, known) for option, name in (("--x", x), ("--y", y)))
    for option, name in (("--color", color), ("panels", panels)):
        if name and name not in AXES:
            raise unknown(option, "axis of the grid", name, AXES)
    groups, names = _values(run, panels), _values(run, color)
    colors = _chosen(color, names)
    logs = tuple(axis not in AXES and _is_wide(wide[axis]) for axis in (x, y))
    with _style.style():
        figure, axes = _style.panels(len(groups), height=2.4)
        for panel, group in zip(axes, groups, strict=True):
            here = wide if not panels else wide[wide[panels] == group]
            panel.set_title(f"{panels} = {_word(group)}" if panels else "")
            for k, name in enumerate(names):
                rows = here if not color else here[here[color] == name]
                rows = rows[rows[y].notna() & (rows[x].notna() if x not in AXES else True)]
                if x in AXES:
                    _curve(panel, rows, x, y, colors[name], logs[1], k - (len(names) - 1) / 2)
                else:
                    _dots(panel, rows, x, y, {"color": colors[name], "marker": MARKERS[k % 8]}, logs)
            if not panel.has_data():
                _style.note(panel, "nothing to draw:\nno value is defined")
        _scales(axes, wide, x, y, logs)
        _style.label(axes, _label(x), _label(y))
        about = "" if part == "state" else f", of {part} alone"
        figure.suptitle(f"{_title(y)} against {_title(x)}{about}{_averaged(wide, (x, y, color, panels))}")
        if color:
            handles = _legend(color, names, colors, x in AXES)
            _fitting.legend(figure, handles, 4)
    return figure


def _entry(option: str, name: str, known: Sequence[str]) -> str:
    """The column of that name; of a probe's, the one entry that the table has.

    Raises `GradlabError` if there is none, or more than one.
    """
    entries = [one for one in known if one.startswith(f"{name}[")]
    if name in known or len(entries) == 1:
        return name if name in known else entries[0]
    if entries:
        axes = [place.partition("=")[0] for place in entries[0].partition("[")[2][:-1].split(",")]
        choice = " ".join(f"--where {axis}=..." for axis in axes)
        raise GradlabError(
            option, f"{name} has {len(entries)} entries; name one, as {entries[0]}, or {choice}"
        )
    raise unknown(option, "column", name, known)


def table(run: Run, part: str) -> "pandas.DataFrame":
    """One row per network and one column per metric; NaN where its state is not ok."""
    tidy = run.metrics
    parts = list(dict.fromkeys(tidy["part"]))
    if part not in parts:
        raise unknown("part", "part of the state", part, parts)
    tidy = tidy[tidy["part"] == part]
    value = tidy["value"].where(tidy["state"] == "ok")
    shaped = tidy.assign(value=value).pivot(index=list(AXES), columns="metric", values="value")
    return shaped.reset_index().rename_axis(columns=None)


def _averaged(wide: "pandas.DataFrame", named: Sequence[str]) -> str:
    """Which axes of the grid a curve is the mean over, as the second line of a title."""
    if named[0] not in AXES:
        return "\none dot per network"
    over = []
    for axis in AXES:
        labels = list(dict.fromkeys(wide[axis].tolist()))
        if axis in named or len(labels) == 1:
            continue
        numbers = axis in ("w_rec", "T")
        over.append(f"{axis} = {_style.span(sorted(labels))}" if numbers else f"{len(labels)} {axis}s")
    return f"\nmean over {' and '.join(over)} (band: all)" if over else ""


def _values(run: Run, axis: str) -> list[Any]:
    """What an axis holds, in the order of the run (numbers in their own); one nothing without an axis."""
    if not axis:
        return [None]
    values = list(dict.fromkeys(run.metrics[axis].tolist()))
    return values if isinstance(values[0], str) else sorted(values)


def _chosen(axis: str, names: list[Any]) -> dict[Any, Any]:
    if axis == "w_rec":
        norm = _style.w_rec_norm(np.asarray(names, np.float64))
        return {name: _style.DIVERGING(norm(name)) for name in names}
    if axis == "cell":
        return dict(_colors.cell_colors(names))
    return {name: _colors.CELLS[k % len(_colors.CELLS)] for k, name in enumerate(names)}


def _is_wide(column: Any) -> bool:
    known = column.to_numpy(np.float64)
    known = known[np.isfinite(known)]
    return bool(len(known) and known.min() > 0 and known.max() > WIDE * known.min())


def _curve(
    panel: Axes, rows: "pandas.DataFrame", x: str, y: str, color: Any, log: bool, place: float
) -> None:
    """The mean at each x, with the band of all; words as x stand `place` beside each other."""
    if rows.empty:
        return
    values = rows[y].to_numpy(np.float64) if y not in AXES else rows[y].to_numpy()
    values = np.log10(values) if log else values
    places = rows[x].tolist()
    order = sorted(set(places))
    parts = [values[[place == at for place in places]] for at in order]
    mean, low, high = (np.array([f(part) for part in parts]) for f in (np.mean, np.min, np.max))
    if isinstance(order[0], str):
        bars = np.array([mean - low, high - mean])
        beside = np.arange(len(order)) + 0.08 * place
        panel.errorbar(beside, mean, bars, color=color, marker="o", markersize=4.5, linestyle="none")
        panel.set_xticks(range(len(order)), _style.ticks(order))
        return
    if (high > low).any():
        panel.fill_between(order, low, high, color=color, alpha=0.15, linewidth=0)
    panel.plot(order, mean, color=color, marker=".", markersize=4)


def _dots(panel: Axes, rows: "pandas.DataFrame", x: str, y: str, look: dict[str, Any], logs: Any) -> None:
    pair: list[NDArray[np.float64]] = [rows[name].to_numpy() for name in (x, y)]
    pair = [np.log10(values) if log else values for values, log in zip(pair, logs, strict=True)]
    if len(rows):
        panel.plot(*pair, linestyle="none", markersize=3.5, alpha=0.7, markeredgewidth=0, **look)


def _scales(axes: list[Axes], wide: "pandas.DataFrame", x: str, y: str, logs: Any) -> None:
    """Powers of ten where logarithms are drawn; a line at a rate of 0."""
    for panel, (name, log, axis) in itertools.product(axes, ((x, logs[0], "xaxis"), (y, logs[1], "yaxis"))):
        if log:
            _style.powers_of_ten(getattr(panel, axis))
        elif name == "rate":
            draw = panel.axvline if axis == "xaxis" else panel.axhline
            draw(0.0, color=_style.LINEAR, linewidth=0.7, zorder=1)
    if x == "T" and wide["T"].nunique() > 1:
        for panel in axes:
            panel.set_xscale("log", base=2)
            panel.set_xticks(sorted(set(wide["T"])), [f"{T:g}" for T in sorted(set(wide["T"]))])
            panel.minorticks_off()


def _label(name: str) -> str:
    """Of an axis: what a metric or a column of a probe says of itself."""
    metric = next((one for one in every() if one.name == name), None)
    if metric is not None:
        return metric.label
    column, bracket, places = name.partition("[")
    said = probes.named(column)
    if name in AXES or not (said.unit or said.axis):
        return name
    return f"{said.label}, {places[:-1]}" if bracket else said.label


def _title(name: str) -> str:
    return name if name in AXES else name.replace("_", " ")


def _word(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _legend(axis: str, names: list[Any], colors: dict[Any, Any], curves: bool) -> list[Line2D]:
    few = [names[i] for i in _style.thin(len(names) - 1, 8)]
    say = (lambda name: name) if isinstance(names[0], str) else (lambda name: f"{axis} = {name:g}")
    return [
        Line2D(
            [],
            [],
            color=colors[name],
            label=say(name),
            linestyle="-" if curves else "none",
            marker="." if curves else MARKERS[names.index(name) % 8],
        )
        for name in few
    ]
