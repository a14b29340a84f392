"""What further probes have measured, as tables show it: some entries of each column, seeds put together."""

import itertools
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.text import Text

from gradlab import probes
from gradlab.escaping import plain
from gradlab.quantities import Column, short
from gradlab.spelled import unknown
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, NOT_COMPUTED
from gradlab.studies.sweep import columns, results
from gradlab.studies.sweep.columns import Entry
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import PointRow


class Shown(NamedTuple):
    """An entry of a column, and its mean at each row of the table; NaN where there is none."""

    entry: Entry
    column: Column
    means: list[float]
    exceeded: list[float]
    """What the mean is more than at each row, where a seed cannot be told and the probe says so; else NaN."""

    @property
    def head(self) -> tuple[str, str]:
        """The two lines above its values: the column, and where on its axes."""
        return _heading(self.column), ",".join(str(label) for _, label in self.entry.at)

    @property
    def width(self) -> int:
        """Characters of the column."""
        places = range(len(self.means))
        return max(self.column.width, *(len(line) for line in self.head), *map(len, map(self.text, places)))

    def text(self, place: int) -> str:
        """The mean at a row as the terminal shows it."""
        least = self.exceeded[place]
        if not math.isnan(least):
            return f">{short(least, max(1, self.column.width - 1))}"
        return plain(self.column.text(self.means[place]))

    def has(self, place: int) -> bool:
        """Whether a row has anything of it."""
        return not (math.isnan(self.means[place]) and math.isnan(self.exceeded[place]))


def shown(run: Run, rows: Sequence[PointRow], entries: Sequence[Entry]) -> list[Shown]:
    """Entries at the points of these rows, each with what its probe says of the column."""
    points = [(row.cell, row.init, row.w_rec) for row in rows]
    none, axes = [math.nan] * len(points), columns.columns(run.norms)
    known = {
        name: probes.named(name, axes[name]) for name in dict.fromkeys(entry.column for entry in entries)
    }

    def one(entry: Entry) -> Shown:
        bound, means = known[entry.column].beyond, columns.means(run.norms, entry, points)
        more = columns.exceeded(run.norms, entry, bound, points) if axes.get(bound) == () else none
        means = [mean if math.isnan(least) else math.nan for mean, least in zip(means, more, strict=True)]
        return Shown(entry, known[entry.column], means, more)

    return list(map(one, entries))


def document(run: Run, rows: Sequence[PointRow]) -> list[dict[str, Any]]:
    """All entries that tables hold at the longest T, as JSON values: means parallel to the rows."""
    at = int(run.norms["T"].values.argmax())
    entries = [entry for entry, lengths in columns.entries(run.norms).items() if at in lengths]
    return [
        {
            "name": one.entry.name,
            "column": one.column.name,
            "at": dict(one.entry.at),
            "unit": one.column.unit,
            "meaning": one.column.meaning,
            "values": [mean if math.isfinite(mean) else None for mean in one.means],
        }
        for one in shown(run, rows, entries)
    ]


def render(run: Run, width: int, *, color: bool, names: Sequence[str] = ()) -> Text:
    """The table of what further probes have measured, empty if there were none.

    Of each column one entry, and as many columns as fit; of those that are named all entries that tables
    hold, in blocks side by side. Raises `GradlabError` for a name that is none of the run's columns.
    """
    text = Text(no_wrap=True, overflow="ignore", end="")
    rows = results.groups(run)
    found = shown(run, rows, _asked(run, names))
    left: dict[str, None] = {}
    seen: list[Shown] = []
    several = len({row.init for row in rows}) > 1
    for (cell, init), some in itertools.groupby(enumerate(rows), lambda pair: (pair[1].cell, pair[1].init)):
        places = dict(some)
        own = [one for one in found if any(map(one.has, places))]
        blocks = list(_fitting(own, width))
        if not names:
            left |= dict.fromkeys(one.column.name for block in blocks[1:] for one in block)
            blocks = blocks[:1]
        for block in blocks:
            seen += block
            title = f"{cell}, init {init}" if several else cell
            text.append(f"\n{plain(title)}\n", "bold" if color else "")
            text.append(_heads(block), "dim" if color else "")
            text.append(_body(block, places))
    notes = list(_caption(run, rows[0], seen, found, list(left))) if found else []
    if notes:
        lines = (textwrap.wrap(note, width, break_long_words=False, break_on_hyphens=False) for note in notes)
        text.append("\n" + "\n".join(itertools.chain(*lines)) + "\n", "dim" if color else "")
    return text


