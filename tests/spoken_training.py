"""What stands under figures and tables of a comparison: captions, footers, meanings of columns."""

import math
import re

import numpy as np
from scipy import stats
from scipy.sparse.csgraph import connected_components

from gradlab.plots import start_and_end
from gradlab.report import captions
from gradlab.report.tabular import of
from gradlab.studies.remedies import forecast
from gradlab.studies.remedies import table as _remedies
from tests.spoken import NUM, Forms, is_printed, list_of, named, one_of, source, value
from tests.spoken_comparisons import median, names_of, rates, seeds_needed


def hold_captions(run, rows):
    names = names_of(rows)
    forms = Forms(name=one_of(names), names=list_of(one_of(names)))
    n = next(iter(rows.values())).n

    @forms.form(
        r"(?P<whole>\d+) of (?P<of>\d+) solved the task with all seeds(?: \((?P<those><<names>>)\))?, "
        r"(?P<some>\d+) with some and (?P<none>\d+) with no seed(?: \((?P<these><<names>>)\))?\."
    )
    def _(whole, of, those, some, none, these):
        all_, nobody = ([r for r in rows.values() if r.solved == want] for want in (n, 0))
        assert (int(whole), int(none), int(of)) == (len(all_), len(nobody), len(rows))
        assert int(some) == len(rows) - len(all_) - len(nobody)
        for text, those_rows in ((those, all_), (these, nobody)):
            assert (
                {names[name] for name in named(text, names)[0]} == set(those_rows) if text else not those_rows
            )

    lost = r"(?:; it is not finite for (?P<lost>\d+) of (?P<of>\d+))?\."
    last = "The last loss on fresh sequences, median over seeds, "
    finite = [row for row in rows.values() if math.isfinite(row.loss.middle)]

    def check_lost(lost, of):
        assert int(lost or 0) == len(rows) - len(finite)
        assert int(of or len(rows)) == len(rows)

    @forms.form(r"No arm has a loss that is finite\.")
    def _():
        assert not finite

    @forms.form(rf"{last}is (?P<loss><<num>>)(?: \((?P<name><<name>>)\)| for all (?P<n>\d+)){lost}")
    def _(loss, name, n, lost, of):
        assert all(is_printed(loss, row.loss.middle) for row in finite)
        assert len(finite) == int(n or 1)
        assert not name or finite == [names[name]]
        check_lost(lost, of)

    @forms.form(
        rf"{last}lies between (?P<a><<num>>) \((?P<a_of><<name>>)\) and (?P<b><<num>>) "
        rf"\((?P<b_of><<name>>)\){lost}"
    )
    def _(a, a_of, b, b_of, lost, of):
        for loss, name, best in ((a, a_of, min), (b, b_of, max)):
            assert is_printed(loss, names[name].loss.middle)
            assert names[name].loss.middle == best(row.loss.middle for row in finite)
        check_lost(lost, of)

    @forms.form(r"No rank correlation: the (?P<n>\d+) starts? are too few or too much alike\.")
    def _(n):
        eases, shares, _, starts = eases_of(rows)
        assert int(n) == starts
        assert starts < 4 or len(set(shares)) == 1 or np.ptp(eases) == 0

    @forms.form(r"(?P<said>Forecast from the start alone: .*)")
    def _(said):
        hold_rank(rows, said)

    for name in ("solved", "learning_curves", "trainability"):
        forms.hold(captions.caption(run, name, None))


def eases_of(rows):
    """How far each start lets expect to train, as a share of T, the shares that did, T, and how many starts.

    Rows are of one start if they are of one arm, or if their profiles before training are the same.
    """
    found = []
    for row in rows.values():
        slopes = rates(row.logs[0])
        if len(slopes):
            reach = 1 + 3 / max(abs(float(np.median(slopes))), 1e-12)
            found.append((row, (min(reach, row.hard) if row.hard >= 0 else reach) / row.T))
    ends = lambda row: [log[-1] for log in row.logs[0] if not math.isnan(log[-1])] or [math.nan]
    profile = lambda row: [row.T, median(rates(row.logs[0])), median(ends(row))]
    # Those without a rate lead from one row to another, too.
    every = list(rows.values())
    same = np.array(
        [
            [
                one.w == other.w
                and (one.arm == other.arm or (one.cell == other.cell and _alike(profile, one, other)))
                for other in every
            ]
            for one in every
        ]
    )
    _, number = connected_components(same, directed=False)
    start = {id(row): int(one) for row, one in zip(every, number, strict=True)}
    points = {}
    for row, ease in found:
        points.setdefault((start[id(row)], row.T), []).append((ease, row.solved / row.n))
    means = [np.mean(some, axis=0) for some in points.values()]
    lengths = [T for _, T in points]
    return [one[0] for one in means], [one[1] for one in means], lengths, len({one for one, _ in points})


def _alike(profile, one, other):
    if not len(rates(one.logs[0])) or not len(rates(other.logs[0])):
        return False
    return np.array_equal(profile(one), profile(other), equal_nan=True)


def hold_rank(rows, said):
    """The sentence of the forecast: its numbers, and whether it may be called skill."""
    rank, low, high, n, by_T, none = re.fullmatch(
        rf"Forecast from the start alone: rank correlation ({NUM}) \(95 % interval ({NUM}) to ({NUM}), "
        rf"(\d+) starts\) between the reach of the gradient and the share solved(?:, where 1/T alone has "
        rf"({NUM}))?(: no skill)?\.",
        said,
    ).groups()
    eases, shares, lengths, starts = eases_of(rows)
    assert int(n) == starts >= 4
    r = float(stats.spearmanr(eases, shares).statistic)
    assert is_printed(rank, r)
    assert value(low) <= value(rank) <= value(high)
    several = len(set(lengths)) > 1
    assert (by_T is not None) == several
    other = float(stats.spearmanr(-np.array(lengths), shares).statistic) if several else -math.inf
    assert by_T is None or is_printed(by_T, other)
    if abs(value(low)) > 0.005:
        assert (none is None) == (value(low) > 0 and other < r - 1e-12)


