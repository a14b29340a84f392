"""The remedy table as the terminal shows it: one row per arm, then a sentence each, then the forecast."""

import math
import textwrap
from typing import Any

from rich.text import Text

from gradlab import schemas
from gradlab.escaping import plain
from gradlab.quantities import cut
from gradlab.runs import manifest
from gradlab.stats import LEVEL, percent
from gradlab.studies.remedies import (
    forecast,
    glance,
    learned,
    left_out,
    other_lengths,
    partial,
    power,
    sent_back,
    spent,
    unequal,
)
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.remedies.rows import ArmRow
from gradlab.studies.remedies.sentences import judged
from gradlab.studies.remedies.separation import nothing_apart

HEAD = (
    f"{'remedy':<19} {'N':>4} {'lr':>6} {'solved':>6} {f'[{percent(LEVEL)}]':<11} {'updates':>7} "
    f"{'loss':>8} {'horizon':>12}"
)


def render(run: TrainingRun, width: int, *, color: bool) -> Text:
    """The table of a comparison, 80 columns at the least."""
    rows = run.outcomes()
    several = len({(row.T, row.w_rec) for row in rows}) > 1
    text = Text(no_wrap=True, overflow="ignore", end="")
    dim, bold = ("dim", "bold") if color else ("", "")
    left = partial.rest(run)
    if said := nothing_apart(rows) if left is None else left.said():
        for line in textwrap.wrap(plain(said), max(width, 40)):
            text.append(line + "\n", bold)
        text.append("\n")
    if left is None:
        _above(text, run, rows, max(width, 40), dim)
    heading = None
    places = list(dict.fromkeys((row.T, row.w_rec) for row in rows))
    if rows[0].most:
        places.sort()
    for row in sorted(rows, key=lambda row: places.index((row.T, row.w_rec))):
        at = (row.T, row.w_rec)
        if at != heading:
            text.append("" if heading is None else "\n")
            text.append(f"T = {row.T}, w_rec = {row.w_rec:g}\n", bold)
            text.append(HEAD + "\n", dim)
            heading = at
        text.append(_row(row) + "\n", _style(row) if color else "")
    text.append("\n")
    for row, said in partial.told(run, rows):
        where = f" (T = {row.T}, w_rec = {row.w_rec:g})" if several else ""
        for line in textwrap.wrap(f"{row.arm}{where}: {said}.", max(width, 40), subsequent_indent="  "):
            text.append(line + "\n")
    text.append("\n")
    foretold = [forecast.said(rows, lambda number: f"{number:+.2f}"), left_out.said(rows)]
    below = [judged(rows), spent.said(rows), *foretold]
    for said in below if left is None else [plain(left.to_come())]:
        for line in textwrap.wrap(said, max(width, 40)):
            text.append(line + "\n", bold if said == below[0] else "")
    for line in _caption(run, rows, width):
        text.append(line + "\n", dim)
    return text


def _above(text: Text, run: TrainingRun, rows: list[ArmRow], width: int, dim: str) -> None:
    """What stands above the rows of a finished run: what they cost, and tables of all places together."""
    for line in textwrap.wrap(unequal.said(run.about["settings"], rows), width):
        text.append(line + "\n", dim)
    first, lengths = (part.lines(rows, width) for part in (glance, learned))
    others = other_lengths.lines(run, rows)
    for line in [*(first or ([""] if lengths or others else [])), *lengths, *others]:
        text.append(line + "\n")


