"""Chapter 5: the memory stays up, and orthogonal draws lie together."""

import math
import re

import numpy as np
import pytest

from gradlab.lesson import answers, words
from tests.lesson.told import SEEDS, numbers, said


class TestAnswers:
    """Chapter 5: the memory stays up, and orthogonal draws lie together."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        found = numbers("answers", seed)
        told = said(answers.tell(found, seed))
        ends = [logs[-1] for init in answers.INITS for logs in found.plain[init]]
        assert found.whole[-1] > max(0, found.echo[-1])
        assert found.whole[-1] > np.median(ends)
        assert found.echo[-1] < -1
        law = answers.T * math.log10(answers.W_REC)
        assert all(logs[-1] <= law for logs in found.plain["orthogonal"])
        np.testing.assert_allclose(found.alone, 0, atol=1e-12)
        assert "What it gives is certainty" in told
        assert "the other ways from adding to it" in told
        assert re.search(r"falls below one half at k = \d+, and", told)
        assert sum(found.recalled) < answers.N

    def test_the_two_numbers_of_the_memory_are_told_apart(self):
        """The norm of a block of a Jacobian is at most that of the whole."""
        found = numbers("answers")
        assert np.all(np.asarray(found.memory) <= np.asarray(found.whole) + 1e-12)
        closing = answers.tell(found, 0).closing[0]
        assert f"The figure has {words.ten_to(found.whole[-1])} for this network, as the transport" in closing
        assert f"it is {words.ten_to(found.memory[-1])}." in closing

    def test_the_head_of_the_table_is_true_of_its_rows(self):
        table = answers.tell(numbers("answers"), 0).figures[1].drawing
        rows = [[float(entry.replace("−", "-")) for entry in row] for row in table.rows]
        before = 0.0
        for row in rows:
            _, _, i, g, product, after, o, h = row
            assert product == pytest.approx(i * g, abs=2e-3)
            assert after == pytest.approx(before + product, abs=2e-3)
            assert h == pytest.approx(o * math.tanh(after), abs=2e-3)
            before = after
        assert table.head == ("t", "x", "i", "g", "i · g", "c after", "o", "o · tanh(c)")
