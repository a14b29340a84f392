"""The sentences that a training ends in, by hand."""

import math

import pytest

from gradlab.stats import Interval
from gradlab.studies.remedies.rows import share
from gradlab.studies.remedies.sentences import judged, sentence, sentences
from tests.studies.remedies.test_rows import row

FAR = {"loss": 0.007, "losses": Interval(0.007, 0.003, 0.009, 0.9375)}
WELL = {"loss": 0.007, "losses": Interval(0.007, 0.003, 0.009, 0.96875)}
NEAR = Interval(0.17, 0.16, 0.18, 0.96875)
ONE = {"solved": share(0, 1), "losses": Interval(0.17, math.nan, math.nan, math.nan)}


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
            (WELL, {"losses": NEAR}, "its loss is below the plain arm's 0.17 (96 % interval 0.16 to 0.18)"),
            (
                {"losses": NEAR},
                {"losses": NEAR},
                "its loss is not told apart from the plain arm's 0.17 (96 %",
            ),
            (
                {"losses": NEAR},
                WELL,
                "its loss is above the plain arm's 0.007 (96 % interval 0.003 to 0.009)",
            ),
            # The interval of five medians is all of them, and covers too seldom to judge two medians by.
            (FAR, {}, "the loss of every seed is below the plain arm's 0.16 to 0.18"),
            ({}, {}, "its losses overlap the plain arm's 0.16 to 0.18"),
            (
                {"solved": share(10, 10)},
                {"solved": share(0, 10)},
                "more seeds than of the plain arm (0 of 10)",
            ),
            (
                {"solved": share(0, 10)},
                {"solved": share(10, 10)},
                "fewer seeds than of the plain arm (10 of 10)",
            ),
            ({"solved": share(5, 5)}, {"solved": share(5, 5)}, "as many seeds as of the plain arm (5 of 5)"),
            (
                {"solved": share(5, 5)},
                {"solved": share(4, 5)},
                "the 95 % interval of its share overlaps the plain arm's (4 of 5)",
            ),
            ({"solved": share(2, 2)}, {"solved": share(0, 2)}, "too few seeds to compare with the plain arm"),
        ],
    )
    def test_stands_beside_the_plain_arm_of_its_place(self, changed, plain, words):
        elsewhere = row(T=100, solved=share(7, 7))
        said = sentences([elsewhere, row(**plain), row(arm="lstm", **changed)])
        assert words in said[2]
        assert "plain" not in said[0] + said[1]


class TestJudged:
    def test_nothing_solved_is_not_nothing_learnt(self):
        """The loss that came nearest is named, with the chance that it is to be compared with."""
        rows = [row(), row(arm="irnn", **FAR), row(arm="lstm", losses=Interval(0.014, 0.006, 0.02, 0.9375))]
        assert judged(rows) == (
            "No arm solved the task within the budget; the least loss is 0.007 (93 % interval 0.003 to 0.009)"
            ", of irnn, where chance is 0.1667; not told apart from lstm."
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
            "Best: gru, 10 of 10 seeds solved, 700 updates (median); its 95 % interval lies above that of "
            "every other."
        )

    def test_a_tie_is_called_a_tie(self):
        rows = [row(arm=f"arm {i}", solved=share(10 if i < 11 else 1, 10), updates=9.0) for i in range(33)]
        assert judged(rows) == (
            "Most seeds solved: arm 0, arm 1, arm 2 and 8 more, 10 of 10 seeds each (11 of 33 arms); the "
            "95 % interval of so many lies above that of arm 11, arm 12, arm 13 and 19 more."
        )

    def test_too_few_seeds_is_said(self):
        rows = [row(solved=share(0, 2)), row(arm="gru", solved=share(2, 2), updates=5.0)]
        assert "too few seeds to compare (at least 3)" in judged(rows)

    def test_overlapping_intervals_decide_nothing(self):
        rows = [row(solved=share(2, 3), updates=9.0), row(arm="gru", solved=share(3, 3), updates=5.0)]
        assert judged(rows).endswith("; the 95 % interval of so many overlaps that of none.")

    def test_where_is_said_when_there_are_several(self):
        rows = [row(), row(T=100, w_rec=1.5, arm="gru", solved=share(3, 3), updates=5.0)]
        assert judged(rows).startswith("Most seeds solved: gru (T = 100, w_rec = 1.5), 3 of 3 seeds")
