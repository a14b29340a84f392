"""What cannot be done is refused in one line, before anything is computed or written."""

import re

import pytest

from gradlab.cli import _output
from gradlab.studies.sweep import compute
from tests.cli.calling import document, finished, gradlab
from tests.tiers import few

LONG = "9" * 10**6
REFUSED = [
    (["--cell", "lstmm"], "--cell", "did you mean lstm?"),
    (["--cell", ""], "--cell", "empty"),
    (["--cell", ","], "--cell", "name at least one"),
    (["-T", "8", "-T", "16"], "-T", "given twice"),
    (["--device", ""], "--device", "empty"),
    (["--cell", "lstm,lstm"], "--cell", "given twice"),
    (["--cell", "elman", "--cell", "elman(activation=tanh)"], "--cell", "given twice"),
    (["--cell", "elman("], "--cell", "write NAME"),
    (["--cell", "elman(relu, tanh)"], "--cell", "write setting=value"),
    (["--cell", "elman(activatoin=relu)"], "--cell", "did you mean activation?"),
    (["--cell", "elman(activation=rleu)"], "--cell", "did you mean relu?"),
    (["--cell", "elman(activation=relu, activation=tanh)"], "--cell", "given twice"),
    (["--cell", "esn(leak=much)"], "--cell", "write one such as 0.9"),
    (["--cell", "esn(leak=2)"], "--cell", "leak=2.0 must be in (0, 1]"),
    (["--init", "ortogonal"], "--init", "did you mean orthogonal?"),
    (["--init", "gaussian,gaussian"], "--init", "given twice"),
    (["--w-rek", "1"], "--w-rek", "did you mean --w-rec?"),
    (["--w-rec"], "--w-rec", "requires an argument"),
    (["--w-rec", "nan"], "--w-rec", "finite"),
    (["--w-rec", "inf"], "--w-rec", "finite"),
    (["--w-rec", "-inf"], "--w-rec", "finite"),
    (["--w-rec", "1e400"], "--w-rec", "at most 1.7e308"),
    (["--w-rec", "1e-400"], "--w-rec", "write 0"),
    (["--w-rec", "1,5"], "--w-rec", "write 1.5 or 1.0,5.0"),
    (["--w-rec", "0x10"], "--w-rec", "finite"),
    (["--w-rec", "٣"], "--w-rec", "finite"),
    (["--w-rec", ""], "--w-rec", "empty"),
    (["--w-rec", "0.5,,1"], "--w-rec", "empty"),
    (["--w-rec", "0.9:1.1:0"], "--w-rec", "at least 1"),
    (["--w-rec", "1.1:0.9:3"], "--w-rec", "write START below STOP"),
    (["--w-rec", "a"], "--w-rec", "finite"),
    (["--w-rec", "0.5:1.5:0.1"], "--w-rec", "the count in 0.5:1.5:0.1"),
    (["--w-rec", "0.5:1.5"], "--w-rec", "START:STOP:COUNT"),
    (["--w-rec", "1:1:3"], "--w-rec", "step of zero"),
    (["--w-rec", "0.5,1.0,0.50"], "--w-rec", "given twice"),
    (["--w-rec", ",".join(["1.0"] * 20_000)], "--w-rec", "given twice"),
    (["-T", "0"], "-T", "at least 1"),
    (["-T", "-1"], "-T", "at least 1"),
    (["-T", "1.5"], "-T", "whole number"),
    (["-T", "1e5"], "-T", "whole number"),
    (["-T", ""], "-T", "empty"),
    (["-T", "8,16,8"], "-T", "given twice"),
    (["-T", "8:16:4"], "-T", "whole numbers"),
    (["--hidden", "0"], "--hidden", "at least 1"),
    (["--batch", "0"], "--batch", "at least 1"),
    (["--seeds", "0"], "--seeds", "at least 1"),
    (["--seed", "-1"], "--seed", "at least 0"),
    (["--seed", "9223372036854775808"], "--seed", "at most 2**63 - 1"),
    (["--inputs", "0"], "--inputs", "at least 1"),
    (["--input-std", "nan"], "--input-std", "finite"),
    (["--input-std", "-1"], "--input-std", "0 or a positive number"),
    (["--precision", "float16"], "--precision", "known: float32, float64"),
    (["--objective", "foo"], "--objective", "known: every, last, unit"),
    (["--name", "../x"], "--name", "letters"),
    (["--name", ""], "--name", "empty"),
    (["--name", " "], "--name", "letters"),
    (["--name", "CON"], "--name", "choose another"),
    (["--name", "x\x1b[31m\ny"], "--name", r"'x\x1b[31m\ny'"),
    (["--cell", "l\x1b[31m\nstm"], "--cell", r"'l\x1b[31m\nstm'"),
    (["extra\x1b[31m\nword"], "gradlab sweep", "unexpected extra argument"),
    (["--w-rec", LONG], "--w-rec", "999..."),
    (["-T", LONG], "-T", "999..."),
    (["--cell", LONG], "--cell", "999..."),
    (["--cell", f"elman({LONG})"], "--cell", "999..."),
    (["--init", LONG], "--init", "999..."),
    (["--precision", LONG], "--precision", "999..."),
    (["--name", LONG], "--name", "999..."),
    ([f"--{LONG}", "1"], "--9", "no such option"),
    ([LONG], "gradlab sweep", "999..."),
]  # fmt: skip
TOO_LARGE = [
    ["-T", "99999999999"],
    ["--hidden", "1000000"],
    ["--batch", "99999999999"],
    ["--inputs", "99999999999"],
    ["--w-rec", "0:1:1000000000000"],
    ["--w-rec", "0:1:1000000"],
    ["--seeds", "1000000000"],
]


