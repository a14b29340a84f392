"""Chapter 1: the parts are the whole."""

import pytest

from gradlab.lesson import unrolled
from gradlab.lesson.languages import known
from tests.lesson.told import SEEDS, numbers, said

FORMS = {
    "en": [
        "The boy from our street looks tired Il ragazzo della nostra strada sembra stanco",
        "The girl from our street looks tired La ragazza della nostra strada sembra stanca",
    ],
    "de": [
        "Die Jungen aus unserer Straße wirken müde I ragazzi della nostra strada sembrano stanchi",
        "Die Mädchen aus unserer Straße wirken müde Le ragazze della nostra strada sembrano stanche",
    ],
}


class TestUnrolled:
    """Chapter 1: the parts are the whole."""

    def test_the_parts_add_up_to_automatic_differentiation(self):
        assert max(way.check for way in numbers("unrolled").ways) < 1e-13

    def test_only_the_forms_with_a_term_at_every_step_refill_the_adjoint(self):
        ways = {way.title: way for way in numbers("unrolled").ways}
        assert ways["many to one"].adjoint[-1] == pytest.approx(ways["many to many"].adjoint[-1])
        assert ways["many to one"].adjoint[0] < ways["many to many"].adjoint[0]
        assert ways["many to one"].parts[0] == 0

    @pytest.mark.parametrize("code", FORMS)
    def test_the_translation_holds_the_gender_from_the_subject_to_the_last_word_that_needs_it(self, code):
        drawing = unrolled.tell(numbers("unrolled"), 0, known(code)).figures[2].drawing
        links = [link for row in drawing.rows for link in row.links]
        both = [k for k, link in enumerate(links) if "\n" in link.below + link.above]
        assert [k for k, link in enumerate(links) if link.held] == list(range(both[0], both[-1] + 1))
        assert (both[0], both[-1]) == (1, 13)
        # All is read before anything is written.
        assert [bool(link.below) for link in links] == [True] * 7 + [False] * 7
        forms = [" ".join((link.below + link.above).split("\n")[-k] for link in links) for k in (0, 1)]
        assert forms == FORMS[code]

    def test_each_row_of_the_folding_has_a_copy_more_and_the_last_no_loop(self):
        rows = unrolled.tell(numbers("unrolled"), 0).figures[0].drawing.rows
        assert [len(row.links) - row.loop for row in rows] == [0, 1, 2, unrolled.T]
        assert [row.loop for row in rows] == [True, True, True, False]

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        told = said(unrolled.tell(numbers("unrolled", seed), seed))
        assert "In the many-to-one network. Step 1 hears" in told
        assert "has come down by a factor of" in told