def hold_ends(run, rows):
    """The sentence under the profiles before and after: at the longest T and the first w_rec."""
    text = start_and_end.sentence(run)
    T, w = max(row.T for row in rows.values()), next(iter(rows.values())).w
    several = len({row.w for row in rows.values()}) > 1
    n = next(iter(rows.values())).n
    at = f" at w_rec = {w:g}" if several else ""
    over = ", median over seeds" if n > 1 else ""
    head = f"The transport over {T} steps{at}{over}, start -> end of training: "
    assert text.startswith(head), (text, head)
    end = rf"(10\^{NUM}|exactly 0|no norm|not finite)"
    arms = list(dict.fromkeys(row.arm for row in rows.values()))
    for arm, part in zip(arms, text[len(head) : -1].split("; "), strict=True):
        found = re.fullmatch(rf"{re.escape(arm)} {end} -> {end}", part)
        assert found, part
        for words, logs in zip(found.groups(), rows[arm, T, w].logs, strict=True):
            last = [log[-1] for log in logs if not math.isnan(log[-1])]
            if words == "no norm":
                assert not last
            elif words == "exactly 0":
                assert median(last) == -math.inf
            else:
                assert is_printed(words.removeprefix("10^"), median(last))


def hold_footer(run, rows):
    """What the terminal says under its table: where the rates come from, chance, and how N was chosen."""
    settings, outcomes = run.about["settings"], run.outcomes()
    text = " ".join(_remedies._caption(run, outcomes, 10_000)).strip()
    text, _, shows = text.partition(" What ")
    hold_power(shows, rows)
    fitted = [row.fitted for row in rows.values()]
    rate = re.search(r"; lr: (.*?)\. updates: ", text)[1]
    given = ", ".join(f"{r:g}" for r in settings["lr"])
    if all(fitted):
        assert rate == "none, readout fitted in closed form"
    else:
        one = f"{given}, the only one given"
        seeds = "1 seed that is" if settings["tuning"] == 1 else f"{settings['tuning']} seeds that are"
        wide = ", and beyond while the best was the least or the largest,"
        many = f"chosen from {given}{wide if settings['widen'] else ''} on {seeds} not judged"
        tail = " (-: readout fitted in closed form)" if any(fitted) else ""
        assert rate == (one if len(settings["lr"]) == 1 else many) + tail
    known = {row.T: row.chance for row in rows.values() if not math.isnan(row.chance)}
    chance = re.search(r" Chance loss (.*)\.$", text)
    assert bool(chance) == bool(known)
    if chance and len(set(known.values())) > 1:
        found = re.findall(rf"({NUM}) at T = (\d+)", chance[1])
        assert {int(T) for _, T in found} == set(known)
        assert all(is_printed(loss, known[int(T)]) for loss, T in found)
    elif chance:
        assert is_printed(chance[1], next(iter(known.values())))
    counts = sorted(set(run.table["parameters"]))
    units = re.search(r"; (N chosen .*?|equal N.*?); lr: ", text)[1]
    numbers = [int(n) for n in re.findall(r"\d+", units)]
    assert ("chosen" in units) == settings["match"]
    if settings["match"] or len(counts) > 1:
        assert numbers == ([counts[0]] if len(counts) == 1 else [counts[0], counts[-1]])
    else:
        assert units == "equal N"
    if said := forecast.said(outcomes, lambda number: f"{number:+.2f}"):
        hold_rank(rows, said)


def hold_power(text, rows):
    """What so many seeds can show of the plain arm and the others, and of all pairs."""
    n, arms = next(iter(rows.values())).n, len({row.arm for row in rows.values()})
    places = len(rows) // arms
    if arms == 1:
        assert not text
        return
    asked = {(arms - 1) * places, math.comb(len(rows), 2)}
    found = re.findall(r"(\d+) pairs?: (?:yes|no, it takes (\d+))", text)
    assert {int(pairs) for pairs, _ in found} == asked
    for pairs, takes in found:
        needed = seeds_needed(int(pairs))
        assert (int(takes) == needed > n) if takes else n >= needed
    head, most = re.match(r"(\d+) seeds?", text), re.search(r"enough (?:among (\d+) pair|for no pair)", text)
    assert int(head[1]) == n
    assert seeds_needed(int(most[1] or 0) + 1) > n
    assert most[1] is None or seeds_needed(int(most[1])) <= n


def hold_table(run, rows):
    """The table of the report: what its columns mean, and that a fitted arm shows no learning rate."""
    (table,) = of(source(run))
    column = [c.name for c in table.columns].index("learning rate")
    shown = [line[column].value for line in table.rows]
    assert [value is None for value in shown] == [row.fitted for row in rows.values()]
    meaning = table.columns[column].meaning
    assert ("closed form" in meaning) == any(row.fitted for row in rows.values())
    tuned = not all(row.fitted for row in rows.values()) and len(run.about["settings"]["lr"]) > 1
    assert ("chosen on seeds" in meaning) == tuned
    assert table.caption.startswith(">T: the horizon lies beyond the sequence.")
