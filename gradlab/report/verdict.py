"""The answer of a run in one sentence made from its numbers."""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gradlab.report.sources import Progress, Source
from gradlab.report.words import counted, listed, number, signed
from gradlab.studies.neurons import rows as reading_rows
from gradlab.studies.neurons import sentences as reading_sentences
from gradlab.studies.neurons.results import Reading
from gradlab.studies.remedies import partial as partial_run
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import results
from gradlab.studies.sweep.regimes import border
from gradlab.studies.sweep.rows import PointRow
from gradlab.studies.sweep.updates import trained

_FATES = {
    "VANISH": ("vanishes", "vanish"),
    "STABLE": ("is stable", "are stable"),
    "UNDECIDED": ("is undecided", "are undecided"),
    "EXPLODE": ("explodes", "explode"),
    "UNDEFINED": ("has no rate", "have no rate"),
    "NONFINITE": ("is not finite", "are not finite"),
}
"""What a cell and what cells do, by regime, in the order in which it is said."""
_REACHES = ("VANISH", "STABLE", "UNDECIDED")
NAMED = 3
"""Rows of a longer list are counted."""


def verdict(source: Source) -> str:
    """What the numbers answer, in a sentence or a few."""
    if isinstance(source.run, TrainingRun):
        return partial_run.verdict_of(source.run, source.run.outcomes())
    if isinstance(source.run, Reading):
        return reading_sentences.judged(reading_rows.cells(source.run), reading_rows.detectors(source.run))
    updates = trained(source.run.norms)
    if updates:
        return training_verdict(results.groups(source.run), updates)
    return sweep_verdict(results.groups(source.run), str(source.run.norms.attrs.get("averaged", "")))


def details(source: Source) -> list[tuple[str, str]]:
    """What each remedy of a comparison did to the gradient, and whether it helped; units of a reading."""
    if isinstance(source.run, Reading):
        found = reading_rows.detectors(source.run)
        return [
            (f"{row.label} ({row.cell})", f"{reading_sentences.sentence(row)}.") for row in found if row.above
        ]
    if not isinstance(source.run, TrainingRun):
        return []
    rows = source.run.outcomes()
    several = len({(row.T, row.w_rec) for row in rows}) > 1
    return [
        (f"{row.arm} (T = {row.T}, w_rec = {number(row.w_rec)})" if several else row.arm, f"{said}.")
        for row, said in partial_run.told(source.run, rows)
    ]


def partial(progress: Progress) -> str:
    """How far a run has come, if not to its end.

    >>> partial(Progress(7, 2, 24))
    'partial: 7 of 24 points; 2 failed'
    """
    if progress.whole:
        return ""
    lost = f"; {progress.failed} failed" if progress.failed else ""
    return f"partial: {progress.done} of {progress.of} points{lost}"


def sweep_verdict(rows: list[PointRow], averaged: str = "") -> str:
    """Which cells vanish and explode where, and how far back the gradient reaches: one sentence.

    `averaged` says over what the numbers of one network are means.
    """
    fates: dict[Fate, list[str]] = {}
    for label, some in by_cell(rows).items():
        fates.setdefault(fate(some), []).append(label)
    parts = [_said(labels, found) for found, labels in fates.items()]
    over = "1 seed, so no interval" if rows[0].seeds == 1 else f"{rows[0].seeds} seeds"
    if rows[0].given:
        over = "this network" if rows[0].seeds == 1 else f"this network, {rows[0].seeds} sequences"
        over = f"{over}, {averaged}" if averaged else over
    more = [said for said in (reaches(rows), rescaled(rows)) if said]
    return f"At T = {rows[0].T} ({over}), {'; '.join([*parts, *more])}."


def training_verdict(rows: list[PointRow], updates: Mapping[str, tuple[str, int]]) -> str:
    """What became of each network over its training: its regimes in order, and its first and last rate."""
    rows = sorted(rows, key=lambda row: updates[row.cell][1])
    many = "1 sequence" if rows[0].seeds == 1 else f"{rows[0].seeds} sequences"
    said = []
    for network in dict.fromkeys(network for network, _ in updates.values()):
        own = [(row, updates[row.cell][1]) for row in rows if updates[row.cell][0] == network]
        said.append(f"{network} {_over_updates(own)}")
    return f"At T = {rows[0].T} (each look at {many}), {'; '.join(said)}."


