"""The sentences that a training ends in, by hand."""

import itertools
import math

import numpy as np
import pytest

from gradlab.stats import Interval
from gradlab.studies.remedies.rows import share
from gradlab.studies.remedies.sentences import judged, sentence, sentences
from tests.studies.remedies.test_rows import row
from tests.tiers import few

FAR = {
    "loss": 0.007,
    "losses": Interval(0.007, 0.003, 0.009, 0.9375),
    "seed_losses": (0.003, 0.005, 0.007, 0.008, 0.009),
}
ONE = {"solved": share(0, 1), "losses": Interval(0.17, math.nan, math.nan, math.nan)}
THREE = {"solved": share(0, 3), "seed_losses": (0.003, 0.007, 0.009)}


class TestSentence:
    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            (
                {},
                "horizon 12 -> 14; not solved within the budget by any of 5 seeds, loss 0.17 (93 % interval",
            ),
            ({}, "loss 0.17 (93 % interval 0.16 to 0.18) against 0.1667 of chance"),
            (FAR, "but loss 0.007 (93 % interval 0.003 to 0.009) is far below the 0.1667 of chance"),
            (ONE, "not solved within the budget by the only seed, loss 0.17 against 0.1667 of chance"),
            ({"chance": math.nan}, "by any of 5 seeds, loss 0.17 (93 % interval 0.16 to 0.18);"),
            ({"clipped": 0.4}, "changed the gradient in 40% of the updates; horizon 12 -> 14"),
            ({"clipped": 0.5, "cosine": 0.81}, "in 50% of the updates and turned it (mean cosine 0.81)"),
            ({"clipped": 0.001}, "changed the gradient in less than 1% of the updates"),
            (
                {"clipped": math.nan, "closed_form": True},
                "readout fitted in closed form, no gradient followed",
            ),
            (
                {"end": Interval(-0.2, -0.25, -0.15, 0.95)},
                "at the end of training the transport vanishes (-0.2 ",
            ),
            (
                {"end": Interval(0.1, 0.05, 0.15, 0.95)},
                "the transport explodes (+0.1 decades per step, 95 % inte",
            ),
            ({"hard": 10.0}, "at the start nothing comes from beyond lag 10"),
            ({"diverged": 5, "diverged_what": "loss"}, "5 of 5 diverged (loss not finite)"),
            ({"solved": share(5, 5)}, "solved by all 5 seeds"),
            ({"solved": share(1, 1)}, "solved by the only seed"),
            ({"solved": share(2, 5)}, "solved by 2 of 5 seeds"),
            ({"horizon": (math.nan, 7.4)}, "horizon >50 -> 7"),
        ],
    )
    def test_says_what_the_numbers_say(self, changed, words):
        assert words in sentence(row(**changed))

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            (FAR, "fitted"),
            ({"end": Interval(-0.2, -0.45, 0.05, 0.95)}, "at the end"),
            ({"end": Interval(-0.2, math.nan, math.nan, math.nan)}, "at the end"),
            ({"clipped": math.nan, "diverged": 5, "diverged_what": "loss"}, "closed form"),
            ({"diverged": 5, "diverged_what": "loss", "loss": math.inf}, "chance"),
        ],
    )
    def test_and_no_more(self, changed, words):
        assert words not in sentence(row(**changed))

    @pytest.mark.parametrize(
        ("changed", "plain", "words"),
        [
            # 2 of 252 splits of ten ranks are as far apart: p = 0.0079.
            (FAR, {}, "its loss is below the plain arm's 0.17 (93 % interval 0.16 to 0.18) by the Mann-Whit"),
            ({}, FAR, "its loss is above the plain arm's 0.007 (93 % interval 0.003 to 0.009) by the Mann-"),
            ({}, {}, "its loss is not told apart from the plain arm's 0.17 (93 % interval 0.16 to 0.18) by"),
            (FAR, {}, "to 0.18) by the Mann-Whitney test at 5 %"),
            (
                {"solved": share(5, 5)},
                {"solved": share(0, 5)},
                "more seeds than of the plain arm (0 of 5, Fisher's exact test at 5 %)",
            ),
            (
                {"solved": share(0, 10)},
                {"solved": share(6, 10)},
                "fewer seeds than of the plain arm (6 of 10, Fisher's exact test at 5 %)",
            ),
            ({"solved": share(5, 5)}, {"solved": share(5, 5)}, "as many seeds as of the plain arm (5 of 5)"),
            (
                {"solved": share(5, 5)},
                {"solved": share(2, 5)},
                "not told apart from the plain arm by the seeds that solved it (2 of 5, Fisher's exact tes",
            ),
            (THREE, THREE, "too few seeds to compare with the plain arm (at least 4)"),
            ({"solved": share(2, 2)}, {"solved": share(0, 2)}, "too few seeds to compare with the plain arm"),
        ],
    )
    def test_stands_beside_the_plain_arm_of_its_place(self, changed, plain, words):
        elsewhere = row(T=100, solved=share(7, 7))
        said = sentences([elsewhere, row(**plain), row(arm="lstm", **changed)])
        assert words in said[2]
        assert "Holm" not in said[2]
        assert "plain" not in said[0] + said[1]

    def test_arms_beside_the_plain_one_are_judged_together(self):
        """10 of 10 against 4 of 10 is p = 0.0108, between 0.05 / 4 and 0.05 / 5."""
        rows = [row(solved=share(4, 10)), row(arm="lstm", solved=share(10, 10))]
        assert "more seeds than of the plain arm (4 of 10, Fisher's exact test at 5 %)" in sentences(rows)[1]
        rows += [row(arm=f"arm {i}", solved=share(4, 10)) for i in range(3)]
        said = sentences(rows)
        assert (
            "more seeds than of the plain arm (4 of 10, Fisher's exact test at 5 %, Holm over 4 pairs)"
            in (said[1])
        )
        assert "as many seeds as of the plain arm (4 of 10)" in said[2]
        rows += [row(arm="one more", solved=share(4, 10))]
        assert (
            "not told apart from the plain arm by the seeds that solved it (4 of 10, Fisher's"
            in (sentences(rows)[1])
        )

    def test_seeds_that_can_show_nothing_are_too_few_for_so_many_arms(self):
        """Five of five against none of five is 0.0079, and 0.05 / 7 is less."""
        rows = [row(), *(row(arm=f"arm {i}", solved=share(5, 5)) for i in range(6))]
        assert "more seeds than of the plain arm (0 of 5, " in sentences(rows)[1]
        said = sentences([*rows, row(arm="one more", solved=share(5, 5))])[1]
        assert "too few seeds to compare with the plain arm (at least 6 for 7 pairs)" in said

    @pytest.mark.parametrize(
        ("arms", "n"), few(itertools.product((1, 2, 6), (6, 10)), ((1, 10), (6, 6)), slow=())
    )
    def test_tables_of_equal_arms_seldom_hold_a_false_sentence(self, arms, n):
        """In 5 % of all tables at most hold one: here of 400 for each share solved, two errors more."""
        most, rng = 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400), np.random.default_rng(100 * arms + n)
        for p in (0.0, 0.1, 0.5):
            wrong = 0
            for _ in range(400):
                solved, losses = rng.binomial(n, p, arms + 1).tolist(), rng.lognormal(size=(arms + 1, n))
                rows = [
                    row(
                        arm=f"arm {i}" if i else "none",
                        solved=share(count, n),
                        loss=float(np.median(one)),
                        seed_losses=tuple(one.tolist()),
                    )
                    for i, (count, one) in enumerate(zip(solved, losses, strict=True))
                ]
                said = " ".join(sentences(rows))
                false = ("more seeds", "fewer seeds", "its loss is below", "its loss is above")
                wrong += any(words in said for words in false)
            assert wrong / 400 <= most


