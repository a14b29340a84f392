"""Settings files as data: what is refused before anything reads them, and in how little time."""

import json
import os

import pytest

from gradlab.errors import GradlabError
from gradlab.experiments.toml import parsed


@pytest.fixture
def file(tmp_path):
    def write(content, name="some.toml"):
        place = tmp_path / name
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return place

    return write


def refused(path):
    with pytest.raises(GradlabError) as caught:
        parsed(path)
    assert caught.value.code == 2
    return str(caught.value)


def test_a_file_is_its_tables_with_or_without_a_byte_order_mark(file):
    assert parsed(file('a = 1\n[b]\nc = ["x"]')) == {"a": 1, "b": {"c": ["x"]}}
    assert parsed(file(b"\xef\xbb\xbfa = 1")) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = 1\nb = \xff", "not UTF-8 at byte 10"),
        ("a = ", "not TOML"),
        ("a = 1\na = 2", "not TOML"),
        ("a = nan\n[b]\nc = [1.0, -inf]", "2 faults"),
        ("a = 1e400", "a: inf must be a finite number"),
        ("a = 99999999999999999999", "64 bits"),
        (f"a = {'9' * 5000}", "cannot be read"),
        (f"a = 0x{'f' * 5000}", "64 bits"),
        ("a = [" + "0, " * 100_001 + "]", "more than 100000 values"),
        ("a = " + "[" * 65 + "]" * 65, "deeper than 64"),
        ("a = " + "[" * 5000, "deeper than 64"),
        (".".join("a" * 66) + " = 1", "deeper than 64"),
        ("[" + ".".join(['"x"'] * 70) + "]", "deeper than 64"),
        ("#" * (2**20 + 1), "at most 1.05 MB are read"),
    ],
)
def test_what_is_no_plain_small_file_is_refused_in_one_line(file, content, said):
    assert said in refused(file(content))


def test_brackets_and_dots_in_strings_and_comments_are_not_nesting(file):
    odd = "[" * 99 + "." * 99
    assert parsed(
        file(f"""a = "{odd}\\"{odd}" # {odd}\nb = '{odd}'\nc = \"\"\"{odd}\"\"\"\nd = '''{odd}'''""")
    )


def test_64_are_not_too_deep(file):
    assert parsed(file("a = " + "[" * 63 + "]" * 63))


@pytest.mark.parametrize(
    "bomb",
    [
        '"\\"' * 300_000,
        ".a" * 500_000,
        '"""' * 300_000,
        "[" * 10**6,
        "a" * 10**6,
        "'" * 10**6,
        "a.b\n" * 250_000,
    ],
)
def test_no_file_of_a_mebibyte_takes_long(file, bomb):
    """Each would take minutes if the time grew with the square of the size."""
    refused(file(f"x = {bomb}"))


def test_what_is_not_a_file_is_named_as_what_it_is(tmp_path):
    assert "is a folder" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe.toml")
    assert "no regular file" in refused(tmp_path / "pipe.toml")
    (tmp_path / "border.toml").touch()
    assert "border.toml" in refused(tmp_path / "bordr.toml")
    assert "cannot be read" in refused(tmp_path / ("x" * 300 + ".toml"))


def test_a_run_asks_again(file):
    about = {
        "settings": {"command": "remedies", "task": "adding"},
        "claims": [],
        "question": "Why?",
        "git": {},
    }
    expected = {"question": "Why?", "claims": [], "remedies": {"task": "adding"}}
    assert parsed(file(json.dumps(about), "run.json")) == expected
    swept = parsed(file(json.dumps({"settings": {"T": [5]}}), "run.json"))
    assert swept["sweep"] == {"T": [5]}
    assert swept["question"]
    assert "no settings" in refused(file("[]", "run.json"))
    assert "deeper" in refused(file("[" * 100_000, "run.json"))
    assert "NaN is no number" in refused(file('{"settings": {"w_rec": [NaN]}}', "run.json"))
