"""The sentences under the figures of a sweep: the forms that they have, and what each asserts."""

import math
import re

import numpy as np

from gradlab.report import captions
from tests.spoken import NUM, Forms, is_printed, list_of, one_of
from tests.spoken_sweeps import check_crossing


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
