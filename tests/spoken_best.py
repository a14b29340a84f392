"""The headline of a comparison: the forms that it has, and what each asserts."""

import math

from tests.spoken import Forms, is_printed, list_of, named, one_of
from tests.spoken_comparisons import (
    FEW,
    check_median,
    median_form,
    names_of,
    of_losses,
    of_shares,
    seeds_needed,
    told,
)


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

    def check_few(text, asked, row, pairs):
        """What so few seeds can never show is said, with how many could."""
        assert bool(text) == (asked and row.n < seeds_needed(pairs))
        if text:
            among = f" for {pairs} pairs" if pairs > 1 else ""
            assert text == f"too few seeds to compare (at least {seeds_needed(pairs)}{among})"

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
        rf"{after}(?:; (?P<few>too few seeds to compare \(at least \d+(?: for \d+ pairs)?\)))?"
        r"(?:; told apart from (?P<apart><<names>>))?(?:; not told apart from (?P<near><<names>>))?"
        r"(?P<by> \(Fisher's exact test at 5 %(?: over all (?P<pairs>\d+) pairs)?\))?"
    )
    def _(names_, count, n, tied, of, kind_, updates, few, apart, near, by, pairs):
        check(count, n, best[0], updates)
        listed(names_, best)
        assert (int(tied or 1), int(of or len(rows)), kind_ or kind) == (len(best), len(rows), kind)
        every = math.comb(len(rows), 2)
        check_few(few, bool(others), best[0], every)
        beaten = told(best[0], list(rows.values()), of_shares)
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
        r"(?:; (?P<few>too few seeds to compare \(at least \d+(?: for \d+ pairs)?\)))?"
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
        apart = told(row, list(rows.values()), of_losses)
        rivals = [one for one in others if one not in apart]
        check_few(few, bool(rivals), row, every)
        rivals = [] if few else rivals
        assert bool(near) == bool(rivals)
        assert int(pairs or 1) == (every if near else 1)
        if near:
            listed(near, rivals)

    assert text.endswith(".")
    forms.hold(text[:-1])
