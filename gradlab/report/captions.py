"""One sentence under a figure, made from the numbers that the figure shows.

A plot may bring its own: a function `sentence(run) -> str` in its file. Those that compare rows have theirs
here; of any other, the range of what it shows is said.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradlab import metrics
from gradlab.report.verdict import by_cell, crossings, far_end_known, network
from gradlab.report.words import counted, listed, number, power, signed
from gradlab.states import OK
from gradlab.studies.remedies import forecast
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.sentences import named
from gradlab.studies.sweep import results
from gradlab.studies.sweep.regimes import border
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import REPEATS, PointRow, given


def caption(run: Any, spec: str, home: Any) -> str:
    """The sentence under the figure of a plot; one with settings of its own is spoken for by its file."""
    name = spec.partition("(")[0].strip()
    own = getattr(home, "sentence", None)
    if callable(own):
        return str(own(run))
    if spec in _CAPTIONS:
        return _CAPTIONS[spec](run)
    first = (getattr(home, name).__doc__ or "").strip().split("\n")[0]
    # What a plot does with seeds it does with the sequences of a given network.
    first = first.replace(REPEATS[False], REPEATS[given(run.norms)])
    return f"{first}{_range(run.norms, getattr(home, 'NEEDS', ()))}"


def _profile(run: Run) -> str:
    """Who ends lowest and who highest at the far end of the sequence."""
    rows = [row for row in results.groups(run) if row.of == "transport" or row.whole]
    ends = [(float(row.profile[known[-1]]), int(known[-1]), row) for row in rows if len(known := _lags(row))]
    zeros = sum(not math.isnan(row.values["hard_horizon"]) for row in rows)
    if not ends:
        return "No transport has a norm that could be drawn."
    low, high = min(ends, key=lambda end: end[0]), max(ends, key=lambda end: end[0])
    between = f"between {_end(low, rows)} and {_end(high, rows)}"
    if low[0] == high[0]:
        between = f"at {_end(low, rows)}" if len(ends) == 1 else f"at {power(low[0])} in all {len(ends)} rows"
    said = f"Over {counted(rows[0].T, 'step')} the {rows[0].of} ends {between}"
    most = f" in most {rows[0].repeats}" if rows[0].seeds > 1 else ""
    return f"{said}; {zeros} of {len(rows)} exactly zero beyond some lag{most}." if zeros else f"{said}."


def _lags(row: PointRow) -> Any:
    return np.flatnonzero(~np.isnan(row.profile))


def _end(end: tuple[float, int, PointRow], rows: list[PointRow]) -> str:
    log, lag, row = end
    return f"{power(log)} ({network(row, rows)}, lag {lag})"


def _rate_map(run: Run) -> str:
    """Where the border lies at the longest T, and how it has moved since the shortest."""
    rates = results.mean_rates(run)
    Ts, gains = run.norms["T"].values, run.norms["w_rec"].values
    short, long = int(Ts.argmin()), int(Ts.argmax())
    several = run.norms.sizes["init"] > 1
    crossed, never = [], []
    for c, cell in enumerate(map(str, run.norms["cell"].values)):
        for i, init in enumerate(map(str, run.norms["init"].values)):
            label = f"{cell} ({init})" if several else cell
            last, first = (crossings(gains, rates[c, i, :, t]) for t in (long, short))
            moved = f", at T = {Ts[short]} {first or 'nowhere'}" if short != long else ""
            if last:
                crossed.append(f"{label} {last}{moved}")
            else:
                never.append(f"{label} (at T = {Ts[short]} {first})" if first and short != long else label)
    parts = [f"the mean rate crosses 0: {'; '.join(crossed)}"] if crossed else []
    parts += [f"it does not change its sign for {listed(never)}"] if crossed and never else []
    parts += [f"the mean rate does not change its sign for {listed(never)}"] if not crossed else []
    return f"At T = {Ts[long]} {'; '.join(parts)}."


def _three_gradients(run: Run) -> str:
    """What each quantity loses or gains over the sequence, for the network that is drawn."""
    norms = run.norms
    T = int(norms["T"].values.max())
    at = int(np.abs(norms["w_rec"].values - 0.9).argmin())
    network = norms.isel(cell=0, init=0, w_rec=at, seed=0).sel(T=T)
    said = []
    for quantity in ("adjoint", "transport", "weight_gradient"):
        values, codes = network[quantity], network[f"{quantity}_state"]
        if "part" in values.dims:
            values, codes = values.sel(part="state"), codes.sel(part="state")
        lags = np.flatnonzero(codes.values == OK)
        label = quantity.replace("_", " ")
        change = float(values.values[lags[-1]] - values.values[lags[0]]) if len(lags) else math.nan
        said.append(f"the {label} {'has no norm' if math.isnan(change) else signed(change, 3)}")
    gain = float(norms["w_rec"].values[at])
    where = "" if math.isnan(gain) or given(norms) else f", w_rec = {number(gain)}"
    init = f" ({norms['init'].values[0]})" if norms.sizes["init"] > 1 else ""
    seed = f", the first {REPEATS[given(norms)][:-1]}" if norms.sizes["seed"] > 1 else ""
    which = f"{norms['cell'].values[0]}{init}{where}, T = {T}{seed}"
    return f"Decades from the least lag to the greatest: {listed(said)} ({which})."


def _range(norms: Any, needs: tuple[str, ...]) -> str:
    """From where to where the variables that a plot shows go."""
    parts = []
    for name in needs:
        if name in norms and norms[name].dtype.kind == "f":
            known = norms[name].values[np.isfinite(norms[name].values)]
            if len(known):
                parts.append(f"{name.replace('_', ' ')} {number(known.min(), 3)} to {number(known.max(), 3)}")
    return f" In the whole run: {listed(parts)}." if parts else ""


def _horizon(run: Run) -> str:
    """How many networks keep the transport to the end, and between which values the rest lies."""
    every = [row for row in results.groups(run) if row.of == "transport"]
    rows = [row for row in every if row.regime not in ("UNDEFINED", "NONFINITE") and far_end_known(row)]
    if not rows:
        return "No horizon is known."
    drawn = [metric for metric in metrics.every() if metric.panel_title]
    deepest = max((metric for metric in drawn if metric.decades), key=lambda metric: metric.decades or 0.0)
    kept = sum(math.isnan(row.values[deepest.name]) for row in rows)
    parts = [f"{kept} of {len(rows)} have not fallen by 10^{deepest.decades:g} at lag {rows[0].T}"]
    for metric in (one for one in drawn if one.decades is None):
        values = [(row.values.get(metric.name, math.nan), network(row, every)) for row in rows]
        known = sorted(value for value in values if not math.isnan(value[0]))
        ends = [f"{number(steps, 3)} ({which})" for steps, which in dict.fromkeys(known[:1] + known[-1:])]
        parts += [f"{metric.caption or metric.clause}: {' to '.join(ends)}"] if ends else []
    middle = f" (medians over {rows[0].repeats})" if rows[0].seeds > 1 else ""
    return f"{'; '.join(parts)}{middle}."


def _learning_curves(run: TrainingRun) -> str:
    """Which arm ends with the least loss, and which with the greatest."""
    every = run.outcomes()
    rows = [row for row in every if math.isfinite(row.loss)]
    if not rows:
        return "No arm has a loss that is finite."
    low, high = min(rows, key=lambda row: row.loss), max(rows, key=lambda row: row.loss)
    ends = [f"{number(row.loss, 3)} ({named(row, every)})" for row in (low, high)]
    between = f"lies between {ends[0]} and {ends[1]}"
    if low.loss == high.loss:
        between = f"is {ends[0]}" if len(rows) == 1 else f"is {number(low.loss, 3)} for all {len(rows)}"
    lost = len(every) - len(rows)
    infinite = f"; it is not finite for {lost} of {len(every)}" if lost else ""
    return f"The last loss on fresh sequences, median over seeds, {between}{infinite}."


def _solved(run: TrainingRun) -> str:
    """How many arms solved the task with all seeds, with some, with none."""
    rows = run.outcomes()
    whole = [row for row in rows if row.solved.successes == row.solved.of]
    none = [row for row in rows if not row.solved.successes]
    some = len(rows) - len(whole) - len(none)
    parts = [f"{len(whole)} of {len(rows)} solved the task with all seeds{_arms(whole, rows)}"]
    parts += [f"{some} with some", f"{len(none)} with no seed{_arms(none, rows)}"]
    return f"{listed(parts)}{_stopped(rows)}."


def _stopped(rows: list[ArmRow]) -> str:
    stopped = [row for row in rows if row.race is not None and row.race.stopped]
    return (
        f"; stopped before all updates were made: {listed([row.arm for row in stopped])}" if stopped else ""
    )


def _arms(some: list[ArmRow], rows: list[ArmRow]) -> str:
    return f" ({listed([named(row, rows) for row in some])})" if some else ""


def _trainability(run: TrainingRun) -> str:
    """How well the gradient at the start ranks what could be trained."""
    rows = run.outcomes()
    said = forecast.said(rows, lambda number: signed(number, 2))
    few = counted(forecast.forecast(rows).points, "start")
    return said or f"No rank correlation: {forecast.unranked(rows, few)}."


_CAPTIONS: dict[str, Callable[[Any], str]] = {
    "profile": _profile,
    "rate_map": _rate_map,
    "horizon": _horizon,
    "three_gradients": _three_gradients,
    "solved": _solved,
    "learning_curves": _learning_curves,
    "trainability": _trainability,
}
ORDER = tuple(_CAPTIONS)
"""These come first, in this order."""


def borders(run: Run) -> dict[tuple[str, int], float]:
    """The border of every (cell, T), over the mean rate of the seeds."""
    rates = results.mean_rates(run)
    labels = list(by_cell(results.groups(run)))
    gains, flat = run.norms["w_rec"].values, rates.reshape(-1, *rates.shape[2:])
    return {
        (label, int(T)): border(gains, flat[c, :, t])
        for c, label in enumerate(labels)
        for t, T in enumerate(run.norms["T"].values)
    }