def shortly(case):
    return " ".join(case)[:30].encode("ascii", "replace").decode() if isinstance(case, list) else ""


@pytest.fixture(autouse=True)
def _nothing_is_computed_or_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compute, "run", lambda *_: pytest.fail("something was computed"))
    yield
    assert list(tmp_path.iterdir()) == []


def one_line(said, where):
    """The error on stderr, if it is one printable line of the agreed form and length."""
    line = said.err.removesuffix("\n")
    assert line.isprintable()
    assert len(line) <= 300
    assert re.fullmatch(rf"error: {re.escape(where)}\S*: .+; .+", line)
    return line


@pytest.mark.parametrize(("arguments", "where", "words"), REFUSED, ids=shortly)
def test_a_mistake_is_one_line_that_names_the_option_and_says_what_is_allowed(arguments, where, words):
    said = gradlab("sweep", "--out", "results", *arguments)
    assert said.code == 2
    assert said.out == ""
    assert words in one_line(said, where)


@pytest.mark.parametrize("arguments", [case[0] for case in REFUSED], ids=shortly)
def test_with_json_it_is_one_document_too(arguments):
    said = gradlab("sweep", "--json", "--out", "results", *arguments)
    found = document(said.out)
    assert said.code == found["exit_code"] == 2
    assert found["status"] == "error"
    assert said.err == f"error: {found['error']['where']}: {found['error']['message']}\n"


def test_an_unknown_command_is_a_mistake():
    said = gradlab("swep", "--json")
    assert said.code == 2
    assert "Did you mean 'sweep'?" in one_line(said, "gradlab")
    assert document(said.out)["exit_code"] == 2
    assert one_line(gradlab(LONG), "gradlab")


def test_no_command_is_help_and_a_mistake():
    said = gradlab()
    assert said.code == 2
    assert "Usage: gradlab" in said.out
    assert one_line(said, "gradlab")


