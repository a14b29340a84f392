"""What is said of whether anything separates the arms: that nothing does first, then each place by itself."""

import math
import re

import numpy as np

from tests.spoken import Forms, is_printed
from tests.spoken_comparisons import beside, median, seeds_needed


def kept(row):
    """log10 of the transport over T steps before training: the median over seeds that have one."""
    last = [log[-1] for log in row.logs[0] if not math.isnan(log[-1])]
    return median(last) if last else math.nan


def compared(rows):
    """The rows that are set beside the plain one: (row, plain, told from it), and of how many."""
    found = [(row, *some) for row, some in zip(rows.values(), beside(rows), strict=True) if some]
    return [one[:3] for one in found], len(found)


def hold_nothing_apart(text, rows):
    """The sentence that stands first; it is empty where an arm is told from the plain one."""
    pairs, many = compared(rows)
    if not pairs or any(apart for *_, apart in pairs):
        assert text == ""
        return
    plain = {(row.T, row.w): row for row in rows.values() if row.arm == "none"}
    which = "the other arm" if many == len(plain) else "any other arm"
    needed = seeds_needed(many)
    if min(row.n for row in rows.values()) < needed:
        among = f" for {many} pairs" if many > 1 else ""
        assert text == f"Too few seeds to tell the plain arm from {which} (at least {needed}{among})."
        return
    head = f"Nothing tells the plain arm from {which} at 5 %: "
    assert text.startswith(head), text
    forms, left = Forms(), list(plain.values())
    where = r"T = (?P<T>\d+)(?:, w_rec = (?P<w><<num>>))?"
    grown = r"(?:is (?P<zero>exactly 0)|(?P<verb>keeps|grows to) 10\^(?P<log><<num>>))"

    def at(T, w, zero, verb, log):
        row = left.pop(0)
        assert (int(T), w is not None) == (row.T, len(plain) > 1)
        assert w is None or is_printed(w, row.w)
        if zero:
            assert kept(row) == -math.inf
        else:
            assert is_printed(log, kept(row))
            assert verb == ("keeps" if kept(row) <= 0 else "grows to")
        return row

    @forms.form(rf"at {where} the plain arm has no transport that is finite")
    def _(T, w):
        assert math.isnan(kept(left.pop(0)))

    @forms.form(
        rf"nothing (?P<what>vanishes|explodes) at {where}, the transport {grown}; "
        r"try (?:-T (?P<longer>\d+)|another --w-rec)"
    )
    def _(what, longer, **place):
        log = kept(row := at(**place))
        assert abs(log) < 3
        assert what == ("vanishes" if log <= 0 else "explodes")
        assert (longer is None) == (abs(log) <= 0.1)
        # The first ten at which so steady a transport has changed by 10^3.6.
        assert longer is None or int(longer) % 10 == 0
        assert longer is None or abs(log) * int(longer) / row.T * (1 + 1e-9) >= 3.6
        assert longer is None or abs(log) * (int(longer) - 10) / row.T < 3.6

    @forms.form(
        rf"at {where} the transport {grown}, and the plain arm solves the task all the same; try a larger T"
    )
    def _(**place):
        row = at(**place)
        assert abs(kept(row)) >= 3
        assert row.solved == row.n

    @forms.form(rf"at {where} the transport {grown}; more --updates or --seeds may tell")
    def _(**place):
        row = at(**place)
        assert abs(kept(row)) >= 3
        assert row.solved < row.n

    # What is advised belongs to what it is advised for.
    clauses = re.split(r"; (?=at |nothing )", text[len(head) : -1])
    for clause in clauses:
        forms.hold(clause)
    assert not left


def hold_places(texts, rows):
    """A sentence for each of two to four places, where the seeds are enough to tell an arm."""
    pairs, many = compared(rows)
    plain = [row for row in rows.values() if row.arm == "none"]
    enough = bool(pairs) and min(row.n for row in rows.values()) >= seeds_needed(many)
    assert len(texts) == (len(plain) if 1 < len(plain) <= 4 and enough else 0)
    arms = r"[^;]+"
    for text, row in zip(texts, plain, strict=False):
        forms = Forms()

        @forms.form(
            r"(?:(?P<kind>Vanishing|Exploding), )?(?:T = (?P<T>\d+), )?w_rec = (?P<w><<num>>): the plain arm "
            r"(?P<fails>fails|fails in part|does not fail), (?:all|(?P<count>\d+) of) (?P<n>\d+) seeds solve "
            r"the task(?P<none>, so no remedy can do better here)?; "
            r"(?:(?P<nobody>no arm is told from it at 5 %)|"
            rf"(?:better: (?P<better>{arms})|no arm is better)(?:; worse: (?P<worse>{arms}))?)"
        )
        def _(kind, T, w, fails, count, n, none, nobody, better, worse, row=row):
            log = kept(row)
            far = not math.isnan(log) and abs(log) >= 3
            assert kind == (("Vanishing" if log < 0 else "Exploding") if far else None)
            assert is_printed(w, row.w)
            assert T is None or int(T) == row.T
            assert (T is None) == (len({one.T for one in plain}) == 1)
            assert (int(count or n), int(n)) == (row.solved, row.n)
            assert fails == (
                "fails" if not row.solved else "fails in part" if row.solved < row.n else "does not fail"
            )
            assert bool(none) == (row.solved == row.n)
            told = [one for one, other, apart in pairs if other is row and apart]
            up = [one.arm for one in told if _ahead(one, row)]
            assert (nobody is None) == bool(told)
            assert (better or "") == ", ".join(up)
            assert (worse or "") == ", ".join(one.arm for one in told if one.arm not in up)

        assert text.endswith(".")
        forms.hold(text[:-1])


def _ahead(row, plain):
    """More seeds of it solved the task, or, where nobody's did, its loss is less."""
    if row.solved or plain.solved:
        return row.solved / row.n > plain.solved / plain.n
    return np.median(row.each) < np.median(plain.each)