def _over_updates(own: list[tuple[PointRow, int]]) -> str:
    runs = [(word, list(some)) for word, some in itertools.groupby(own, lambda pair: pair[0].regime)]
    if len(runs) <= NAMED:
        fates = [f"{_FATES[word][0]} {_updates([at for _, at in some])}" for word, some in runs]
    else:
        counts = [(word, sum(row.regime == word for row, _ in own)) for word in _FATES]
        fates = [f"{_FATES[word][0]} in {count} of {len(own)} looks" for word, count in counts if count]
    known = [(row.rate, at) for row, at in own if not math.isnan(row.rate)]
    if not known:
        return listed(fates)
    (first, start), (last, end) = known[0], known[-1]
    rates = f"its rate is {signed(first)} decades per step at update {start}"
    return f"{listed(fates)}; {rates}{f' and {signed(last)} at update {end}' if end > start else ''}"


def _updates(at: list[int]) -> str:
    """Which looks, by their updates.

    >>> _updates([0]), _updates([0, 100, 200])
    ('at update 0', 'at updates 0 to 200 (3 looks)')
    """
    return f"at update {at[0]}" if len(at) == 1 else f"at updates {at[0]} to {at[-1]} ({len(at)} looks)"


def rescaled(rows: list[PointRow]) -> str:
    """Which cells are judged by their reach, as a clause; empty if none is."""
    cells = list(dict.fromkeys(row.cell for row in rows if row.of == "reach" and not row.whole))
    if not cells:
        return ""
    own = "rescale their own states and are" if len(cells) > 1 else "rescales its own state and is"
    return f"{listed(cells)} {own} judged by the reach, dreadout_T/dx_t"


def _subject(rows: list[PointRow]) -> str:
    """What the horizons of these rows are of."""
    of = sorted({row.of for row in rows})
    return f"the {' or the '.join(reversed(of))}"


def by_cell(rows: list[PointRow]) -> dict[str, list[PointRow]]:
    """The rows of each cell (and initialiser, where there are several), by w_rec."""
    several = len({row.init for row in rows}) > 1
    found: dict[str, list[PointRow]] = {}
    for row in rows:
        found.setdefault(f"{row.cell} ({row.init})" if several else row.cell, []).append(row)
    return {label: sorted(some, key=lambda row: row.w_rec) for label, some in found.items()}


class Fate(NamedTuple):
    """What becomes of the gradient of one cell over w_rec."""

    regimes: tuple[tuple[str, str], ...]
    """Each regime that it has, and at which w_rec, in words."""
    border: str
    """Where the mean rate crosses 0, in words; empty if it never does."""


def fate(rows: list[PointRow]) -> Fate:
    """The regimes of one cell, every row of it in one of them, and where its mean rate changes its sign.

    A cell that w_rec does not scale has one fate.
    """
    if not rows[0].has_gain:
        rows = [rows[0]._replace(w_rec=math.nan)]
    present = [word for word in _FATES if any(row.regime == word for row in rows)]
    return Fate(tuple((word, _where(rows, word)) for word in present), _border(rows))


def _said(labels: list[str], found: Fate) -> str:
    """Subject and verb agree."""
    parts = [f"{_FATES[word][len(labels) > 1]}{where}" for word, where in found.regimes]
    return f"{listed(labels)} {listed(parts)}{f' ({found.border})' if found.border else ''}"


def _where(rows: list[PointRow], word: str) -> str:
    """At which w_rec a regime was found, and the number that stands for it."""
    some = [row for row in rows if row.regime == word]
    at = "" if math.isnan(some[0].w_rec) else f" at w_rec = {_runs(rows, word)}"
    if len(some) == len(rows) > 1:
        at = f" at each of the {len(rows)} w_rec from {number(rows[0].w_rec)} to {number(rows[-1].w_rec)}"
    if word == "NONFINITE":
        return f"{at} {_lost(some)}"
    if len(rows) == 1 and not math.isnan(rows[0].rate):
        return f"{at} ({signed(rows[0].rate)} decades per step)"
    return at


