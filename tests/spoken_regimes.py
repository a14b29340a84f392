"""The sentences about the regimes of a sweep: the forms that they have, and what each asserts."""

import math
import re

from tests.spoken import NUM, Forms, is_printed, list_of, named, one_of, value
from tests.spoken_sweeps import check_crossing

REGIMES = {
    "vanish": "VANISH",
    "vanishes": "VANISH",
    "is stable": "STABLE",
    "are stable": "STABLE",
    "is undecided": "UNDECIDED",
    "are undecided": "UNDECIDED",
    "explode": "EXPLODE",
    "explodes": "EXPLODE",
    "has no rate": "UNDEFINED",
    "have no rate": "UNDEFINED",
    "is not finite": "NONFINITE",
    "are not finite": "NONFINITE",
}


RUN = rf"{NUM}(?: to {NUM} \(\d+ values\))?"
FATE = (
    rf"(?:{one_of(REGIMES)})(?: at (?:each of the \d+ w_rec from {NUM} to {NUM}|w_rec = {list_of(RUN)}))?"
    rf"(?: in \d+(?: to \d+)? of \d+ seeds? \([a-z ]+\d*\))?(?: \({NUM} decades per step\))?"
)


def is_near(a, b):
    return math.isclose(a, b, abs_tol=1e-9)


def over(text):
    """The w_rec of a fate, as the rows it names: `at w_rec = 0.5 to 0.9 (3 values) and 1.2`."""
    runs = re.findall(rf"({NUM})(?: to ({NUM}) \((\d+) values\))?", text)
    return [(value(a), value(b or a), int(n or 1)) for a, b, n in runs]


def check_fate(text, rows, has_gain):
    """One regime of one cell; the w_rec that it speaks of."""
    found = re.match(one_of(REGIMES), text)
    word, rest = REGIMES[found[0]], text[found.end() :]
    mine = {w for w, row in rows.items() if row.regime == word}
    assert mine, f"{text}: no row is {word}"
    if everywhere := re.search(rf" at each of the (\d+) w_rec from ({NUM}) to ({NUM})", rest):
        assert (int(everywhere[1]), set(rows)) == (len(rows), mine)
        assert (value(everywhere[2]), value(everywhere[3])) == (min(rows), max(rows))
    elif some := re.search(rf" at w_rec = ({list_of(RUN)})", rest):
        said = set()
        for a, b, n in over(some[1]):
            inside = {w for w in rows if a - 1e-9 <= w <= b + 1e-9}
            assert len(inside) == n, f"{text}: {n} values, {inside}"
            assert is_near(a, min(inside)), text
            assert is_near(b, max(inside)), text
            said |= inside
        assert said == mine, f"{text}: {said}, {mine}"
    else:
        assert len(rows) == 1
        assert not has_gain
    if lost := re.search(r" in (\d+)(?: to (\d+))? of (\d+) seeds? \((.*)\)", rest):
        counts = sorted({rows[w].lost for w in mine})
        assert (int(lost[1]), int(lost[2] or lost[1])) == (counts[0], counts[-1])
        assert int(lost[3]) == rows[min(rows)].n
        assert lost[4] == f"forward first at step {min(rows[w].step for w in mine)}"
    else:
        assert word != "NONFINITE"
    if rate := re.search(rf" \(({NUM}) decades per step\)$", rest):
        assert len(rows) == 1
        assert is_printed(rate[1], rows[min(rows)].rate)
    return word


def hold_verdict(text, raw):
    """The headline: at which T, of how many seeds, a clause for each fate, how far the gradient reaches."""
    head = re.match(r"At T = (\d+) \((?:(\d+) seeds|1 seed, so no interval)\), ", text)
    assert head, text
    assert (int(head[1]), int(head[2] or 1)) == (raw.T, raw.seeds)
    assert text.endswith(".")
    cells, told = list_of(one_of(raw.labels)), []
    forms = Forms(cells=cells, fates=rf"{FATE}(?:, {FATE})*(?: and {FATE})?", name=one_of(raw.names))

    @forms.form(r"(?P<labels><<cells>>) (?P<fates><<fates>>)(?: \(mean rate crosses 0 (?P<cross>.*)\))?")
    def _(labels, fates, cross):
        for label in named(labels, raw.labels)[0]:
            rows = raw.of(label)
            words = [check_fate(one, rows, raw.gain[label]) for one in re.findall(FATE, fates)]
            assert set(words) == {row.regime for row in rows.values()}
            assert len(set(words)) == len(words)
            finite = {w: row.rate for w, row in rows.items() if row.regime != "NONFINITE"}
            check_crossing(cross, finite)
            told.append(label)

    hold_reach(forms, raw)
    for clause in text[head.end() : -1].split("; "):
        forms.hold(clause)
    assert sorted(told) == sorted(raw.labels)


