"""The question of a run, and its answer in one sentence made from the numbers."""

import math
from collections.abc import Callable

from gradlab import tables
from gradlab.outcomes import judged, sentence
from gradlab.report.sources import Progress, Source
from gradlab.report.words import listed, number, signed, span
from gradlab.summary import Group, border
from gradlab.trained import Trained

BORDER = "{border}"
_FATES = {"VANISH": "vanishes", "STABLE": "is stable", "EXPLODE": "explodes"}
_PLURAL = {
    "vanishes": "vanish",
    "is ": "are ",
    "explodes": "explode",
    "has ": "have ",
    "overflows": "overflow",
}


def question(source: Source) -> str:
    """What the run asked: its experiment's own words, or what its grid amounts to."""
    asked = source.about.get("question") or source.settings.get("question")
    if asked:
        return str(asked)
    run = source.run
    if isinstance(run, Trained):
        task = source.settings.get("task", "the task")
        cell = source.settings.get("cell", "a plain cell")
        at = f"T = {span([float(T) for T in run.norms['T'].values])}"
        return f"Which remedy lets {cell} learn {task} at {at}, and what does each do to the gradient?"
    cells = listed([str(cell) for cell in run.norms["cell"].values])
    gains = [float(w) for w in run.norms["w_rec"].values]
    lengths = span([float(T) for T in run.norms["T"].values])
    over = f"w_rec = {span(gains)}" if len(gains) < 2 else f"w_rec from {span([min(gains), max(gains)])}"
    over = over.replace(" and ", " to ") if len(gains) > 1 else over
    return (
        f"Where do the gradients of {cells} vanish, and where do they explode, at {over} and T = {lengths}?"
    )


def verdict(source: Source) -> str:
    """What the numbers answer, in one sentence."""
    if isinstance(source.run, Trained):
        return judged(source.run.outcomes())
    return sweep_verdict(tables.groups(source.run))


def details(source: Source) -> list[tuple[str, str]]:
    """What each remedy of a comparison did to the gradient, and whether that helped."""
    if not isinstance(source.run, Trained):
        return []
    rows = source.run.outcomes()
    several = len({(row.T, row.w_rec) for row in rows}) > 1
    at = [f" (T = {row.T}, w_rec = {number(row.w_rec)})" if several else "" for row in rows]
    return [(f"{row.arm}{where}", f"{sentence(row)}.") for row, where in zip(rows, at, strict=True)]


def partial(progress: Progress) -> str:
    """How far a run has come, if not to its end.

    >>> partial(Progress(7, 2, 24))
    'partial: 7 of 24 points; 2 failed'
    """
    if progress.whole:
        return ""
    lost = f"; {progress.failed} failed" if progress.failed else ""
    return f"partial: {progress.done} of {progress.of} points{lost}"


def sweep_verdict(rows: list[Group]) -> str:
    """Which cells vanish and explode where, and how far back the gradient reaches: one sentence."""
    fates: dict[str, list[str]] = {}
    edges: dict[str, list[float]] = {}
    for label, some in by_cell(rows).items():
        said, edge = fate(some)
        fates.setdefault(said, []).append(label)
        edges.setdefault(said, []).append(edge)
    parts = [_said(labels, said, edges[said]) for said, labels in fates.items()]
    over = "1 seed, so no interval" if rows[0].seeds == 1 else f"{rows[0].seeds} seeds"
    reach = reaches(rows)
    return f"At T = {rows[0].T} ({over}), {'; '.join([*parts, *([reach] if reach else [])])}."


def _said(labels: list[str], said: str, edges: list[float]) -> str:
    """Subject and verb agree; `BORDER` gives way to the borders, in the order of the cells."""
    said = said.replace(BORDER, listed([number(edge) for edge in edges]))
    if len(labels) == 1:
        return f"{labels[0]} {said}"
    for one, many in _PLURAL.items():
        said = said.replace(one, many)
    each = " respectively" if len(set(edges)) > 1 and not any(map(math.isnan, edges)) else ""
    return f"{listed(labels)} {said}{each}"