def _lost(rows: list[PointRow]) -> str:
    """In how many networks a pass is not finite, and from which step on."""
    counts = sorted({row.nonfinite + row.backward_nonfinite for row in rows})
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    steps = [row.nonfinite_step for row in rows if row.nonfinite]
    back = [row.backward_step for row in rows if row.backward_nonfinite]
    first = f"forward first at step {min(steps)}" if steps else f"going back first at step {max(back)}"
    return f"in {many} of {counted(rows[0].seeds, rows[0].repeats[:-1])} ({first})"


def _runs(rows: list[PointRow], word: str) -> str:
    """The w_rec of a regime; neighbours in the grid are drawn together, and nothing is that lies between."""
    runs: list[list[PointRow]] = []
    for row, before in zip(rows, [None, *rows], strict=False):
        if row.regime == word:
            if before is not None and before.regime == word:
                runs[-1].append(row)
            else:
                runs.append([row])
    ends = [
        number(run[0].w_rec)
        if len(run) == 1
        else f"{number(run[0].w_rec)} to {number(run[-1].w_rec)} ({len(run)} values)"
        for run in runs
    ]
    return listed(ends)


def _border(rows: list[PointRow]) -> str:
    """How often, and where first, the mean rate crosses 0; rows that lost a seed have no mean of all."""
    known = [row for row in rows if row.regime != "NONFINITE"]
    found = crossings([row.w_rec for row in known], [row.rate for row in known])
    return f"mean rate crosses 0 {found}" if found else ""


def crossings(w_rec: ArrayLike, rates: ArrayLike) -> str:
    """How often, and where first, a rate crosses 0; empty if it never does.

    >>> crossings([0.8, 1.2], [-0.1, 0.3]), crossings([1, 2, 3], [-1, 1, -1])
    ('at w_rec = 0.9', '2 times, first at w_rec = 1.5')
    """
    w, r = np.asarray(w_rec, np.float64), np.asarray(rates, np.float64)
    signs = np.sign(r[np.argsort(w)])
    count = int(np.count_nonzero(np.diff(signs[np.abs(signs) > 0])))
    often = f"{count} times, first " if count > 1 else ""
    return f"{often}at w_rec = {number(border(w, r))}" if count else ""


def reaches(rows: list[PointRow]) -> str:
    """How far back the gradient reaches among the networks that do not explode."""
    kept = [row for row in rows if row.regime in _REACHES and far_end_known(row)]
    if not kept:
        return ""
    T, what = rows[0].T, _subject(kept)
    middle = f" (median over {rows[0].repeats})"
    middle = middle if rows[0].seeds > 1 else ""
    whole = [row for row in kept if math.isnan(row.values["soft_horizon"])]
    if whole:
        if len(kept) == 1:
            return f"{what} has not fallen by 10^3 at lag {T}{middle}"
        named = f": {listed([network(row, rows) for row in whole])}" if len(whole) <= NAMED else ""
        some = f"{len(whole)} of the {len(kept)} rows" if len(whole) < len(kept) else f"all {len(kept)} rows"
        return f"in {some} that do not explode {what} has not fallen by 10^3 at lag {T}{middle}{named}"
    best = max(kept, key=lambda row: row.values["soft_horizon"])
    far = f"{number(best.values['soft_horizon'], 3)} steps"
    if len(kept) == 1:
        return f"{what} has fallen by 10^3 at lag {number(best.values['soft_horizon'], 3)}{middle}"
    same = [row for row in kept if row is not best and not row.high < best.low]
    names = listed([network(row, rows) for row in same]) if len(same) <= NAMED else f"{len(same)} other rows"
    tie = f", whose rate's interval does not lie above that of {names}" if same else ""
    return f"the longest horizon is {far}{middle}, of {network(best, rows)}{tie}"


def far_end_known(row: PointRow) -> bool:
    """Whether a horizon that is not there lies beyond the sequence, and not where nothing is known."""
    known = not math.isnan(row.values["soft_horizon"])
    return known or bool(len(row.profile) and not math.isnan(float(row.profile[-1])))


def network(row: PointRow, rows: list[PointRow]) -> str:
    """A row by name: its cell, its initialiser where there are several, and its w_rec if that matters."""
    several = len({other.init for other in rows}) > 1
    label = f"{row.cell} ({row.init})" if several else row.cell
    return label if math.isnan(row.w_rec) or not row.has_gain else f"{label} at w_rec = {number(row.w_rec)}"
