"""The sentences about arms: the forms that they have, and what each asserts."""

import math

import numpy as np
from scipy import stats

from tests.spoken import Forms, is_printed
from tests.spoken_comparisons import (
    check_median,
    median_form,
    seeds_needed,
)


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

    p = r"0%|<0\.1%|-?\d+(?:\.\d)?%"

    @forms.form(
        rf"(?P<start>{p}) -> (?P<end>{p}) of the recurrent weights' gradient from beyond lag (?P<lag>\d+)"
    )
    def _(start, end, lag):
        assert 0 < int(lag) < row.T
        for shown, share in zip((start, end), row.signal("gradient_share"), strict=True):
            far = share[:, int(lag) + 1 :].sum(axis=1)
            middle = 100 * float(np.nanmedian(far))
            off = 0 if shown == "0%" else 0.05 if "." in shown else 0.5
            small = abs(middle) < 0.1 and middle != 0
            assert small if shown[0] == "<" else abs(float(shown[:-1]) - middle) <= off + 1e-9

    @forms.form(
        r"statistical horizon (?P<start>none|\d+) -> (?P<end>none|\d+) with (?P<n>\d+) sequences"
        r"(?P<more> \(none: it takes more\))?"
    )
    def _(start, end, n, more):
        assert (int(n), bool(more)) == (128, "none" in (start, end))
        for shown, chance in zip((start, end), row.signal("target_chance"), strict=True):
            known = chance[~np.isnan(chance[:, 0])]
            each = [
                next((k for k, one in enumerate(seed) if not one <= 0.05), len(seed)) - 1 for seed in known
            ]
            middle = float(np.median(each))
            assert middle < 0 if shown == "none" else abs(int(shown) - middle) <= 0.5

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
