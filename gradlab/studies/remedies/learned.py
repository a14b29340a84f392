"""Up to which T each arm learns the task, of those that were tried: success against T, in a line an arm."""

import math
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from gradlab.escaping import plain
from gradlab.stats import LEVEL, Interval, percent, share_interval
from gradlab.studies.remedies import power
from gradlab.studies.remedies.rows import ArmRow, Share
from gradlab.studies.remedies.search import learns

NAME = 23


class Learned(NamedTuple):
    """How far an arm gets at one w_rec; it learns a T if half of its seeds solve the task there."""

    arm: str
    w_rec: float
    shortest: int
    """The shortest T tried."""
    up_to: int
    """The largest T tried that it learns, with all shorter ones; 0 if it does not learn the shortest."""
    fails: int
    """The next T tried, which it does not learn; 0 if it learns all."""
    again: tuple[int, ...]
    """Longer T that it learns all the same."""
    least: int
    """Of the interval of the T at which the share falls to one half: the lower end, 0 if there is none."""
    most: int
    """The upper end, 0 if there is none."""
    horizon: float
    """Soft horizon of the transport before training at the longest T; NaN if beyond it."""
    longest: int
    tried: tuple[int, ...] = ()
    """What a search has tried, one after the other; empty without a search."""


def learned(rows: Sequence[ArmRow]) -> list[Learned]:
    """Every arm at every w_rec of which several T were tried, in the order of the rows.

    The interval takes the share of seeds to fall with T. It goes up from the shortest T while more than half
    of all seeds solve the task, and down from the longest while fewer do, each by Clopper and Pearson's
    interval at that T: as neither goes on past the first T that does not tell, it is wrong no more often
    than the interval at one T.

    Of a search, which T is the longest depends on what was learned before: an end is wrong only if one of
    the T tried is, and the interval at each has the level `power.search_level`, so that all hold together
    as often as the one is said to (Bonferroni), though all T share their seeds.
    """
    found = []
    for arm, w_rec in dict.fromkeys((row.arm, row.w_rec) for row in rows):
        mine = sorted((row for row in rows if (row.arm, row.w_rec) == (arm, w_rec)), key=lambda row: row.T)
        if len(mine) < 2 and not mine[0].most:
            continue
        fine = [learns(*row.solved[:2]) for row in mine]
        first = fine.index(False) if False in fine else len(mine)
        known = [_interval(row) for row in mine]
        above, below = [one.low > 0.5 for one in known], [one.high < 0.5 for one in known]
        up = above.index(False) if False in above else len(mine)
        down = below[::-1].index(False) if False in below else len(mine)
        found.append(
            Learned(
                arm,
                w_rec,
                mine[0].T,
                mine[first - 1].T if first else 0,
                mine[first].T if first < len(mine) else 0,
                tuple(row.T for row, learns in zip(mine[first:], fine[first:], strict=True) if learns),
                mine[up - 1].T if up else 0,
                mine[-down].T if down else 0,
                mine[-1].horizon[0],
                mine[-1].T,
                tuple(row.T for row in rows if (row.arm, row.w_rec) == (arm, w_rec)) if mine[0].most else (),
            )
        )
    return found


def _interval(row: ArmRow) -> Interval | Share:
    """Of the share of seeds that solve the task, at the level that all T together ask for."""
    return share_interval(*row.solved[:2], power.search_level(row.most)) if row.most else row.solved


def lines(rows: Sequence[ArmRow], width: int) -> list[str]:
    """A small table, and of a search what was tried; empty for a single T that was given."""
    found = learned(rows)
    if not found:
        return []
    gains = list(dict.fromkeys(one.w_rec for one in found))
    made = ["Largest T that half of the seeds learn"]
    heads = ("learned", "not at", f"{percent(LEVEL)} interval", "horizon before")
    for w_rec in gains:
        name = f"w_rec = {w_rec:g}" if len(gains) > 1 else ""
        made.append(_line(name, heads))
        made += [_line(plain(one.arm), _entries(one)) for one in found if one.w_rec == w_rec]
    again = [
        f"{plain(one.arm)}{f' at w_rec = {one.w_rec:g}' if len(gains) > 1 else ''} learns "
        f"T = {', '.join(map(str, one.again))} all the same"
        for one in found
        if one.again
    ]
    for said in again:
        made += textwrap.wrap(f"{said}.", width, subsequent_indent="  ")
    note = (
        "horizon before: lag by which the transport of the untrained networks has fallen by 10^3, median "
        "over seeds."
    )
    return [*made, *textwrap.wrap(note, width), *_searches(rows[0].most, rows[0].solved.of, found, width), ""]


def _searches(most: int, seeds: int, found: Sequence[Learned], width: int) -> list[str]:
    """What each search has tried, where it ended and why, and what its interval allows for."""
    if not most:
        return []
    ends: dict[str, list[str]] = {}
    for one in found:
        ends.setdefault(_ended(one), []).append(plain(one.arm))
    why = "; ".join(f"{what}: {', '.join(arms)}" for what, arms in ends.items())
    made = [f"Search, T in the order tried (* learned). Ended {why}."]
    for one in found:
        each = ", ".join(f"{T}{'*' * (one.up_to >= T)}" for T in one.tried)
        made.append(f"  {plain(one.arm)}: {each}")
    level = (
        f"interval: each T at {100 * power.search_level(most):.3g} %, for {most} T at the most that are tried"
    )
    if seeds < (least := power.search_seeds(most)):
        level += f"; {seeds} seed{'s' * (seeds > 1)} can give none, it takes {least}"
    return [
        line for text in [*made, f"{level}."] for line in textwrap.wrap(text, width, subsequent_indent="  ")
    ]


def _ended(one: Learned) -> str:
    """Why a search went no further."""
    if not one.up_to:
        return "as the shortest is not learned"
    return "between neighbours" if one.fails else "as the longest asked for is learned"


def said(rows: Sequence[ArmRow]) -> str:
    """The same as a sentence for each w_rec; empty for a single T."""
    found = learned(rows)
    gains = list(dict.fromkeys(one.w_rec for one in found))
    parts = []
    for w_rec in gains:
        mine = sorted((one for one in found if one.w_rec == w_rec), key=lambda one: -one.up_to)
        where = f" at w_rec = {w_rec:g}" if len(gains) > 1 else ""
        each = ", ".join(f"{one.arm} {_up_to(one)}" for one in mine)
        parts.append(f"Largest T that half of the seeds learn{where}: {each}.")
    return " ".join(parts)


def _up_to(one: Learned) -> str:
    """How far, as words."""
    if not one.up_to:
        return f"not even {one.shortest}"
    return f"{one.up_to} (not {one.fails})" if one.fails else f"{one.up_to}, the longest tried"


def _entries(one: Learned) -> tuple[str, ...]:
    reached = str(one.up_to) if one.up_to else f"<{one.shortest}"
    ends = f"{one.least} to {one.most}" if one.least and one.most else ""
    open_ended = f"from {one.least}" if one.least else f"below {one.most}" if one.most else "not known"
    before = f">{one.longest}" if math.isnan(one.horizon) else f"{one.horizon:.0f}"
    return reached, str(one.fails or "-"), ends or open_ended, before


def _line(name: str, entries: Sequence[str]) -> str:
    short = name if len(name) <= NAME else f"{name[: NAME - 3]}..."
    widths = 9, 8, 14, 16
    cells = "".join(f"{entry:>{wide}}" for entry, wide in zip(entries, widths, strict=True))
    return f"{short:<{NAME}}{cells}"
