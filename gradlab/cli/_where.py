"""`--where` of a plot: a run with only what it names left."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray

    from gradlab.studies.remedies.results import TrainingRun
    from gradlab.studies.sweep.results import Run

GRIDS = {"sweep": ("cell", "init", "w_rec", "T", "seed"), "remedies": ("arm", "T", "w_rec", "seed")}


def chosen(run: "Run | TrainingRun | None", plot: str, where: Sequence[str]) -> "Run | TrainingRun":
    """The run with only what `where` names left on the axes of its grid, and of the columns of its probes."""
    from gradlab.errors import GradlabError, shown
    from gradlab.spelled import outside_brackets, unknown
    from gradlab.studies.sweep import columns
    from gradlab.studies.sweep.results import Run

    if run is None:
        raise GradlabError("--where", "this plot reads no run; leave it out")
    probed = columns.columns(run.norms) if isinstance(run, Run) else {}
    own = {axis for axes in probed.values() for axis in axes}
    grid = GRIDS["sweep" if isinstance(run, Run) else "remedies"]
    asked: dict[str, list[str]] = {}
    for item in where:
        name, equals, text = item.partition("=")
        axis = name.strip()
        if not equals or not text.strip():
            raise GradlabError("--where", f"{shown(item)} is not a choice; write one such as {grid[0]}=NAME")
        if axis not in (*grid, *own):
            raise unknown("--where", "axis of this run", axis, (*grid, *own))
        if axis not in grid:
            _require_picked(plot, axis)
        asked[axis] = outside_brackets(text)
    kept = {axis: _labels(run.norms, axis, words) for axis, words in asked.items() if axis in grid}
    found = _of_grid(run, kept)
    # A shorter T has fewer steps and lags.
    entries = {axis: _labels(found.norms, axis, words) for axis, words in asked.items() if axis not in grid}
    return _of_columns(found, entries) if entries and isinstance(found, Run) else found


def _labels(norms: "xarray.Dataset", axis: str, words: Sequence[str]) -> list[Any]:
    """The labels of an axis that words name."""
    from gradlab.studies.sweep import columns

    known = norms[axis].values.tolist() if axis in norms.coords else columns.labels(norms, axis)
    return [_one(axis, word, known) for word in words]


def _require_picked(plot: str, axis: str) -> None:
    """Refuse a part of an axis that the plot draws whole, or not at all."""
    from gradlab import registry
    from gradlab.errors import GradlabError

    able = [
        name
        for name in registry.names("plots")
        if (picks := getattr(registry.home("plots", name), "PICKS", ())) is None or axis in picks
    ]
    if plot not in able:
        what = f"{plot} draws no part of the axis {axis}; those that do: {', '.join(able)}"
        raise GradlabError("--where", what)


def _of_grid(run: "Run | TrainingRun", kept: Mapping[str, list[Any]]) -> "Run | TrainingRun":
    import dataclasses

    from gradlab.studies.sweep.results import Run

    norms = run.norms.sel(kept)
    longest = int(norms["T"].values.max())
    lengths = {"lag": longest + 1, "step": longest, "from_step": longest, "to_step": longest}
    norms = norms.isel({axis: slice(0, n) for axis, n in lengths.items() if axis in norms.dims})
    names = ("metrics",) if isinstance(run, Run) else ("table", "curves")
    frames = {}
    for name in names:
        frame = getattr(run, name)
        for axis, values in kept.items():
            frame = frame[frame[axis].isin(values)]
        frames[name] = frame.reset_index(drop=True)
    return dataclasses.replace(run, norms=norms, **frames)


def _of_columns(run: "Run", kept: Mapping[str, list[Any]]) -> "Run":
    """Of columns with one of these axes only the entries that are named, in the arrays and in the table."""
    import dataclasses

    import pandas as pd

    from gradlab.studies.sweep import columns, results

    some = {name for name, axes in columns.columns(run.norms).items() if not kept.keys().isdisjoint(axes)}
    others = run.metrics[~run.metrics["metric"].str.partition("[")[0].isin(some)]
    added = results.further(run.norms, kept)
    added = added[added["metric"].str.partition("[")[0].isin(some)]
    table = pd.concat([others, added], ignore_index=True)
    # Norms by lag are of all lags, whatever of a column is drawn.
    arrays = {axis: labels for axis, labels in kept.items() if axis != "lag"}
    return dataclasses.replace(run, metrics=table, norms=columns.chosen(run.norms, arrays))


def _one(axis: str, word: str, values: list[Any]) -> Any:
    """The value of an axis that a word names."""
    from gradlab.spelled import unknown

    for value in values:
        if str(value) == word:
            return value
        if not isinstance(value, str):
            try:
                if float(word) == float(value):
                    return value
            except ValueError:
                break
    raise unknown(
        "--where", f"{axis} in this run", word, [v if isinstance(v, str) else f"{v:g}" for v in values]
    )