def by_cell(rows: list[Group]) -> dict[str, list[Group]]:
    """The rows of each cell (and initialiser, where there are several), by w_rec."""
    several = len({row.init for row in rows}) > 1
    found: dict[str, list[Group]] = {}
    for row in rows:
        found.setdefault(f"{row.cell} ({row.init})" if several else row.cell, []).append(row)
    return {label: sorted(some, key=lambda row: row.w_rec) for label, some in found.items()}


def fate(rows: list[Group]) -> tuple[str, float]:
    """What becomes of the gradient of one cell over w_rec, in a few words, and the border they leave open.

    The border is where the mean rate crosses 0; it is NaN, and not spoken of, unless it parts the regimes
    cleanly. A cell that w_rec does not scale has one fate.
    """
    if not rows[0].has_gain:
        rows = [rows[0]._replace(w_rec=math.nan)]
    known = [row for row in rows if row.regime in _FATES]
    lost = [row for row in rows if row.regime == "NONFINITE"]
    said, edge = _known(known, len(rows)) if known else ("", math.nan)
    if not known and not lost:
        return "has no rate", edge
    if lost:
        where = "every w_rec" if len(lost) == len(rows) else _at(lost)
        overflow = f"overflows at {where} (first at step {min(row.nonfinite_step for row in lost)})"
        said = f"{said}, and {overflow}" if said else overflow
    return said, edge


def _known(rows: list[Group], of: int) -> tuple[str, float]:
    present = [word for word in _FATES if any(row.regime == word for row in rows)]
    if of == 1:
        row = rows[0]
        at = "" if math.isnan(row.w_rec) else f" at w_rec = {number(row.w_rec)}"
        return f"{_FATES[row.regime]}{at} ({signed(row.rate)} decades a step)", math.nan
    if len(present) == 1:
        where = f"every w_rec from {_from_to(rows)}" if len(rows) == of else _at(rows)
        return f"{_FATES[present[0]]} at {where}", math.nan
    edge = border([row.w_rec for row in rows], [row.rate for row in rows])
    below = {row.regime for row in rows if row.w_rec < edge}
    above = {row.regime for row in rows if row.w_rec > edge}
    if below - {"STABLE"} == {"VANISH"} and above - {"STABLE"} == {"EXPLODE"}:
        return f"vanishes below and explodes above the measured border at w_rec = {BORDER}", edge
    said = [f"{_FATES[word]} at {_at([row for row in rows if row.regime == word])}" for word in present]
    return listed(said), math.nan


def _from_to(rows: list[Group]) -> str:
    return f"{number(rows[0].w_rec)} to {number(rows[-1].w_rec)}"


def _at(rows: list[Group]) -> str:
    gains = [row.w_rec for row in rows]
    return f"w_rec = {span(gains)}" + (f" ({len(gains)} values)" if len(gains) > 3 else "")


def reaches(rows: list[Group]) -> str:
    """How far back the gradient reaches at best among the networks that do not explode."""
    kept = [row for row in rows if row.regime in ("VANISH", "STABLE") and not math.isnan(row.rate)]
    if not kept:
        return ""
    whole = [row for row in kept if math.isnan(row.soft_horizon)]
    flattest: Callable[[Group], float] = lambda row: abs(row.rate)
    if whole:
        best = min(whole, key=flattest)
        return f"the gradient reaches back furthest in {_name(best, rows)}, not down by 10^3 at lag {best.T}"
    best = max(kept, key=lambda row: row.soft_horizon)
    return f"the longest horizon is {number(best.soft_horizon, 3)} steps, in {_name(best, rows)}"


def _name(row: Group, rows: list[Group]) -> str:
    several = len({other.init for other in rows}) > 1
    label = f"{row.cell} ({row.init})" if several else row.cell
    return label if math.isnan(row.w_rec) or not row.has_gain else f"{label} at w_rec = {number(row.w_rec)}"