@pytest.mark.parametrize("arguments", TOO_LARGE, ids=shortly)
def test_what_cannot_fit_is_refused_with_the_bytes_needed_and_available(arguments):
    said = gradlab("sweep", "--out", "results", "--cell", "lstm", *arguments)
    assert said.code == 7
    assert said.out == ""
    assert re.search(r"needs .*\d [TPE]B of memory.* \d\S* [MGT]B available", said.err)
    assert one_line(said, "")


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_is_found_out_first(tmp_path, out):
    (tmp_path / "file").write_text("in the way")
    said = gradlab("sweep", "--out", out, "--name", "run")
    assert said.code == 5
    assert "cannot be written" in one_line(said, f"{out}/run")
    assert (tmp_path / "file").read_text() == "in the way"
    (tmp_path / "file").unlink()


def test_a_file_in_the_way_of_the_run_is_found_out_first(tmp_path):
    (tmp_path / "run").write_text("in the way")
    assert gradlab("sweep", "--out", ".", "--name", "run").code == 5
    (tmp_path / "run").unlink()


def test_a_mistake_in_a_real_process_leaves_no_traceback():
    said = finished("sweep", "--out", "results", "--cell", "lstmm")
    assert (said.code, said.out) == (2, "")
    assert "did you mean lstm?" in one_line(said, "--cell")


@pytest.mark.parametrize(
    "command",
    few(
        [
            "sweep --device cuda",
            "sweep --device nonsense",
            "remedies latch --device cuda",
            "run border --device cuda",
            "lesson 2 --device cuda",
            "verify elman --device cuda",
        ],
        ("sweep --device cuda", "lesson 2 --device cuda"),
    ),
)
def test_a_missing_device_is_no_bug(command):
    said = finished(*command.split(), "--dry-run")
    assert (said.code, said.out) == (6, "")
    assert one_line(said, "--device")


WORDS = [
    "x" * 2000,
    "a/" * 300,
    "\n::error::" * 40,
    "\x1b[31m" * 90,
    "é\u202e" * 200,
    "k=" * 200 + "; what to do",
]
PLACES = """
show {}; plot {} profile; plot . {}; plot . profile -o {}; report {}; check {}; diff {} {}; export {} --to csv
export . --to {}; baseline {} .; baseline show {}; baseline create {}; run {}; list {}; verify {}; lesson {}
lesson --seed {}; remedies {}; remedies adding -r {}; remedies adding --lr {}; sweep {}; sweep --{}; {}
sweep --cell {}; sweep --init {}; sweep --w-rec {}; sweep -T {}; sweep --name {}; sweep --probe {}
sweep --cell elman(activation={}); sweep --cell elman({}=1); --{} 1
"""
PLACES = [place.split() for line in PLACES.split("\n") for place in line.split("; ") if place]


@pytest.mark.parametrize("place", PLACES, ids=lambda words: " ".join(words))
def test_whatever_came_an_error_is_one_short_line_that_ends_in_what_to_do(place):
    for text in WORDS:
        words = [word.format(*[text] * 2) for word in place]
        said = gradlab(*words)
        line = said.err.removesuffix("\n")
        assert (said.code, said.out) in ((2, ""), (5, "")), said
        assert line.isprintable()
        assert len(line) <= 300
        assert re.fullmatch(r"error: .+: .+; .{8,}", line), line
        both = gradlab(*words, "--json")
        if both.out:
            found = document(both.out)["error"]
            assert both.err == f"error: {found['where']}: {found['message']}\n"


def test_the_place_keeps_both_its_ends_and_the_hint_stays_whole():
    where, what = _output.error_parts("/home/" + "x" * 500 + "/run.json:schema", "y" * 500 + "; name a run")
    assert len(f"error: {where}: {what}") == 300
    assert where.startswith("/home/x")
    assert where.endswith("/run.json:schema")
    assert "y..." in what
    assert what.endswith("yyy; name a run")
    assert _output.error_parts("a\nb", "c\x1b; d") == ("a\\nb", "c\\x1b; d")