def _asked(run: Run, names: Sequence[str]) -> list[Entry]:
    """The entries to show: all of the columns that are named, or one of each."""
    known = columns.columns(run.norms)
    for name in names:
        if name not in known:
            raise unknown("--column", "column of a probe in this run", name, known)
    if not names:
        return columns.standing(run.norms)
    at = int(run.norms["T"].values.argmax())
    return [
        one for one, lengths in columns.entries(run.norms).items() if at in lengths and one.column in names
    ]


def _heads(block: Sequence[Shown]) -> str:
    """Two lines: the columns, and where on their axes."""
    pairs = zip(("w_rec", ""), zip(*(one.head for one in block), strict=True), strict=True)
    lines = [
        [f"{lead:>6}", *(f"{plain(head):>{one.width}}" for one, head in zip(block, heads, strict=True))]
        for lead, heads in pairs
    ]
    return "".join(f"{' '.join(line).rstrip()}\n" for line in lines if any(cell.strip() for cell in line))


def _body(block: Sequence[Shown], places: Mapping[int, PointRow]) -> str:
    lines = []
    for place, row in places.items():
        gain = "own" if row.given or not row.has_gain else short(row.w_rec, 6)
        lines.append([f"{gain:>6}", *(f"{one.text(place):>{one.width}}" for one in block)])
    return "".join(f"{' '.join(line)}\n" for line in lines)


def _heading(column: Column) -> str:
    return column.heading or column.name


def _fitting(some: Sequence[Shown], width: int) -> Iterator[list[Shown]]:
    """The columns in blocks that are not wider than that, one column at least."""
    block: list[Shown] = []
    for one in some:
        if block and 6 + sum(1 + other.width for other in [*block, one]) > width:
            yield block
            block = []
        block.append(one)
    if block:
        yield block


def _states(run: Run, found: Sequence[Shown]) -> dict[Entry, Any]:
    at = int(run.norms["T"].values.argmax())
    return {one.entry: columns.measured(run.norms, one.entry).state[:, :, :, at] for one in found}


def undefined(run: Run, found: Sequence[Shown]) -> list[str]:
    """The columns without a value where they are shown, but for those that are zero or not computed there."""
    states = _states(run, found)
    known = (NOT_COMPUTED, EXACT_ZERO, BELOW_PRECISION)
    some = {one.column.name for one in found if not all(map(math.isnan, one.means))}
    some |= {entry.column for entry, state in states.items() if np.isin(state, known).any()}
    return [name for name in dict.fromkeys(one.column.name for one in found) if name not in some]


def _caption(
    run: Run, row: PointRow, seen: Sequence[Shown], found: Sequence[Shown], left: Sequence[str]
) -> Iterator[str]:
    """What the columns mean, what is not there, and what must be read beside them."""
    single = row.given and row.seeds == 1
    over = "this network" if single else f"mean over the {row.repeats} that have a value"
    legends = "; ".join(dict.fromkeys(legend(one) for one in found if one in seen))
    if legends:
        yield f"Probes at T = {row.T}, {over}. {legends}."
    states = _states(run, found)
    hidden = [entry for entry, state in states.items() if (state == NOT_COMPUTED).any()]
    none = undefined(run, found)
    if none:
        yield plain(f"Undefined in every network of this run: {', '.join(none)}.")
    if hidden:
        yield plain(f"Not computed in some networks: {', '.join(entry.name for entry in hidden)}.")
    if left:
        yield plain(f"Not all shown, for want of room: {', '.join(left)}; --column NAME shows one.")
    notes: dict[str, list[str]] = {}
    for name in dict.fromkeys(one.column.name for one in found):
        if "note" in run.norms[name].attrs:
            notes.setdefault(str(run.norms[name].attrs["note"]), []).append(name)
    for note, names in notes.items():
        yield plain(f"{', '.join(names)}: {note}.")


def said(column: Column) -> str:
    """Meaning and unit within a sentence; empty where the probe states neither."""
    meaning = [column.clause] if column.meaning != column.words else []
    return ", ".join(meaning + [f"in {column.unit}"] * bool(column.unit))


def legend(one: Shown) -> str:
    """What a column means, on which axes, in which unit."""
    column, axes = one.column, ",".join(axis for axis, _ in one.entry.at)
    name = column.name + (f"[{axes}]" if axes else "")
    called = _heading(column) != column.name
    what = [name] * called + [said(column)] * bool(said(column))
    return plain(f"{_heading(column) if called else name}: {', '.join(what)}" if what else name)
