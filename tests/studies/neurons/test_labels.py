"""Labels, character by character, beside the plainest way to work them out."""

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.studies.neurons import corpus, labels, own_labels, python_labels

TEXT = 'He said: "I\'ll go (now [at 10])."\n\n  See https://a.example/b?c for MORE\n    and "that".\n'
CODE = '''import os


class A:
    """Doc "with" quotes ( unbalanced."""

    def f(self, x):  # a comment (open
        if x and os.path.exists("if"):
            return f"{x!r} in {[1, 2]}"
        while not x:
            pass
        return {"a": (1, [2])}
'''


def row(values):
    return "".join(f"{int(one)}" for one in values)


def test_plain_labels_are_those_of_a_loop_over_the_characters():
    found = labels.plain(TEXT)
    position, indentation, word = [], [], []
    line = ""
    for i, letter in enumerate(TEXT):
        line = "" if letter == "\n" else line + letter
        position.append(len(line))
        indentation.append(len(line) - len(line.lstrip()))
        inside = letter.isalnum() or letter == "_"
        word.append(inside and not (i and (TEXT[i - 1].isalnum() or TEXT[i - 1] == "_")))
    np.testing.assert_array_equal(found["position in line"], position)
    np.testing.assert_array_equal(found["indentation"], indentation)
    np.testing.assert_array_equal(found["word start"], word)
    np.testing.assert_array_equal(found["capital"], [letter.isupper() for letter in TEXT])
    np.testing.assert_array_equal(found["digit"], [letter.isdigit() for letter in TEXT])
    np.testing.assert_array_equal(found["after newline"], [letter == "\n" for letter in TEXT])
    assert "".join(np.array(list(TEXT))[found["URL"] > 0]) == "https://a.example/b?c"


def test_quotes_and_brackets_of_prose_end_with_their_paragraph():
    found = labels.prose(TEXT)
    quoted = "".join(letter for letter, inside in zip(TEXT, found["inside quotes"], strict=True) if inside)
    assert quoted == "\"I'll go (now [at 10])." + '"that'
    depth = dict(zip("(nw[a1])", (1, 1, 1, 2, 2, 2, 1, 0), strict=True))
    for letter, wanted in depth.items():
        assert found["bracket depth"][TEXT.index(letter, TEXT.index("("))] == wanted
    open_ended = labels.prose('a "b (c\n\nd')
    assert row(open_ended["inside quotes"]) == "0011111100"
    assert open_ended["bracket depth"][-1] == 0


def test_curly_quotes_count():
    assert row(labels.prose("a “b” c")["inside quotes"]) == "0011000"


class TestPython:
    found = python_labels.values(CODE)

    def marked(self, name):
        return "".join(
            letter if inside else "·" for letter, inside in zip(CODE, self.found[name], strict=True)
        )

    def test_strings(self):
        said = "".join(self.marked("inside quotes").split("·"))
        assert said == '"""Doc "with" quotes ( unbalanced.""' + '"if' + 'f"{x!r} in {[1, 2]}' + '"a'

    def test_comments(self):
        assert self.marked("comment").strip("·") == "# a comment (open"

    def test_conditions(self):
        parts = [part.strip() for part in self.marked("if condition").split("·") if part.strip()]
        assert "".join(parts) == 'x and os.path.exists("if")' + "not x"

    def test_brackets_within_strings_and_comments_do_not_count(self):
        depth = self.found["bracket depth"]
        assert depth[CODE.index("unbalanced")] == 0
        assert depth[CODE.index("(open") + 3] == 0
        assert depth[CODE.index("(1, [2") + 1] == 2
        assert depth[CODE.index("[2]") + 1] == 3
        assert depth[-1] == 0

    def test_nesting(self):
        nesting = self.found["nesting"]
        for word, wanted in (("import", 0), ("class", 0), ("def f", 1), ("if x", 2), ("pass", 3)):
            assert nesting[CODE.index(word)] == wanted

    def test_what_is_no_python_from_somewhere_on_keeps_what_came_before(self):
        found = python_labels.values('x = "a"\n)))\n"""never ends\n')
        assert found["inside quotes"][4] == 1
        assert found["if condition"].sum() == 0

    def test_columns_are_characters_where_bytes_are_more(self):
        code = 'ä = "ö"\nif "ü" == ä:\n    pass\n'
        found = python_labels.values(code)
        assert "".join(np.array(list(code))[found["if condition"] > 0]) == '"ü" == ä'


def test_a_piece_of_a_file_keeps_what_began_before_it(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n" * 1000 + '"""' + "words in here\n" * 500 + '"""\n')
    text = corpus.read(str(path), "standard")
    found = {one.name: one for one in labels.of_part(text, "test")}
    assert found["inside quotes"].values[0] == 1
    assert all(len(one.values) == len(text.part("test")) for one in found.values())
    short = labels.of_part(text, "test", ("words=words", "all=.*"), 500)
    assert {len(one.values) for one in short} == {500}
    mine = {one.name: one.values for one in short}
    part = text.part("test")[:500]
    assert mine["words"].sum() == 5 * part.count("words")
    assert (mine["all"] == [letter != "\n" for letter in part]).all()


class TestOfOnesOwn:
    def test_matches_are_those_of_re(self):
        assert own_labels.spans("x", r"\d+", "a 12 b 3") == [(2, 4), (7, 8)]

    def test_a_pattern_that_does_not_compile(self):
        with pytest.raises(GradlabError, match=r"is no regular expression: missing \), unterminated"):
            own_labels.check("x", "(a")

    def test_a_pattern_that_runs_away_is_stopped(self, monkeypatch):
        monkeypatch.setattr(own_labels, "SECONDS", 0.5)
        with pytest.raises(GradlabError, match=r"takes more than 0\.5 s"):
            own_labels.spans("x", "(a+)+$", "a" * 60 + "b")