def document(run: TrainingRun) -> dict[str, Any]:
    """The table as one JSON document: numbers are finite or null."""
    rows, left = run.outcomes(), partial.rest(run)
    found = forecast.forecast(rows)
    data = [
        _plain(row) | {"sentence": said, "reach": _plain(float(reach))}
        for row, said, reach in zip(rows, partial.sentences_of(run, rows), found.predicted, strict=True)
    ]
    for line, elsewhere in zip(data, other_lengths.counted(run, rows), strict=False):
        line |= {other_lengths.metric("solved", times): count for times, count in elsewhere.solved.items()}
    rank = {
        name: _plain(getattr(found, name)) for name in ("spearman", "low", "high", "level", "points", "by_T")
    }
    rank |= {"left_out": left_out.document(rows)}
    head = {"schema": schemas.newest("remedies"), "status": run.about["status"], "exit_code": 0}
    if left is not None:
        # Whether a start tells what is learned, all arms say together.
        rank = dict.fromkeys(rank, None) | {"points": 0}
        head |= {"coming": list(left.coming)}
    return head | {"verdict": partial.verdict_of(run, rows), "forecast": rank, "data": data}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        return dict(zip(fields, map(_plain, value), strict=True)) if fields else [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(row: ArmRow) -> str:
    share = row.solved
    interval = f"[{share.low:.2f},{share.high:.2f}]"
    before, after = (f">{row.T}" if math.isnan(h) else f"{h:.0f}" for h in row.horizon)
    updates = "-" if math.isnan(row.updates) else f"{row.updates:.0f}"
    loss = "-" if math.isnan(row.loss) else f"{row.loss + 0.0:.3g}"
    name = cut(plain(row.arm), 19)
    solved = f"{share.successes}/{share.of}"
    lr = "-" if math.isnan(row.lr) else f"{row.lr:.3g}"
    return (
        f"{name:<19} {row.hidden:>4} {lr:>6} {solved:>6} {interval:<11} {updates:>7} {loss:>8} "
        f"{before + ' to ' + after:>12}"
    )


def _style(row: ArmRow) -> str:
    if row.solved.successes == row.solved.of:
        return "green"
    return "yellow" if row.solved.successes else ""


def _caption(run: TrainingRun, rows: list[ArmRow], width: int) -> list[str]:
    settings = run.about["settings"]
    said = (
        f"{settings['task']}: {settings['updates']} updates of {settings['batch']} sequences at the most, "
        f"{settings['optimizer']}; solved: error at most {run.about['solved']:g} on {settings['eval_size']} "
        f"fresh sequences; {_units(settings, rows)}; {_rates(settings, rows)}. updates: median over the "
        "seeds that solved it. loss: the last, median over seeds, a diverged one infinite. horizon: lag by "
        "which the transport has fallen by 10^3, median over seeds, start to end of training."
    )
    chance = {row.T: row.chance for row in rows if not math.isnan(row.chance)}
    if len(set(chance.values())) == 1:
        said += f" Chance loss {next(iter(chance.values())):.4g}."
    elif chance:
        said += f" Chance loss {', '.join(f'{loss:.4g} at T = {T}' for T, loss in chance.items())}."
    arms, places = len({row.arm for row in rows}), len({(row.T, row.w_rec) for row in rows})
    raced = bool(rows[0].most) or rows[0].race is not None
    shows = "" if raced or partial.rest(run) is not None else power.said(arms, places, rows[0].solved.of)
    notes = [
        said,
        *([sent_back.NOTE] if any(row.sequences for row in rows) else []),
        *([f"{shows[0].upper()}{shows[1:]}."] if shows else []),
        *map(plain, manifest.of_code(run.about)),
    ]
    return ["", *(line for note in notes for line in textwrap.wrap(note, max(width, 40)))]


def _rates(settings: dict[str, Any], rows: list[ArmRow]) -> str:
    """Where the learning rates come from; an arm fitted in closed form has none."""
    fitted = [row.closed_form for row in rows]
    none = "readout fitted in closed form"
    if all(fitted):
        return f"lr: none, {none}"
    given = ", ".join(f"{lr:g}" for lr in settings["lr"])
    if len(settings["lr"]) == 1:
        said = f"lr: {given}, the only one given"
    else:
        seeds = "1 seed that is" if settings["tuning"] == 1 else f"{settings['tuning']} seeds that are"
        more = ", and beyond while the best was the least or the largest," if settings.get("widen") else ""
        said = f"lr: chosen from {given}{more} on {seeds} not judged"
    return f"{said} (-: {none})" if any(fitted) else said


def _units(settings: dict[str, Any], rows: list[ArmRow]) -> str:
    """How the arms' sizes were chosen."""
    counts = sorted({row.parameters for row in rows})
    if settings["match"]:
        some = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        return f"N chosen for about as many parameters in every arm ({some})"
    return f"equal N, not equal parameters ({counts[0]} to {counts[-1]})" if len(counts) > 1 else "equal N"
