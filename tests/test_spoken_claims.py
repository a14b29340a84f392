"""What findings say of claims about random runs, against the raw numbers that the claims are about."""

import math
import re

import numpy as np
import pytest

from gradlab.findings.claims import Claim
from gradlab.findings.judge import judge, summary
from tests import drawn
from tests.spoken import NUM, is_printed
from tests.spoken_comparisons import percent, raw
from tests.spoken_sweeps import Raw
from tests.tiers import hundreds

POINT = rf"(?P<middle>{NUM}|never)(?: \[(?P<low>{NUM}|never), (?P<high>{NUM}|never)\])?"
HOW = r" \((?:(?P<level>\d+) % interval, )?(?P<n>\d+) seeds?(?P<none>, no interval)?\)"


def printed(text, number):
    return math.isinf(number) if text == "never" else is_printed(text, number)


def check_point(sentence, row, value, named):
    """The place and the numbers of the point that decided; `row` is where the sentence says that it is."""
    found = re.match(rf"{POINT}{HOW}; claimed: ", sentence)
    assert found, sentence
    assert printed(found["middle"], value.middle), sentence
    assert int(found["n"]) == row.n
    assert (found["low"] is None) == bool(found["none"]) == (row.n < 2), sentence
    if row.n > 1:
        assert named is None or f"{found['level']} %" == named
        assert printed(found["low"], value.low), sentence
        assert printed(found["high"], value.high), sentence


class Value:
    def __init__(self, middle, low, high):
        self.middle, self.low, self.high = middle, low, high


def hold_losses(seed):
    """`loss below ...`: passed where every interval lies below, failed where one does not reach below."""
    found = drawn.comparison(np.random.default_rng(seed))
    rows = raw(found)
    claims = [Claim(f"{w}", "loss", {}, "below", w, {}) for w in (0.001, 0.05, 0.2, 3.0)]
    made = judge(found.run, claims)
    for claim, one in zip(claims, made, strict=True):
        place = re.match(
            r"loss at (?:(\d+) points, the first )?(.*), T = (\d+), w_rec = ([\d.]+): (.*)", one.sentence
        )
        assert place, one.sentence
        row = rows[place[2], int(place[3]), float(place[4])]
        assert not place[1] or int(place[1]) == len(rows)
        check_point(place[5], row, row.loss, percent(row.loss.level) if row.n > 1 else None)
        enough = [r.n > 1 and (1 - r.loss.level) / 2 <= 0.05 for r in rows.values()]
        holds = [r.loss.high < claim.wanted and e for r, e in zip(rows.values(), enough, strict=True)]
        fails = [r.loss.low >= claim.wanted and e for r, e in zip(rows.values(), enough, strict=True)]
        assert one.status == ("failed" if any(fails) else "passed" if all(holds) else "inconclusive")
        assert f"; claimed: below {claim.wanted:g}" in one.sentence
    hold_summary(made)


def hold_summary(made):
    count = {
        status: sum(one.status == status for one in made) for status in ("passed", "failed", "inconclusive")
    }
    found = re.fullmatch(
        r"(\d+) of (\d+) claims hold(?:, (\d+) failed)?(?:, (\d+) inconclusive)?\.", summary(made)
    )
    assert found
    said = [int(text or 0) for text in found.groups()]
    assert said == [count["passed"], len(made), count["failed"], count["inconclusive"]]


def hold_rates(seed):
    """`rate below 0` at one point, and the word of its regime."""
    found = drawn.sweep(np.random.default_rng(seed))
    facts = Raw(found)
    for (label, w), row in facts.rows.items():
        cell, init = facts.cells[label]
        where = {"cell": cell, "init": init, "w_rec": w, "T": facts.T}
        claims = [
            Claim("a", "rate", where, "below", 0.0, {}),
            Claim("b", "regime", where, "equals", "VANISH", {}),
        ]
        rate, word = judge(found.run, claims)
        place = f"{cell}, {init}, w_rec = {w:g}, T = {facts.T}: "
        for one in (rate, word):
            assert one.sentence.split(" at ", 1)[1].startswith(place), one.sentence
        if row.rated == row.n:
            check_point(rate.sentence.partition(place)[2], row, Value(row.rate, row.low, row.high), "95 %")
            decided = "passed" if row.high < 0 else "failed" if row.low >= 0 else "inconclusive"
            assert rate.status == decided
        else:
            assert rate.status == "failed"
        seeds = f"({row.n} seed{'s' * (row.n > 1)})"
        assert f"{place}{row.regime} {seeds}; claimed: equals VANISH" in word.sentence
        undecided = row.regime == "UNDECIDED" or (row.regime == "VANISH" and row.n < 2)
        assert word.status == (
            "inconclusive" if undecided else "passed" if row.regime == "VANISH" else "failed"
        )


@pytest.mark.parametrize("hold", [hold_losses, hold_rates])
def test_what_a_finding_says_is_what_the_numbers_bear(hold):
    for seed in range(12):
        hold(seed)


@pytest.mark.parametrize("hold", [hold_losses, hold_rates])
@pytest.mark.parametrize("first", hundreds(slow=2, long=3))
def test_what_many_findings_say(hold, first):
    for seed in range(first, first + 100):
        hold(seed)