class TestJudged:
    def test_nothing_solved_is_not_nothing_learnt(self):
        """The loss that came nearest is named, with the chance that it is to be compared with."""
        lstm = {
            "losses": Interval(0.014, 0.006, 0.02, 0.9375),
            "seed_losses": (0.006, 0.01, 0.014, 0.015, 0.02),
        }
        rows = [row(), row(arm="irnn", **FAR), row(arm="lstm", loss=0.014, **lstm)]
        assert judged(rows) == (
            "No arm solved the task within the budget; the least loss is 0.007 (93 % interval 0.003 to 0.009)"
            ", of irnn, where chance is 0.1667; not told apart from lstm (Mann-Whitney test at 5 % over "
            "all 3 pairs)."
        )

    def test_an_arm_alone_is_the_best_of_nothing(self):
        assert judged([row(solved=share(2, 5), updates=300.0)]) == (
            "none: 2 of 5 seeds solved the task, 300 updates (median)."
        )
        assert judged([row(**FAR)]) == (
            "Not solved within the budget; its loss is 0.007 (93 % interval 0.003 to 0.009), where chance is "
            "0.1667."
        )

    def test_the_best_is_apart_from_every_other(self):
        rows = [row(solved=share(1, 10)), row(arm="gru", solved=share(10, 10), updates=700.0)]
        assert judged(rows) == (
            "Best: gru, 10 of 10 seeds solved, 700 updates (median); more than of every other (Fisher's "
            "exact test at 5 %)."
        )

    def test_a_tie_is_called_a_tie(self):
        rows = [row(arm=f"arm {i}", solved=share(10 if i < 11 else 0, 10), updates=9.0) for i in range(33)]
        assert judged(rows) == (
            "Most seeds solved: arm 0, arm 1, arm 2 and 8 more, 10 of 10 seeds each (11 of 33 arms); told "
            "apart from arm 11, arm 12, arm 13 and 19 more (Fisher's exact test at 5 % over all 528 pairs)."
        )

    def test_too_few_seeds_is_said(self):
        rows = [row(solved=share(0, 3)), row(arm="gru", solved=share(3, 3), updates=5.0)]
        assert "too few seeds to compare (at least 4)" in judged(rows)

    def test_five_seeds_can_tell_all_from_none(self):
        rows = [row(), row(arm="gru", solved=share(5, 5), updates=5.0)]
        assert judged(rows).startswith("Best: gru, 5 of 5 seeds solved")

    def test_a_pair_chosen_among_many_needs_more(self):
        """10 of 10 against 4 of 10 is p = 0.011: enough for a pair, not for the second of six that holds."""
        shares = (10, 9, 4, 3)
        rows = [row(arm=f"arm {n}", solved=share(n, 10), updates=9.0) for n in shares]
        assert judged(rows) == (
            "Most seeds solved: arm 10, 10 of 10 seeds, 9 updates (median); told apart from arm 3; not told "
            "apart from arm 9 and arm 4 (Fisher's exact test at 5 % over all 6 pairs)."
        )
        assert judged([rows[0], rows[2]]).startswith("Best: arm 10")

    def test_a_difference_that_chance_makes_decides_nothing(self):
        rows = [row(solved=share(3, 4), updates=9.0), row(arm="gru", solved=share(4, 4), updates=5.0)]
        assert judged(rows).endswith("; not told apart from none (Fisher's exact test at 5 %).")

    def test_all_pairs_take_more_seeds_than_one(self):
        """28 pairs of eight arms: six of six against none is p = 0.0022, and 0.05 / 28 is less."""
        best = [row(arm=f"best {i}", solved=share(6, 6)) for i in range(2)]
        rows = [*best, *(row(arm=f"arm {i}", solved=share(0, 6)) for i in range(6))]
        assert "; too few seeds to compare (at least 7 for 28 pairs)." in judged(rows)
        # Each of these pairs alone is asked whether the two differ.
        assert judged(rows[1:]).startswith("Best: best 1")
        assert "; told apart from arm 0, " in judged(
            [one._replace(solved=share(one.solved.successes * 7 // 6, 7)) for one in rows]
        )

    def test_what_has_held_leaves_more_room_to_the_rest(self):
        """Holm: p = 0.011 does not hold at 0.05 / 6; the third of six, at 0.05 / 4, it does."""
        rows = [row(arm=f"arm {n}", solved=share(n, 10)) for n in (10, 9, 4, 0)]
        assert "; told apart from arm 4 and arm 0; not told apart from arm 9 (" in judged(rows)

    @pytest.mark.parametrize("n", few([6, 10], [6]))
    def test_equal_arms_among_others_are_seldom_told_apart(self, n):
        """Where others differ for sure, two or three equal ones that do best: of 1500, two errors more."""
        most, rng = 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1500), np.random.default_rng(n)
        for equal, p in ((2, 0.6), (3, 0.6), (2, 0.9), (3, 0.9)):
            wrong = 0
            for counts in rng.binomial(n, p, (1500, equal)).tolist():
                rows = [row(arm=f"equal {i}", solved=share(c, n)) for i, c in enumerate(counts)]
                said = judged([*rows, row(arm="never", solved=share(0, n))])
                apart = said.partition("; told apart from ")[2].partition(";")[0]
                wrong += said.startswith("Best") or "equal" in apart
            assert wrong / 1500 <= most

    @pytest.mark.ends
    @pytest.mark.parametrize(
        ("arms", "n"), few(itertools.product((2, 3, 6), (3, 5, 6, 10)), ((2, 6), (3, 3), (6, 10)), slow=())
    )
    def test_arms_of_one_law_are_seldom_told_apart(self, arms, n):
        """In 5 % of all comparisons at most, whichever share they have: here of 1500, two errors more."""
        most = 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1500)
        rng = np.random.default_rng(100 * arms + n)
        for p in (0.2, 0.5, 0.8):
            wrong = 0
            for counts in rng.binomial(n, p, (1500, arms)).tolist():
                said = judged([row(arm=f"arm {i}", solved=share(c, n)) for i, c in enumerate(counts)])
                wrong += said.startswith("Best") or "; told apart" in said
            assert wrong / 1500 <= most

    @pytest.mark.parametrize(
        ("arms", "n"), few(itertools.product((2, 4), (3, 5, 6, 10)), ((2, 5), (4, 6)), slow=())
    )
    def test_nor_are_losses_of_one_law(self, arms, n):
        most, rng, wrong = 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400), np.random.default_rng(10 * arms + n), 0
        for losses in rng.lognormal(size=(400, arms, n)).tolist():
            rows = [
                row(arm=f"arm {i}", solved=share(0, n), loss=float(np.median(one)), seed_losses=tuple(one))
                for i, one in enumerate(losses)
            ]
            said = judged(rows)
            named = said.partition("not told apart from ")[2]
            wrong += "; too few seeds" not in said and named.count("arm") < arms - 1
        assert wrong / 400 <= most

    def test_where_is_said_when_there_are_several(self):
        rows = [row(solved=share(0, 3)), row(T=100, w_rec=1.5, arm="gru", solved=share(3, 3), updates=5.0)]
        assert judged(rows).startswith("Most seeds solved: gru (T = 100, w_rec = 1.5), 3 of 3 seeds")
