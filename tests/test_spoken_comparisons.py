"""Every sentence that a comparison prints, against the networks of its table and their profiles."""

import math
import re
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from gradlab.plots import start_and_end
from gradlab.report import captions, verdict
from gradlab.report.tabular import of
from gradlab.stats import rank_test
from gradlab.studies.remedies import table as _remedies
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.remedies.sentences import judged, sentences
from tests import drawn
from tests.spoken import NUM, Forms, is_printed, list_of, named, one_of, source
from tests.tiers import hundreds

FEW = 4


# What the raw numbers say, worked out again.


def median(x):
    x = sorted(x)
    return (x[(len(x) - 1) // 2] + x[len(x) // 2]) / 2


def median_interval(x):
    """The median, the narrowest pair of sorted values that holds it in 95 % of all cases, and its level."""
    x, n = sorted(x), len(x)
    if n < 2:
        return SimpleNamespace(middle=median(x), low=math.nan, high=math.nan, level=math.nan)
    levels = [1 - 2 * stats.binom.cdf(k, n, 0.5) for k in range((n + 1) // 2)]
    k = max((k for k, level in enumerate(levels) if level >= 0.95), default=0)
    return SimpleNamespace(middle=median(x), low=x[k], high=x[n - 1 - k], level=levels[k])


def of_shares(row, other):
    """Fisher's exact test of two shares, by scipy."""
    return stats.fisher_exact([[one.solved, one.n - one.solved] for one in (row, other)]).pvalue


def of_losses(row, other):
    """Mann and Whitney's test; 1 where the medians and the ranks do not say the same."""
    above = sum(int(a > b) - int(a < b) for a in row.each for b in other.each)
    side = int(row.loss.middle > other.loss.middle) - int(row.loss.middle < other.loss.middle)
    if above * side <= 0:
        return 1.0
    if len({*row.each, *other.each}) < row.n + other.n:
        return rank_test(np.array(row.each), np.array(other.each))
    return stats.mannwhitneyu(row.each, other.each, method="exact").pvalue


def told(best, others, test, pairs, tied=False):
    """The others that the best is told from: all by 5 % each, or some by 5 % over all pairs."""
    found = [test(best, row) for row in others]
    if not tied and all(p <= 0.05 + 1e-12 for p in found):
        return list(others)
    return [row for row, p in zip(others, found, strict=True) if p <= 0.05 / pairs + 1e-12]


def beside(rows):
    """What arms are set beside: the plain one of their place, whether they are told from it, of how many."""
    plain = {(row.T, row.w): row for row in rows.values() if row.arm == "none"}
    pairs = [
        (row, plain[at]) for row in rows.values() if row.arm != "none" and (at := (row.T, row.w)) in plain
    ]
    found = [(of_shares if one.solved or other.solved else of_losses)(one, other) for one, other in pairs]
    # Holm's correction: each p, by its rank, and no less than those of lower ranks.
    order = np.argsort(found, kind="stable")
    adjusted = np.maximum.accumulate([(len(found) - k) * found[i] for k, i in enumerate(order)])
    known = {id(pairs[i][0]): p <= 0.05 + 1e-12 for i, p in zip(order, adjusted, strict=True)}
    some = {id(row): (plain, known[id(row)], len(pairs)) for row, plain in pairs}
    return [some.get(id(row)) for row in rows.values()]


def seeds_needed(pairs):
    """All against none is the rarest outcome of Fisher's test, and of the ranks."""
    few = range(1, 30)
    return next(n for n in few if pairs * stats.fisher_exact([[n, 0], [0, n]]).pvalue <= 0.05 + 1e-12)


def percent(level):
    return f"{math.floor(100 * level + 1e-6)} %"


def horizon(logs, T):
    """The median lag by which a transport has fallen by 10^3; infinite if it has not, or nothing is known."""
    found = []
    for log in logs:
        known = np.flatnonzero(~np.isnan(log))
        at = [k for k in known if log[0] - log[k] >= 3]
        if not at:
            found.append(math.inf)
            continue
        k = at[0]
        a, b = log[0] - log[k - 1], log[0] - log[k]
        found.append(float(k) if math.isinf(b) else k - (b - 3) / (b - a))
    return median(found)


def rates(logs):
    """The Theil-Sen slope of every profile that has two finite norms."""
    found = []
    for log in logs:
        lags = np.flatnonzero(np.isfinite(log))
        if len(lags) > 1:
            steps = np.diff(log[lags])
            # What is straight needs no fit.
            straight = np.ptp(steps) < 1e-12 and np.ptp(np.diff(lags)) == 0
            found.append(
                steps[0] / (lags[1] - lags[0]) if straight else stats.theilslopes(log[lags], lags).slope
            )
    return np.array(found)


class Row:
    """One (arm, T, w_rec), from the table and the profiles alone."""

    def __init__(self, run, arm, T, w, fitted):
        table = run.table
        some = table[(table["arm"] == arm) & (table["T"] == T) & (table["w_rec"] == w)]
        self.arm, self.T, self.w, self.n, self.fitted = arm, T, w, len(some), fitted
        self.solved, self.broken = int((some["solved_at"] > 0).sum()), some["broken_at"].to_numpy() > 0
        self.share = stats.binomtest(self.solved, self.n).proportion_ci(0.95, "exact")
        self.updates = median(some["solved_at"][some["solved_at"] > 0]) if self.solved else math.nan
        self.each = np.where(self.broken, math.inf, some["loss"])
        self.loss = median_interval(self.each)
        self.chance = run.about.get("chance", {}).get(str(T), math.nan)
        self.what = set(some["broken_what"][self.broken])
        self.changed, self.cosine = some["changed"].mean(), some["cosine"].mean()
        log = run.norms["transport"].sel(arm=arm, T=T, w_rec=w).values[..., : T + 1]
        self.logs = log[:, 0], log[:, 1]
        self.horizons = [horizon(one, T) for one in self.logs]
        self.slopes = rates(self.logs[1])
        adjoint = run.norms["adjoint"].sel(arm=arm, T=T, w_rec=w).values[:, 0, : T + 1]
        hard = [
            np.flatnonzero(np.isfinite(a)).max()
            for a in adjoint
            if a[-1] == -math.inf and np.isfinite(a).any()
        ]
        self.hard = median(hard) if hard else math.nan


def raw(found):
    """The rows in the order of the table, by (arm, T, w_rec)."""
    keys = found.run.table[["arm", "T", "w_rec"]].drop_duplicates().itertuples(index=False)
    return {tuple(key): Row(found.run, *key, key[0] in found.fitted) for key in keys}


def names_of(rows):
    """Each row by the name under which sentences speak of it."""
    Ts, gains = ({getattr(row, what) for row in rows.values()} for what in ("T", "w"))
    found = {}
    for row in rows.values():
        place = [f"T = {row.T:g}"] * (len(Ts) > 1) + [f"w_rec = {row.w:g}"] * (len(gains) > 1)
        found[f"{row.arm} ({', '.join(place)})" if place else row.arm] = row
    return found


def check_median(found, middle, level, low, high):
    """A printed median with the interval beside it, which is there if there is one."""
    assert is_printed(middle, found.middle), (middle, found)
    assert (low is None) == math.isnan(found.level)
    if low is not None:
        assert f"{level} %" == percent(found.level)
        assert is_printed(low, found.low)
        assert is_printed(high, found.high)


def median_form(name):
    ends = rf"(?P<{name}_low>{NUM}) to (?P<{name}_high>{NUM})"
    return rf"(?P<{name}>{NUM})(?: \((?P<{name}_level>\d+) % interval {ends}\))?"


# The forms of the sentence of one arm.


def hold_sentence(text, row, compared):
    """One sentence; everything that it has to say, it says. `compared` is as `beside` has it."""
    forms, said = Forms(), []

    @forms.form("readout fitted in closed form, no gradient followed")
    def _():
        assert row.fitted
        said.append("fitted")

    @forms.form(
        r"changed the gradient in (?:(?P<share>\d+)%|less than 1%) of the updates"
        r"(?: and turned it \(mean cosine (?P<cosine><<num>>)\))?"
    )
    def _(share, cosine):
        assert abs(100 * row.changed - int(share)) <= 0.51 if share else 0 < row.changed < 0.01
        assert is_printed(cosine, row.cosine) if cosine else row.cosine > 0.999
        said.append("changed")

    @forms.form(r"at the start nothing comes from beyond lag (?P<lag><<num>>)")
    def _(lag):
        assert is_printed(lag, row.hard)
        said.append("hard")

    @forms.form(r"horizon (?P<start>>?\d+) -> (?P<end>>?\d+)")
    def _(start, end):
        for shown, lag in zip((start, end), row.horizons, strict=True):
            if math.isinf(lag):
                assert shown == f">{row.T}"
            else:
                assert abs(int(shown) - lag) <= 0.5 + 1e-9
        said.append("horizon")

    @forms.form(r"(?P<lost>\d+) of (?P<n>\d+) diverged \((?P<what>\w+) not finite\)")
    def _(lost, n, what):
        assert (int(lost), int(n)) == (row.broken.sum(), row.n)
        assert what in row.what
        said.append("diverged")

    @forms.form(r"solved by (?:all (?P<all>\d+) seeds|the only seed|(?P<some>\d+) of (?P<n>\d+) seeds)")
    def _(some, n, **found):
        assert int(some or found["all"] or 1) == row.solved > 0
        assert int(n or found["all"] or 1) == row.n
        said.append("solved")

    who = r"not solved within the budget by (?:any of (?P<n>\d+) seeds|the only seed)"
    loss = median_form("loss")

    def unsolved(n):
        assert row.solved == 0
        assert int(n or 1) == row.n
        said.append("solved")

    @forms.form(who)
    def _(n):
        unsolved(n)
        assert row.broken.all() or math.isnan(row.loss.middle)

    @forms.form(rf"{who}, but loss {loss} is far below the (?P<chance><<num>>) of chance")
    def _(n, loss, loss_level, loss_low, loss_high, chance):
        unsolved(n)
        check_median(row.loss, loss, loss_level, loss_low, loss_high)
        assert is_printed(chance, row.chance)
        assert row.loss.high < row.chance / 2

    @forms.form(rf"{who}, loss {loss}(?: against (?P<chance><<num>>) of chance)?")
    def _(n, loss, loss_level, loss_low, loss_high, chance):
        unsolved(n)
        check_median(row.loss, loss, loss_level, loss_low, loss_high)
        assert is_printed(chance, row.chance) if chance else math.isnan(row.chance)
        # What is far below chance is said to be.
        assert not row.loss.high < row.chance / 2

    if compared is not None:
        hold_beside(forms, said, row, *compared)

    @forms.form(
        r"at the end of training the transport (?P<does>vanishes|explodes) \((?P<rate><<num>>) decades per "
        r"step, 95 % interval (?P<low><<num>>) to (?P<high><<num>>)\)"
    )
    def _(does, rate, low, high):
        ends = stats.t.interval(0.95, len(row.slopes) - 1, row.slopes.mean(), stats.sem(row.slopes) + 1e-300)
        assert is_printed(rate, row.slopes.mean())
        assert is_printed(low, ends[0])
        assert is_printed(high, ends[1])
        band = math.log10(2) / row.T
        assert ends[1] < -band if does == "vanishes" else ends[0] > band

    for clause in text.split("; "):
        forms.hold(clause)
    known = {"fitted": row.fitted, "changed": row.changed > 0, "diverged": row.broken.any()}
    known |= {"horizon": True, "solved": True, "beside": compared is not None}
    known |= {"hard": not math.isnan(row.hard) and not row.fitted}
    assert sorted(said) == sorted(name for name, there in known.items() if there)


def hold_beside(forms, said, row, plain, apart, every):
    """The clauses that set an arm beside the plain one."""
    count = r"\((?P<count>\d+) of (?P<n>\d+)\)"

    def counted(count, n, pairs):
        assert (int(count), int(n), int(pairs or 1)) == (plain.solved, plain.n, every)
        assert min(row.n, plain.n) >= seeds_needed(every)
        said.append("beside")

    @forms.form(
        r"too few seeds to compare with the plain arm \(at least (?P<least>\d+)"
        r"(?: for (?P<pairs>\d+) pairs)?\)"
    )
    def _(least, pairs):
        assert min(row.n, plain.n) < int(least) == seeds_needed(every)
        assert int(pairs or 1) == every
        said.append("beside")

    over = r"(?:, Holm over (?P<pairs>\d+) pairs)?"
    by = rf"\((?P<count>\d+) of (?P<n>\d+), Fisher's exact test at 5 %{over}\)"

    @forms.form(rf"(?P<side>more|fewer) seeds than of the plain arm {by}")
    def _(side, count, n, pairs):
        counted(count, n, pairs)
        assert (row.solved / row.n > plain.solved / plain.n) == (side == "more")
        assert apart

    @forms.form(rf"as many seeds as of the plain arm {count}")
    def _(count, n):
        counted(count, n, every)
        assert row.solved == plain.solved > 0

    @forms.form(rf"not told apart from the plain arm by the seeds that solved it {by}")
    def _(count, n, pairs):
        counted(count, n, pairs)
        assert not apart
        assert row.solved != plain.solved

    theirs, sides = median_form("theirs"), r"(?P<side>below|above|not told apart from)"

    @forms.form(rf"its loss is {sides} the plain arm's {theirs} by the Mann-Whitney test at 5 %{over}")
    def _(side, theirs, theirs_level, theirs_low, theirs_high, pairs):
        counted(plain.solved, plain.n, pairs)
        check_median(plain.loss, theirs, theirs_level, theirs_low, theirs_high)
        assert row.solved == plain.solved == 0
        below = {"below": apart and row.loss.middle < plain.loss.middle}
        below |= {"above": apart and row.loss.middle > plain.loss.middle}
        assert below.get(side, not apart)


# The headline.


def hold_judged(text, rows):
    names = names_of(rows)
    forms = Forms(name=one_of(names), names=list_of(one_of(names)))
    kind = "arms" if len({(row.T, row.w) for row in rows.values()}) == 1 else "rows"
    most = max(row.solved / row.n for row in rows.values())
    best = [row for row in rows.values() if row.solved / row.n == most]
    others = [row for row in rows.values() if row.solved / row.n < most]
    count = r"(?P<count>\d+) of (?P<n>\d+) seeds"
    after = r"(?:, (?P<updates>\d+) updates \(median\))?"

    def check(count, n, row, updates):
        assert (int(count), int(n)) == (row.solved, row.n)
        assert row in best
        if updates is None:
            assert row.fitted or len(best) > 1
        else:
            assert is_printed(updates, row.updates)

    def listed(text, rows):
        """A list names some of these rows and counts the rest."""
        some, more = named(text, names)
        assert all(names[name] in rows for name in some)
        assert len(some) + more == len(rows)

    @forms.form(rf"(?P<name><<name>>): {count} solved the task{after}")
    def _(name, count, n, updates):
        assert len(rows) == 1
        check(count, n, names[name], updates)

    @forms.form(
        rf"Best: (?P<name><<name>>), {count} solved{after}; more than of every other "
        r"\(Fisher's exact test at 5 %\)"
    )
    def _(name, count, n, updates):
        check(count, n, names[name], updates)
        assert len(best) == 1
        assert names[name].n >= FEW
        assert all(of_shares(names[name], row) <= 0.05 for row in others)

    @forms.form(
        rf"Most seeds solved: (?P<names_><<names>>), {count}"
        r"(?: each \((?P<tied>\d+) of (?P<of>\d+) (?P<kind_>arms|rows)\))?"
        rf"{after}(?:; (?P<few>too few seeds to compare \(at least 4\)))?"
        r"(?:; told apart from (?P<apart><<names>>))?(?:; not told apart from (?P<near><<names>>))?"
        r"(?P<by> \(Fisher's exact test at 5 %(?: over all (?P<pairs>\d+) pairs)?\))?"
    )
    def _(names_, count, n, tied, of, kind_, updates, few, apart, near, by, pairs):
        check(count, n, best[0], updates)
        listed(names_, best)
        assert (int(tied or 1), int(of or len(rows)), kind_ or kind) == (len(best), len(rows), kind)
        assert bool(few) == (best[0].n < FEW)
        every = math.comb(len(rows), 2)
        beaten = told(best[0], others, of_shares, every, tied=len(best) > 1)
        assert bool(by) == bool(apart or near)
        assert int(pairs or 1) == (every if by else 1)
        if not few:
            assert bool(apart) == bool(beaten)
            assert bool(near) == (len(beaten) < len(others))
            # Who is alone ahead of all others is said to be the best.
            assert len(best) > 1 or len(beaten) < len(others)
        if apart:
            listed(apart, beaten)
        if near:
            listed(near, [row for row in others if row not in beaten])

    none, loss = r"(?:No arm solved the task|Not solved) within the budget; ", median_form("loss")

    @forms.form(rf"{none}no loss is finite")
    def _():
        assert most == 0
        assert not any(math.isfinite(row.loss.middle) for row in rows.values())

    @forms.form(
        rf"{none}(?:its loss is|the least loss is) {loss}(?:, of (?P<name><<name>>))?"
        r"(?:, where chance is (?P<chance><<num>>))?(?:; not told apart from (?P<near><<names>>) "
        r"\(Mann-Whitney test at 5 %(?: over all (?P<pairs>\d+) pairs)?\))?"
        r"(?:; (?P<few>too few seeds to compare \(at least 4\)))?"
    )
    def _(loss, loss_level, loss_low, loss_high, name, chance, near, pairs, few):
        assert most == 0
        row = names[name] if name else next(iter(rows.values()))
        assert bool(name) == (len(rows) > 1)
        check_median(row.loss, loss, loss_level, loss_low, loss_high)
        known = [one.loss.middle for one in rows.values() if math.isfinite(one.loss.middle)]
        assert row.loss.middle == min(known)
        assert is_printed(chance, row.chance) if chance else math.isnan(row.chance)
        every, others = math.comb(len(rows), 2), [one for one in rows.values() if one is not row]
        assert bool(few) == (row.n < FEW and len(rows) > 1)
        apart = others if few else told(row, others, of_losses, every)
        rivals = [one for one in others if one not in apart]
        assert bool(near) == bool(rivals)
        assert int(pairs or 1) == (every if near else 1)
        if near:
            listed(near, rivals)

    assert text.endswith(".")
    forms.hold(text[:-1])


# Captions, footers and tables.


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

    rank = r"(?P<rank><<num>>) \(95 % interval (?P<low><<num>>) to (?P<high><<num>>), (?P<n>\d+) points?\)"

    @forms.form(r"No rank correlation: the (?P<n>\d+) points? are too few or too much alike\.")
    def _(n):
        eases, shares = eases_of(rows)
        assert int(n) == len(eases)
        assert len(eases) < 4 or len(set(shares)) == 1 or np.ptp(eases) == 0

    @forms.form(
        rf"Rank correlation between the reach of the gradient at the start and the share solved: {rank}\."
    )
    def _(rank, low, high, n):
        check_rank(rows, rank, low, high, n)

    for name in ("solved", "learning_curves", "trainability"):
        forms.hold(captions.caption(run, name, None))


def eases_of(rows):
    """How far each start lets expect to train, as a share of T, and the shares that did."""
    found = []
    for row in rows.values():
        slopes = rates(row.logs[0])
        if len(slopes):
            reach = 1 + 3 / max(abs(float(np.median(slopes))), 1e-12)
            found.append((min(reach, row.hard) if row.hard >= 0 else reach, row.T, row.solved / row.n))
    return [reach / T for reach, T, _ in found], [share for *_, share in found]


def check_rank(rows, rank, low, high, n):
    eases, shares = eases_of(rows)
    assert int(n) == len(eases)
    assert is_printed(rank, float(stats.spearmanr(eases, shares).statistic))
    assert float(low.replace("−", "-")) <= float(rank.replace("−", "-")) <= float(high.replace("−", "-"))


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
    fitted = [row.fitted for row in rows.values()]
    rate = re.search(r"; lr: (.*?)\. updates: ", text)[1]
    given = ", ".join(f"{r:g}" for r in settings["lr"])
    if all(fitted):
        assert rate == "none, readout fitted in closed form"
    else:
        one = f"{given}, the only one given"
        seeds = "1 seed that is" if settings["tuning"] == 1 else f"{settings['tuning']} seeds that are"
        many = f"chosen from {given} on {seeds} not judged"
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
    for line in _remedies._forecast(outcomes, 10_000):
        found = re.fullmatch(
            rf"Forecast from the start alone: rank correlation ({NUM}) \(95 % interval ({NUM}) to ({NUM}), "
            r"(\d+) points\) between the reach of the gradient and the share solved\.",
            line,
        )
        assert found, line
        check_rank(rows, *found.groups())


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


def hold_comparison(seed):
    found = drawn.comparison(np.random.default_rng(seed))
    run, rows = found.run, raw(found)
    outcomes = run.outcomes()
    texts = sentences(outcomes)
    for text, row, compared in zip(texts, rows.values(), beside(rows), strict=True):
        hold_sentence(text, row, compared)
    hold_judged(judged(outcomes), rows)
    # All others ask for the same rows; to find them takes the most of the time.
    with mock.patch.object(TrainingRun, "outcomes", return_value=outcomes):
        assert [said for _, said in verdict.details(source(run))] == [f"{text}." for text in texts]
        assert verdict.verdict(source(run)) == judged(outcomes)
        hold_captions(run, rows)
        hold_ends(run, rows)
        hold_footer(run, rows)
        hold_table(run, rows)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_every_sentence_of_a_comparison_says_what_its_networks_did(first):
    for seed in range(first, first + 20):
        hold_comparison(seed)


@pytest.mark.parametrize("first", hundreds(slow=6, long=14))
def test_every_sentence_of_many_comparisons(first):
    for seed in range(first, first + 100):
        hold_comparison(seed)


def test_no_number_can_be_changed_unseen():
    """Another number in the place of any one of a sentence's is found out."""
    changed = 0
    for seed in range(12):
        found = drawn.comparison(np.random.default_rng(seed))
        rows, outcomes = raw(found), found.run.outcomes()
        held = [
            (text, lambda lie, row=row, compared=compared: hold_sentence(lie, row, compared))
            for text, row, compared in zip(sentences(outcomes), rows.values(), beside(rows), strict=True)
        ]
        for text, hold in [*held, (judged(outcomes), lambda lie, rows=rows: hold_judged(lie, rows))]:
            for digits in re.finditer(r"(?<![\w=.^])\d+(?:\.\d+)?(?![\w.])", text):
                start, end = digits.span()
                lie = f"{text[:start]}{float(digits[0]) * 1.3 + 1:.4g}{text[end:]}"
                with pytest.raises((AssertionError, ValueError, KeyError)):
                    hold(lie)
                changed += 1
    assert changed > 300


@pytest.mark.parametrize(
    "clause",
    [
        "did not help: the gradient was vanishing, not exploding",
        "a linear readout of this reservoir is not enough",
    ],
)
def test_a_form_that_nobody_knows_is_an_error(clause):
    found = drawn.comparison(np.random.default_rng(1))
    text, row = sentences(found.run.outcomes())[0], next(iter(raw(found).values()))
    with pytest.raises(AssertionError, match="no test knows"):
        hold_sentence(f"{text}; {clause}", row, None)