def hold_reach(forms, raw):
    """The clauses about how far back the gradient reaches."""
    quiet = {
        key: row
        for key, row in raw.rows.items()
        if row.regime in ("VANISH", "STABLE", "UNDECIDED") and not (math.isnan(row.soft) and row.end < row.T)
    }
    whole = [key for key, row in quiet.items() if math.isnan(row.soft)]
    over = r"(?P<over> \(median over seeds\))?"

    def counts(T, over):
        assert int(T) == raw.T
        assert bool(over) == (raw.seeds > 1)

    @forms.form(rf"the transport has not fallen by 10\^3 at lag (?P<T>\d+){over}")
    def _(T, over):
        counts(T, over)
        assert len(quiet) == len(whole) == 1

    @forms.form(
        r"in (?:(?P<some>\d+) of the (?P<of>\d+)|all (?P<all>\d+)) rows that do not explode the transport "
        rf"has not fallen by 10\^3 at lag (?P<T>\d+){over}(?:: (?P<names>{list_of('<<name>>')}))?"
    )
    def _(some, of, all, T, over, names):
        counts(T, over)
        assert int(some or all) == len(whole)
        assert int(of or all) == len(quiet)
        if names:
            assert {raw.names[name] for name in named(names, raw.names)[0]} == set(whole)

    @forms.form(rf"the transport has fallen by 10\^3 at lag (?P<lag><<num>>){over}")
    def _(lag, over):
        ((_, row),) = quiet.items()
        counts(raw.T, over)
        assert is_printed(lag, row.soft)

    @forms.form(
        rf"the longest horizon is (?P<lag><<num>>) steps{over}, of (?P<name><<name>>)"
        r"(?:, whose rate's interval does not lie above that of "
        rf"(?P<same>{list_of('<<name>>')}|(?P<count>\d+) other rows))?"
    )
    def _(lag, over, name, same, count):
        counts(raw.T, over)
        best = raw.rows[raw.names[name]]
        assert not whole
        assert is_printed(lag, best.soft)
        assert best.soft >= max(row.soft for row in quiet.values()) * (1 - 1e-9)
        # A rival is apart only if its whole interval lies below.
        rivals = {key for key in quiet if key != raw.names[name] and not quiet[key].high < best.low - 1e-12}
        # Where intervals touch to rounding, either is right.
        near = {key for key in rivals if quiet[key].high < best.low + 1e-12}
        said = set() if not same or count else {raw.names[one] for one in named(same, raw.names)[0]}
        assert (len(rivals - near) <= int(count) <= len(rivals)) if count else rivals - near <= said <= rivals


def hold_summary(text, raw):
    """A line for each (cell, init, w_rec)."""
    lines = text.split("\n")
    assert len(lines) == len(raw.rows)
    for line, ((label, w), row) in zip(lines, raw.rows.items(), strict=True):
        where = f"{label} at w_rec = {w:g}" if raw.gain[label] else label
        count = "1 seed, so no interval" if row.n == 1 else f"{row.n} seeds"
        head = f"{where}, T = {row.T} ({count}): {row.regime}; "
        assert line.startswith(head), (line, head)
        assert line.endswith(".")
        hold_line(line[len(head) : -1], row)


HORIZONS = (
    r"(?:: (?P<horizons>.*?)(?P<over> \(medians over seeds\))?)?"
    r"(?:; (?P<chaos>chaotic: these numbers hold for this trajectory only"
    r"|\d+ of \d+ seeds (?:is|are) chaotic: (?:its|their) numbers hold for (?:its|their) trajectory only))?"
)


def hold_line(text, row):
    forms = Forms()

    @forms.form(
        r"the forward pass overflows(?: in (?P<lost>\d+) of (?P<of>\d+) seeds)?, first at step (?P<step>\d+)"
        ", and has no gradient to measure there"
    )
    def _(lost, of, step):
        assert (int(lost or 1), int(of or 1), int(step)) == (row.lost, row.n, row.step)

    @forms.form(
        rf"the transport has too few norms that are (?P<what>known|not exactly zero) for a rate{HORIZONS}"
    )
    def _(what, horizons, over, chaos):
        assert row.rated == 0
        assert (what == "not exactly zero") == (not math.isnan(row.hard))
        check_horizons(horizons, over, row)
        assert not chaos

    @forms.form(
        r"the transport changes by (?P<rate><<num>>) decades per step of lag"
        r"(?: \(95 % interval (?P<low><<num>>) to (?P<high><<num>>)\))?"
        rf"(?: in the (?P<some>\d+) of (?P<of>\d+) seeds that have a rate)?{HORIZONS}"
    )
    def _(rate, low, high, some, of, horizons, over, chaos):
        assert is_printed(rate, row.rate)
        assert (low is None) == (row.rated < 2)
        if low:
            assert is_printed(low, row.low)
            assert is_printed(high, row.high)
        assert (int(some or row.n), int(of or row.n)) == (row.rated, row.n)
        check_horizons(horizons, over, row)
        assert bool(chaos) == (row.chaotic > 0)
        if chaos and row.n > 1:
            assert chaos.startswith(f"{row.chaotic} of {row.n} seeds")

    forms.hold(text)


def check_horizons(text, over, row):
    """The clauses after the colon: each is true, and none is left out that is known."""
    forms, said = Forms(), set()

    @forms.form(r"it does not fall to half within (?P<T>\d+) steps")
    def _(T):
        assert (int(T), row.end) == (row.T, row.T)
        assert math.isnan(row.half)
        said.add("half")

    @forms.form(r"it halves within (?P<lag><<num>>) steps")
    def _(lag):
        assert is_printed(lag, row.half)
        said.add("half")

    @forms.form(r"falls by 10\^3 within (?P<lag><<num>>)")
    def _(lag):
        assert is_printed(lag, row.soft)
        said.add("soft")

    @forms.form(r"is exactly zero beyond lag (?P<lag><<num>>)")
    def _(lag):
        assert is_printed(lag, row.hard)
        said.add("hard")

    @forms.form(r"95 % of the recurrent weight gradient comes from lags 0 to (?P<lag><<num>>)")
    def _(lag):
        assert is_printed(lag, row.credit)
        said.add("credit")

    for clause in text.split(", ") if text else []:
        forms.hold(clause)
    known = {name for name in ("half", "soft", "hard", "credit") if not math.isnan(getattr(row, name))}
    assert known <= said
    assert not text or bool(over) == (row.n > 1)
