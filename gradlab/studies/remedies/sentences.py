"""What a training says: one sentence per arm, and one about all of them, made from the numbers of their rows.

Two arms are told apart by a test at 5 %, and by no other sign: a tie is called a tie. Where arms stand beside
the plain one, all of a table together may err in 5 % (Holm). To be told from every other arm takes each
pair at 5 %, and errs no more often. To be told from some of several is to choose a pair afterwards: there
all pairs of the table together may err in 5 % (Holm). Seeds too few for that are said to be.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from gradlab.significance import FISHER, RANKS, holm, least_seeds, median_test, share_test
from gradlab.stats import WRONG, percent
from gradlab.studies.remedies import cheapest, sent_back
from gradlab.studies.remedies.rows import ArmRow

NAMED = 3
"""Of a longer list the rest is counted."""
FAR = 0.5
"""A loss below this share of chance is far below it."""
PLAIN = "none"
PERCENT = f"{100 * WRONG:.0f} %"
Test = Callable[[ArmRow, ArmRow], float]


class Beside(NamedTuple):
    """An arm set beside the plain one."""

    plain: ArmRow
    """The row of the same T and w_rec on which no remedy acted."""
    apart: bool
    """Whether the two are told apart, all arms of the table that are compared so taken together."""
    of: int
    """How many these are."""


def sentences(rows: Sequence[ArmRow]) -> list[str]:
    """A sentence for each row: what the arm did to the gradient, what came of it, the plain arm beside it."""
    beside = besides(rows)
    return [sentence(row, beside.get((row.arm, row.T, row.w_rec))) for row in rows]


def besides(rows: Sequence[ArmRow]) -> dict[tuple[str, int, float], Beside]:
    """The arms beside the plain one of their place, by (arm, T, w_rec)."""
    plain = {(row.T, row.w_rec): row for row in rows if row.arm == PLAIN}
    # Which T a search has come to depends on what was learned, and in a race arms are stopped at other
    # updates: no shares are compared there.
    some = [row for row in rows if row.arm != PLAIN and not row.most and row.race is None]
    pairs = [(row, plain[at]) for row in some if (at := (row.T, row.w_rec)) in plain]
    apart = iter(holm([_differ(*pair) for pair in pairs]))
    return {(row.arm, row.T, row.w_rec): Beside(other, next(apart), len(pairs)) for row, other in pairs}


def sentence(row: ArmRow, beside: Beside | None = None) -> str:
    """One row in words."""
    parts = [*_gradient(row), f"horizon {' -> '.join(_steps(h, row.T) for h in row.horizon)}"]
    parts += sent_back.said(row)
    seeds, lost = row.solved.of, row.solved.of - row.solved.successes
    if row.diverged:
        parts.append(f"{row.diverged} of {seeds} diverged ({row.diverged_what} not finite)")
    if not lost:
        parts.append(f"solved by all {seeds} seeds" if seeds > 1 else "solved by the only seed")
    elif row.race is not None and row.race.stopped:
        by_then = f"solved by {row.solved.successes} of {seeds} seeds by then"
        parts.append(f"stopped after {row.race.stopped} of {row.race.budget} updates, {by_then}")
    elif row.solved.successes:
        parts.append(f"solved by {row.solved.successes} of {seeds} seeds")
    else:
        parts.append(_unsolved(row))
    if beside is not None:
        parts.append(_beside(row, *beside))
    if lost and not row.closed_form:
        parts += _ending(row)
    return "; ".join(parts)


def _gradient(row: ArmRow) -> list[str]:
    """What was done to the gradient on its way back, if anything."""
    if row.closed_form:
        return ["readout fitted in closed form, no gradient followed"]
    parts = []
    if row.clipped > 0:
        turned = "" if row.cosine > 0.999 else f" and turned it (mean cosine {row.cosine:.2f})"
        share = f"{row.clipped:.0%}" if row.clipped >= 0.005 else "less than 1%"
        parts.append(f"changed the gradient in {share} of the updates{turned}")
    if not math.isnan(row.hard):
        parts.append(f"at the start nothing comes from beyond lag {row.hard:g}")
    return parts


def _steps(horizon: float, T: int) -> str:
    return f">{T}" if math.isnan(horizon) else f"{horizon:.0f}"


def _unsolved(row: ArmRow) -> str:
    """Not solved, and how far from chance."""
    seeds = f"any of {row.solved.of} seeds" if row.solved.of > 1 else "the only seed"
    said = f"not solved within the budget by {seeds}"
    if row.diverged == row.solved.of or math.isnan(row.loss):
        return said
    if math.isnan(row.chance):
        return f"{said}, loss {_loss(row)}"
    # All seeds are judged on the same sequences, whose luck no interval over seeds knows: near to chance the
    # two numbers are said and nothing else.
    if row.losses.high < FAR * row.chance:
        return f"{said}, but loss {_loss(row)} is far below the {row.chance:.4g} of chance"
    return f"{said}, loss {_loss(row)} against {row.chance:.4g} of chance"


def _loss(row: ArmRow) -> str:
    """The median, and its interval if there is one."""
    found = row.losses
    if math.isnan(found.low):
        return _number(row.loss)
    known = f"{percent(found.level)} interval {_number(found.low)} to {_number(found.high)}"
    return f"{_number(row.loss)} ({known})"


def _number(value: float) -> str:
    return "infinite" if math.isinf(value) else f"{value:.3g}"


def _beside(row: ArmRow, plain: ArmRow, apart: bool, of: int) -> str:
    """The arm against the plain one: by the seeds that solved it, by the loss where nobody did."""
    count, least = f"{plain.solved.successes} of {plain.solved.of}", least_seeds(of)
    level = f"{PERCENT}, Holm over {of} pairs" if of > 1 else PERCENT
    if min(row.solved.of, plain.solved.of) < least:
        among = f" for {of} pairs" if of > 1 else ""
        return f"too few seeds to compare with the plain arm (at least {least}{among})"
    if row.solved.successes == plain.solved.successes > 0:
        return f"as many seeds as of the plain arm ({count})"
    if row.solved.successes or plain.solved.successes:
        by = f"({count}, {FISHER} at {level})"
        if not apart:
            return f"not told apart from the plain arm by the seeds that solved it {by}"
        more = row.solved.successes * plain.solved.of > plain.solved.successes * row.solved.of
        return f"{'more' if more else 'fewer'} seeds than of the plain arm {by}"
    side = "not told apart from"
    if apart:
        side = "below" if row.loss < plain.loss else "above"
    return f"its loss is {side} the plain arm's {_loss(plain)} by the {RANKS} at {level}"


def _differ(row: ArmRow, other: ArmRow) -> float:
    """How often two equal arms would lie as far apart, or further."""
    solved = row.solved.successes or other.solved.successes
    return _by_shares(row, other) if solved else _by_losses(row, other)


def _by_shares(row: ArmRow, other: ArmRow) -> float:
    return share_test(*row.solved[:2], *other.solved[:2])


def _by_losses(row: ArmRow, other: ArmRow) -> float:
    return median_test(np.array(row.seed_losses), np.array(other.seed_losses))


def _apart(best: ArmRow, rows: Sequence[ArmRow], test: Test) -> list[ArmRow]:
    """Those of all rows from which the best is told apart: every other, or those that all pairs allow."""
    others = [row for row in rows if row is not best]
    if all(test(best, row) <= WRONG for row in others):
        return others
    pairs = list(itertools.combinations(rows, 2))
    holds = holm([test(*pair) for pair in pairs])
    told = [pair for pair, apart in zip(pairs, holds, strict=True) if apart]
    return [row for row in others if any(best in pair and row in pair for pair in told)]


def _too_few(seeds: int, pairs: int) -> str:
    """What so few seeds can show of so many pairs, if that is nothing."""
    if seeds >= (least := least_seeds(pairs)):
        return ""
    return f"too few seeds to compare (at least {least}{f' for {pairs} pairs' * (pairs > 1)})"


def _over(pairs: int) -> str:
    return f"{PERCENT} over all {pairs} pairs" if pairs > 1 else PERCENT


def _ending(row: ArmRow) -> list[str]:
    """What the transport does when training ends, where its interval leaves no doubt of it."""
    limit, end = math.log10(2) / row.T, row.end
    if math.isnan(end.low):
        return []
    interval = f"{percent(end.level)} interval {end.low:+.3g} to {end.high:+.3g}"
    known = f"({end.middle:+.3g} decades per step, {interval})"
    if end.high < -limit:
        return [f"at the end of training the transport vanishes {known}"]
    return [f"at the end of training the transport explodes {known}"] if end.low > limit else []


def judged(rows: Sequence[ArmRow]) -> str:
    """Which arm solved the task with most seeds, and from which others that tells it apart; of no search."""
    if rows[0].most:
        return ""
    if rows[0].race is not None:
        return cheapest.said(rows)
    best = max(rows, key=lambda row: row.solved.successes / max(row.solved.of, 1))
    if not best.solved.successes:
        said = "No arm solved the task within the budget" if len(rows) > 1 else "Not solved within the budget"
        return f"{said}; {_least(rows)}."
    equal = [row.solved.successes * best.solved.of == best.solved.successes * row.solved.of for row in rows]
    tied, others = ([row for row, e in zip(rows, equal, strict=True) if e is want] for want in (True, False))
    count = f"{best.solved.successes} of {best.solved.of} seeds"
    if len(rows) == 1:
        return f"{named(best, rows)}: {count} solved the task{_updates(best)}."
    pairs, beaten = math.comb(len(rows), 2), _apart(best, rows, _by_shares)
    if len(beaten) == len(rows) - 1:
        ahead = f"more than of every other ({FISHER} at {PERCENT})"
        return f"Best: {named(best, rows)}, {count} solved{_updates(best)}; {ahead}."
    kind = "arms" if len({(row.T, row.w_rec) for row in rows}) == 1 else "rows"
    whole = f" each ({len(tied)} of {len(rows)} {kind})" if len(tied) > 1 else ""
    after = _updates(best) if len(tied) == 1 else ""
    said = f"Most seeds solved: {_names(tied, rows)}, {count}{whole}{after}"
    if others and (few := _too_few(best.solved.of, pairs)):
        return f"{said}; {few}."
    left = [row for row in others if row not in beaten]
    place = [f"told apart from {_names(beaten, rows)}"] if beaten else []
    place += [f"not told apart from {_names(left, rows)}"] if left else []
    by = f" ({FISHER} at {_over(pairs)})" if place else ""
    return f"{said}{'; ' if place else ''}{'; '.join(place)}{by}."


def _updates(row: ArmRow) -> str:
    """After how many updates; a readout fitted at once has none."""
    return "" if row.closed_form or math.isnan(row.updates) else f", {row.updates:.0f} updates (median)"


def _least(rows: Sequence[ArmRow]) -> str:
    """The least loss where nobody solved the task, and whether it stands out."""
    known = [row for row in rows if math.isfinite(row.loss)]
    if not known:
        return "no loss is finite"
    best = min(known, key=lambda row: row.loss)
    chance = "" if math.isnan(best.chance) else f", where chance is {best.chance:.4g}"
    if len(rows) == 1:
        return f"its loss is {_loss(best)}{chance}"
    said = f"the least loss is {_loss(best)}, of {named(best, rows)}{chance}"
    pairs, told = math.comb(len(rows), 2), _apart(best, rows, _by_losses)
    same = [row for row in rows if row is not best and row not in told]
    if same and (few := _too_few(best.solved.of, pairs)):
        return f"{said}; {few}"
    by = f" ({RANKS} at {_over(pairs)})"
    return f"{said}; not told apart from {_names(same, rows)}{by}" if same else said


def _names(some: Sequence[ArmRow], rows: Sequence[ArmRow]) -> str:
    """The first names, and how many more."""
    names = [named(row, rows) for row in some]
    if len(names) > NAMED + 1:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def named(row: ArmRow, rows: Sequence[ArmRow]) -> str:
    """An arm, and where it stood if there are several places."""
    several = [len({getattr(r, what) for r in rows}) > 1 for what in ("T", "w_rec")]
    extra = [f"{what} = {getattr(row, what):g}" for what, s in zip(("T", "w_rec"), several, strict=True) if s]
    return f"{row.arm} ({', '.join(extra)})" if extra else row.arm
