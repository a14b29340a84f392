"""Every sentence that a sweep prints, against the slopes that its networks were drawn with."""

import itertools
import math
import re
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from gradlab import registry
from gradlab.plots.rate_map import rate_map
from gradlab.report import captions, verdict
from gradlab.report.tabular import of
from gradlab.states import BELOW_PRECISION, EXACT_ZERO
from gradlab.studies.sweep import results
from gradlab.studies.sweep import sentences as sweep_sentences
from gradlab.studies.sweep import table as _table
from tests import drawn
from tests.spoken import NUM, Forms, is_printed, list_of, named, one_of, source, value
from tests.tiers import hundreds

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


# What the raw numbers say, worked out again.


def interval(x, level):
    if len(x) < 2:
        return math.nan, math.nan
    half = stats.t.ppf((1 + level) / 2, len(x) - 1) * stats.sem(x)
    return np.mean(x) - half, np.mean(x) + half


def fell(one, T, decades):
    """The lag by which a straight profile has fallen so far; infinite if it does not within T."""
    reached = decades / -one.slope if one.slope < 0 else math.inf
    if reached <= one.last and math.ceil(reached) <= one.last:
        return reached
    # A zero is a fall, whether it is one by definition or by rounding.
    return one.last + 1 if one.beyond in (EXACT_ZERO, BELOW_PRECISION) and one.last < T else math.inf


def credit(one, T):
    """The lag within which 95 % of the weight gradient lie; it has no norm at lag T."""
    size = 10.0 ** (0.97 * one.slope * np.arange(min(one.last, T - 1) + 1))
    return int(np.argmax(size.cumsum() >= 0.95 * size.sum() * (1 - 1e-12)))


