"""The remedy table as the terminal shows it: one row an arm, then a sentence each, then the forecast."""

import math
import textwrap
from typing import Any

from rich.text import Text

from gradlab.outcomes import Outcome, forecast, judged, sentence
from gradlab.stats import LEVEL, percent
from gradlab.trained import Trained

HEAD = (
    f"{'remedy':<21} {'N':>4} {'rate':>6} {'solved':>7} {f'[{percent(LEVEL)}]':<11} {'updates':>7} "
    f"{'loss':>8} {'horizon':>9}"
)


def render(run: Trained, width: int, *, color: bool) -> Text:
    """The table of a comparison, 80 columns at the least."""
    rows = run.outcomes()
    several = len({(row.T, row.w_rec) for row in rows}) > 1
    text = Text(no_wrap=True, overflow="ignore", end="")
    dim, bold = ("dim", "bold") if color else ("", "")
    heading = None
    for row in rows:
        at = (row.T, row.w_rec)
        if at != heading:
            text.append("" if heading is None else "\n")
            text.append(f"T = {row.T}, w_rec = {row.w_rec:g}\n", bold)
            text.append(HEAD + "\n", dim)
            heading = at
        text.append(_row(row) + "\n", _style(row) if color else "")
    text.append("\n")
    for row in rows:
        where = f" (T = {row.T}, w_rec = {row.w_rec:g})" if several else ""
        for line in textwrap.wrap(
            f"{row.arm}{where}: {sentence(row)}.", max(width, 40), subsequent_indent="  "
        ):
            text.append(line + "\n")
    text.append("\n")
    for line in textwrap.wrap(judged(rows), max(width, 40)):
        text.append(line + "\n", bold)
    for line in _forecast(rows, width):
        text.append(line + "\n")
    for line in _caption(run, rows, width):
        text.append(line + "\n", dim)
    return text


def _row(row: Outcome) -> str:
    share = row.solved
    interval = f"[{share.low:.2f},{share.high:.2f}]"
    before, after = (f">{row.T}" if math.isnan(h) else f"{h:.0f}" for h in row.horizon)
    updates = "-" if math.isnan(row.updates) else f"{row.updates:.0f}"
    loss = "-" if math.isnan(row.loss) else f"{row.loss:.3g}"
    name = row.arm if len(row.arm) <= 21 else f"{row.arm[:18]}..."
    solved = f"{share.successes}/{share.of}"
    return (
        f"{name:<21} {row.hidden:>4} {row.rate:>6.3g} {solved:>7} {interval:<11} {updates:>7} {loss:>8} "
        f"{before + '>' + after:>9}"
    )


def _style(row: Outcome) -> str:
    if row.solved.successes == row.solved.of:
        return "green"
    return "yellow" if row.solved.successes else ""


def _forecast(rows: list[Outcome], width: int) -> list[str]:
    found = forecast(rows)
    if math.isnan(found.spearman):
        return []
    between = f"{percent(found.level)} interval {found.low:+.2f} to {found.high:+.2f}, {found.points} points"
    said = (
        f"Forecast from the start alone: rank correlation {found.spearman:+.2f} ({between}) between the "
        "reach of the gradient and the share solved. A gradient that reaches back is necessary, not "
        "sufficient: a task can stay unsolved with a flat one, and a remedy can bend the profile once "
        "training has begun."
    )
    return textwrap.wrap(said, max(width, 40))


def _caption(run: Trained, rows: list[Outcome], width: int) -> list[str]:
    settings = run.about["settings"]
    chance = run.about.get("chance", {}).get(str(rows[0].T))
    said = (
        f"{settings['task']}: {settings['updates']} updates of {settings['batch']} sequences at the most, "
        f"{settings['optimizer']}; solved: error at most {run.about['solved']:g} on {settings['judged']} "
        f"fresh sequences; {_units(settings, rows)}; rate: the best of "
        f"{', '.join(f'{r:g}' for r in settings['rates'])} on {settings['tuning']} seeds of its own. "
        "horizon: lag by which the transport has fallen by 10^3, start > end of training."
    )
    if chance is not None:
        said += f" Chance loss {chance:.4g}."
    return ["", *textwrap.wrap(said, max(width, 40))]


def _units(settings: dict[str, Any], rows: list[Outcome]) -> str:
    """How the arms' sizes were chosen."""
    if settings["match"]:
        return f"N chosen for equal parameters ({rows[0].parameters})"
    counts = sorted({row.parameters for row in rows})
    return f"equal N, not equal parameters ({counts[0]} to {counts[-1]})" if len(counts) > 1 else "equal N"