def middle(x):
    x = sorted(x)
    value = (x[(len(x) - 1) // 2] + x[len(x) // 2]) / 2 if x else math.nan
    return value if math.isfinite(value) else math.nan


def facts(row, T, linear):
    """What the networks of one (cell, init, w_rec) are together."""
    alive = [one for one in row if not one.step]
    rates = np.array([one.slope for one in alive if one.last > 0])
    band, n = math.log10(2) / T, len(row)
    gone = [one.beyond == EXACT_ZERO and one.last < T for one in alive]
    silent = [one.last < 1 for one in alive]
    low, high = interval(rates, 0.95)
    near = interval(rates, 0.90)
    word = "UNDECIDED" if len(rates) else "UNDEFINED"
    if high < -band or low > band:
        word = "VANISH" if high < -band else "EXPLODE"
    elif -band <= near[0] and near[1] <= band:
        word = "STABLE"
    if len(alive) < n:
        word = "NONFINITE"
    elif all(gone):
        word = "UNDECIDED" if n < 2 else "EXPLODE" if word == "EXPLODE" else "VANISH"
    elif word not in ("UNDEFINED", "VANISH") or any(s and not g for s, g in zip(silent, gone, strict=True)):
        word = "UNDECIDED" if word != "UNDEFINED" and (any(gone) or any(silent)) else word
    return SimpleNamespace(
        n=n,
        T=T,
        regime=word,
        rate=float(rates.mean()) if len(rates) else math.nan,
        low=low,
        high=high,
        rated=len(rates),
        lost=n - len(alive),
        step=min((one.step for one in row if one.step), default=0),
        chaotic=0 if linear else int((rates > band).sum()),
        half=middle([fell(one, T, math.log10(2)) for one in alive]),
        soft=middle([fell(one, T, 3) for one in alive]),
        hard=middle([one.last if g else math.inf for one, g in zip(alive, gone, strict=True)]),
        credit=middle([credit(one, T) for one in alive]),
        end=max((one.last for one in alive), default=-1),
        ends=[one.slope for one in alive],
        dim=all(one.beyond == BELOW_PRECISION and one.last < T for one in alive),
    )


class Raw:
    """The rows of a sweep at its longest T, by label and w_rec."""

    def __init__(self, found):
        self.found, self.T = found, found.T
        inits = found.run.norms["init"].values.tolist()
        self.rows, self.names, self.gain, self.cells = {}, {}, {}, {}
        for (cell, init, w, T), row in found.raw.items():
            label = f"{cell} ({init})" if len(inits) > 1 else cell
            self.gain[label] = found.has_gain[cell]
            self.cells[label] = (cell, init)
            if T != self.T or (not found.has_gain[cell] and any(key[0] == label for key in self.rows)):
                continue
            self.rows[label, w] = facts(row, T, "identity" in cell)
            self.names[f"{label} at w_rec = {w:g}" if found.has_gain[cell] else label] = (label, w)
        self.labels = list(dict.fromkeys(label for label, _ in self.rows))
        self.seeds = found.run.norms.sizes["seed"]

    def of(self, label):
        return {w: row for (other, w), row in self.rows.items() if other == label}

    def rates(self, label, T):
        """The mean rates at one T, by w_rec; NaN where a network is lost."""
        cell, init = self.cells[label]
        found = {}
        for (c, i, w, t), row in self.found.raw.items():
            if (c, i, t) == (cell, init, T):
                one = facts(row, T, False)
                found[w] = math.nan if one.lost else one.rate
        return found


def crossing(rates):
    """How often the sign changes, and where first, by (w_rec, rate)."""
    known = [(w, r) for w, r in sorted(rates.items()) if not math.isnan(r)]
    signed = [(w, r) for w, r in known if r]
    changes = [(a, b) for a, b in itertools.pairwise(signed) if (a[1] < 0) != (b[1] < 0)]
    if not changes:
        return 0, math.nan
    (a, r), (b, s) = changes[0]
    between = [w for w, rate in known if a < w < b]
    return len(changes), float(np.mean(between)) if between else a - r * (b - a) / (s - r)


def check_crossing(text, rates):
    """`2 times, first at w_rec = 1.5` against the rates; an empty text says that there is none."""
    count, place = crossing(rates)
    found = re.fullmatch(rf"(?:(\d+) times, first )?at w_rec = ({NUM})", text or "")
    assert (count > 0) == bool(found), (text, rates)
    if found:
        assert count == int(found[1] or 1), (text, rates)
        assert is_printed(found[2], place), (text, rates)


# The forms.


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


def hold_captions(run, raw):
    """The sentences under the figures of a report."""
    for name in ("profile", "rate_map", "horizon", "three_gradients"):
        text = captions.caption(run, name, None)
        assert text.endswith(".")
        CAPTIONS[name](text[:-1], raw)


NAMES = "(?P<{}><<name>>)"


def profile(text, raw):
    forms = Forms(name=one_of(raw.names))
    # The mean over the networks alive at the last lag that any of them has.
    ends = {key: last_of(row, raw, key) for key, row in raw.rows.items() if row.end >= 0}
    end = r"10\^(?P<{0}><<num>>) \((?P<{0}_of><<name>>), lag (?P<{0}_lag>\d+)\)"
    zeros = r"(?:; (?P<zeros>\d+) of (?P<of>\d+) exactly zero beyond some lag(?: in most seeds)?)?"

    def check_end(log, name, lag, best):
        key = raw.names[name]
        assert int(lag) == raw.rows[key].end
        assert is_printed(log, ends[key])
        assert math.isclose(best(ends.values()), ends[key], abs_tol=1e-9)

    def check_zeros(zeros, of):
        count = sum(not math.isnan(row.hard) for row in raw.rows.values())
        assert int(zeros or 0) == count
        assert int(of or len(raw.rows)) == len(raw.rows)

    @forms.form(r"No transport has a norm that could be drawn")
    def _():
        assert not ends

    @forms.form(rf"Over (?P<T>\d+) steps the transport ends at {end.format('a')}{zeros}")
    def _(T, a, a_of, a_lag, zeros, of):
        assert (int(T), len(ends)) == (raw.T, 1)
        check_end(a, a_of, a_lag, min)
        check_zeros(zeros, of)

    @forms.form(
        rf"Over (?P<T>\d+) steps the transport ends at 10\^(?P<a><<num>>) in all (?P<n>\d+) rows{zeros}"
    )
    def _(T, a, n, zeros, of):
        assert (int(T), int(n)) == (raw.T, len(ends))
        assert all(is_printed(a, log) for log in ends.values())
        check_zeros(zeros, of)

    @forms.form(
        rf"Over (?P<T>\d+) steps the transport ends between {end.format('a')} and {end.format('b')}{zeros}"
    )
    def _(T, a, a_of, a_lag, b, b_of, b_lag, zeros, of):
        assert int(T) == raw.T
        check_end(a, a_of, a_lag, min)
        check_end(b, b_of, b_lag, max)
        check_zeros(zeros, of)

    forms.hold(text)


def last_of(row, raw, key):
    """log10 of the mean profile's last norm."""
    cell, init = raw.cells[key[0]]
    networks = raw.found.raw[cell, init, key[1], raw.T]
    alive = [one.slope for one in networks if not one.step and one.last >= row.end]
    return row.end * float(np.mean(alive))


def rate_map_caption(text, raw):
    Ts = raw.found.run.norms["T"].values.tolist()
    short, told = min(Ts), []
    forms = Forms(cell=one_of(raw.labels))
    other = rf"(?:, at T = {short} (?P<first>nowhere|.*?))?"

    @forms.form(
        rf"(?:the mean rate crosses 0: )?(?P<label><<cell>>) (?P<cross>(?:\d+ times, first )?at .*?){other}"
    )
    def _(label, cross, first):
        check_crossing(cross, raw.rates(label, raw.T))
        assert bool(first) == (len(Ts) > 1)
        if first:
            check_crossing("" if first == "nowhere" else first, raw.rates(label, short))
        told.append(label)

    at = rf"<<cell>>(?: \(at T = {short} [^()]*\))?"

    @forms.form(rf"(?:it|the mean rate) does not change its sign for (?P<labels>{list_of(at)})")
    def _(labels):
        for label, first in re.findall(rf"({one_of(raw.labels)})(?: \(at T = {short} ([^()]*)\))?", labels):
            check_crossing("", raw.rates(label, raw.T))
            if len(Ts) > 1:
                check_crossing(first, raw.rates(label, short))
            told.append(label)

    head = f"At T = {raw.T} "
    assert text.startswith(head)
    for clause in text[len(head) :].split("; "):
        forms.hold(clause)
    assert sorted(told) == sorted(raw.labels)


def horizon(text, raw):
    forms = Forms(name=one_of(raw.names))
    rows = {
        key: row
        for key, row in raw.rows.items()
        if row.regime not in ("NONFINITE", "UNDEFINED") and not (math.isnan(row.soft) and row.end < row.T)
    }
    over = r"(?P<over> \(medians over seeds\))?"
    kept = r"(?P<kept>\d+) of (?P<of>\d+) have not fallen by 10\^3 at lag (?P<T>\d+)"

    def check(kept, of, T, over):
        assert (int(of), int(T)) == (len(rows), raw.T)
        assert int(kept) == sum(math.isnan(row.soft) for row in rows.values())
        assert bool(over) == (raw.seeds > 1)

    @forms.form("No horizon is known")
    def _():
        assert not rows

    @forms.form(f"{kept}{over}")
    def _(kept, of, T, over):
        check(kept, of, T, over)
        assert all(math.isnan(row.credit) for row in rows.values())

    @forms.form(
        rf"{kept}; 95 % of the weight gradient comes from within so many steps: (?P<a><<num>>) \((?P<a_of>"
        rf"<<name>>)\)(?: to (?P<b><<num>>) \((?P<b_of><<name>>)\))?{over}"
    )
    def _(kept, of, T, a, a_of, b, b_of, over):
        check(kept, of, T, over)
        known = [row.credit for row in rows.values() if not math.isnan(row.credit)]
        for steps, name, best in ((a, a_of, min), (b or a, b_of or a_of, max)):
            assert is_printed(steps, rows[raw.names[name]].credit)
            assert best(known) == rows[raw.names[name]].credit

    forms.hold(text)


def three_gradients(text, raw):
    norms = raw.found.run.norms
    cell, init = str(norms["cell"].values[0]), str(norms["init"].values[0])
    w = min(norms["w_rec"].values.tolist(), key=lambda w: (abs(w - 0.9), w))
    one = raw.found.raw[cell, init, w, raw.T][0]
    where = f"{cell} ({init})" if norms.sizes["init"] > 1 else cell
    seed = ", the first seed" if raw.seeds > 1 else ""
    tail = f" ({where}, w_rec = {w:g}, T = {raw.T}{seed})"
    head = "Decades from the least lag to the greatest: "
    assert text.startswith(head)
    assert text.endswith(tail), (text, tail)
    lags = {"adjoint": one.last, "transport": one.last, "weight gradient": min(one.last, raw.T - 1)}
    factor = {"adjoint": 0.95, "transport": 1.0, "weight gradient": 0.97}
    found = re.findall(rf"the (adjoint|transport|weight gradient) (has no norm|{NUM})", text)
    assert [name for name, _ in found] == list(lags)
    for name, change in found:
        assert (change == "has no norm") == bool(one.step)
        assert one.step or is_printed(change, factor[name] * one.slope * lags[name])


CAPTIONS = {
    "profile": profile,
    "rate_map": rate_map_caption,
    "horizon": horizon,
    "three_gradients": three_gradients,
}


def hold_tables(run, raw):
    """The captions of the report's tables, and the borders beside the words."""
    regimes, *rest = of(source(run))
    chaotic = sum(row.chaotic for row in raw.rows.values())
    networks = sum(row.n for row in raw.rows.values())
    said = f" {chaotic} of {networks} networks are chaotic (*)." if chaotic else ""
    counts = f"{len(raw.rows)} rows, {raw.seeds} seeds each; >{raw.T}: not reached within the sequence."
    assert regimes.caption == counts + said
    words = [row[[c.name for c in regimes.columns].index("regime")].value for row in regimes.rows]
    assert words == [row.regime for row in raw.rows.values()]
    for table in rest:
        for row in table.rows:
            for T, entry in zip(sorted({T for *_, T in raw.found.raw}), row[1:], strict=True):
                _, place = crossing(raw.rates(str(row[0].value), T))
                assert entry.value is None if math.isnan(place) else is_printed(entry.text, place)


def hold_footer(run, raw):
    """The notes under the table of the terminal that speak of its rows."""
    lines = "\n".join(_table._caption(results.groups(run), run, 1000, True))
    chaotic, networks = (sum(getattr(row, what) for row in raw.rows.values()) for what in ("chaotic", "n"))
    assert ("* trajectory-dependent" in lines) == (chaotic > 0)
    if chaotic:
        assert f"{chaotic} of {networks} networks" in lines
    assert ("NONFINITE:" in lines) == any(row.lost for row in raw.rows.values())
    assert ("UNDECIDED:" in lines) == any(row.regime == "UNDECIDED" for row in raw.rows.values())
    assert ("1 seed, so no interval" in lines) == (raw.seeds == 1)


def hold_sweep(seed):
    found = drawn.sweep(np.random.default_rng(seed))
    raw, run = Raw(found), found.run
    rows = results.groups(run)
    # Every sentence asks for the same rows; to find them takes the most of the time.
    with mock.patch.object(results, "groups", return_value=rows):
        hold_verdict(verdict.sweep_verdict(rows), raw)
        hold_summary(sweep_sentences.verdict(run.norms), raw)
        hold_captions(run, raw)
        hold_tables(run, raw)
        hold_footer(run, raw)


@pytest.mark.parametrize("first", range(0, 100, 20))
def test_every_sentence_of_a_sweep_says_what_its_networks_do(first):
    for seed in range(first, first + 20):
        hold_sweep(seed)


@pytest.mark.parametrize("first", hundreds(slow=6, long=14))
def test_every_sentence_of_many_sweeps(first):
    for seed in range(first, first + 100):
        hold_sweep(seed)


HELD = {
    *CAPTIONS,
    # In test_spoken_comparisons.
    *("solved", "learning_curves", "trainability", "start_and_end"),
    # In plots/test_lyapunov and plots/test_mean_field.
    *("lyapunov", "mean_field"),
}


def test_every_plot_that_speaks_is_held():
    """A new sentence under a figure has to be taught to these tests."""
    homes = {name: registry.home("plots", name) for name in registry.names("plots")}
    assert {name for name, home in homes.items() if hasattr(home, "sentence")} | set(captions.ORDER) <= HELD


def test_panels_of_the_map_of_rates_name_its_borders():
    """A title is the crossing at the longest T that has one, or the sign that every rate has."""
    for seed in range(4):
        found = drawn.sweep(np.random.default_rng(seed))
        raw = Raw(found)
        titles = [panel.get_title() for panel in rate_map(found.run).axes if panel.get_title()]
        Ts = sorted({T for *_, T in found.raw}, reverse=True)
        for title, label in zip(titles, raw.labels, strict=True):
            rates = {T: raw.rates(label, T) for T in Ts}
            crossed = [T for T in Ts if crossing(rates[T])[0]]
            words = title.split("\n")[1]
            if crossed:
                count, place = crossing(rates[crossed[0]])
                several = "first of several borders" if count > 1 else "border"
                assert words == f"{several} at w_rec = {place:.3f} (T = {crossed[0]})"
            else:
                known = [r for row in rates.values() for r in row.values() if not math.isnan(r)]
                signs = {int(np.sign(r)) for r in known}
                every = {-1: "negative", 1: "positive", 0: "0"}
                said = f"every rate is {every[min(signs)]}" if len(signs) == 1 else "no border at any T"
                assert words.endswith(said if known else "no rate")


def test_no_number_can_be_changed_unseen():
    """Another number in the place of any one of a sentence's is found out."""
    changed = 0
    for seed in range(12):
        found = drawn.sweep(np.random.default_rng(seed))
        raw, rows = Raw(found), results.groups(found.run)
        texts = [
            (hold_verdict, verdict.sweep_verdict(rows)),
            (hold_summary, sweep_sentences.verdict(found.run.norms)),
        ]
        for hold, text in texts:
            for digits in re.finditer(r"(?<![\w=.])\d+\.\d+", text):
                start, end = digits.span()
                lie = f"{text[:start]}{float(digits[0]) * 1.3 + 0.7:g}{text[end:]}"
                with pytest.raises(AssertionError):
                    hold(lie, raw)
                changed += 1
    assert changed > 60


@pytest.mark.parametrize(
    "clause",
    [
        "elman vanishes below and explodes above the measured border at w_rec = 1.118",
        "the gradient reaches back furthest in elman at w_rec = 0.9, not down by 10^3 at lag 30",
    ],
)
def test_a_form_that_nobody_knows_is_an_error(clause):
    found = drawn.sweep(np.random.default_rng(1))
    text = verdict.sweep_verdict(results.groups(found.run))
    with pytest.raises(AssertionError, match="no test knows"):
        hold_verdict(f"{text[:-1]}; {clause}.", Raw(found))
