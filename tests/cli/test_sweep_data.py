"""`gradlab sweep --data` from its file to its gate, and what cannot go together."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import gradlab as library
from gradlab.runs import store
from tests.cli.calling import gradlab
from tests.cli.test_merge import files, refused, shared

SMALL = ("--cell", "elman", "--w-rec", "0.5,1.0", "-T", "4,9", "--hidden", "3", "--seeds", "2")
TABLE = "a,b,c\n" + "".join(f"{np.sin(t):.6f},{np.cos(t / 2):.6f},5\n" for t in range(30))
ASKED = (*SMALL, "--data", "s.csv", "--columns", "a,b")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("swept")
    (home / "s.csv").write_text(TABLE)
    return home


@pytest.fixture(autouse=True)
def here(home, monkeypatch):
    monkeypatch.chdir(home)


@pytest.fixture(scope="module")
def kept(home):
    """A run, and its baseline."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        said = gradlab("sweep", *ASKED, "--name", "mine")
        assert said.code == 0, said.err
        assert gradlab("baseline", "create", "results/mine", "-o", "mine.json").code == 0
    return said


@pytest.mark.slow
def test_how_the_series_was_read_is_said_and_stored(kept, home):
    said = "inputs as they are in s.csv: a -1 to 0.991, b -0.997 to 1"
    about = json.loads((home / "results/mine/run.json").read_text())
    assert said in kept.err
    assert about["said"][0] == said
    assert about["said"][1].startswith("2 windows of 9 of 30 rows, from row ")
    settings = about["settings"]
    assert (settings["inputs"], settings["data"], settings["columns"]) == (2, "s.csv", "a,b")
    assert len(settings["inputs_digest"]) == 32
    assert gradlab("report", "results/mine").code == 0
    page = re.sub("<[^>]*>", "", (home / "results/mine/report.html").read_text())
    assert said[1:] in page
    assert "--data s.csv" in page
    assert "--inputs-digest" not in page


def test_shares_of_it_are_put_together_with_its_file(kept, home):
    shares = shared(("sweep", *ASKED), 2, home / "shared")
    to = ("--out", home / "shared", "--name", "whole", "--quiet")
    refused(gradlab("merge", *shares, *to), "'s.csv'", "--with 's.csv'")
    head, first, second, *rest = TABLE.splitlines(keepends=True)
    try:
        (home / "s.csv").write_text("".join([head, second, first, *rest]))
        refused(gradlab("merge", *shares, *to, "--with", "s.csv"), "inputs_digest was ")
    finally:
        (home / "s.csv").write_text(TABLE)
    assert not (home / "shared" / "whole").exists()
    said = gradlab("merge", *reversed(shares), *to, "--with", "s.csv")
    assert (said.code, said.err) == (0, "")
    # Beside the run lies what other tests have made of it.
    assert files(home / "shared" / "whole").items() <= files(home / "results" / "mine").items()


@pytest.mark.slow
def test_equal_commands_give_equal_bytes_from_python_too(kept, home):
    assert gradlab("sweep", *ASKED, "--name", "again", "--quiet").code == 0
    words = {"cell": "elman", "w_rec": [0.5, 1.0], "T": [4, 9], "hidden": 3, "seeds": 2}
    library.sweep(**words, data=Path("s.csv"), columns="a,b", folder="results/python", quiet=True)
    for name in ("metrics.csv", "norms.nc", "run.json"):
        for other in ("again", "python"):
            assert (home / "results" / other / name).read_bytes() == (
                home / "results/mine" / name
            ).read_bytes()


def test_it_is_not_measured_again(kept):
    said = gradlab("sweep", *ASKED, "--name", "mine")
    assert said.code == 0
    assert "8 of 8 points already done" in said.err


@pytest.mark.slow
def test_a_settings_file_asks_the_same(kept, home):
    lines = 'question = "?"\n[sweep]\ncell = "elman"\nw_rec = [0.5, 1.0]\nT = [4, 9]\nhidden = 3\nseeds = 2\n'
    (home / "asked.toml").write_text(lines + 'data = "s.csv"\ncolumns = "a,b"\n')
    assert gradlab("run", "asked.toml", "--quiet").code == 0
    assert (home / "results/asked/norms.nc").read_bytes() == (home / "results/mine/norms.nc").read_bytes()
    (home / "sub").mkdir()
    (home / "sub/out.toml").write_text(lines + 'data = "../s.csv"\n')
    said = gradlab("run", "sub/out.toml")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "sweep.data: '../s.csv' lies outside the folder of this file" in said.err


def test_a_run_asks_again_beside_its_series_and_only_of_that(kept, home):
    copy = home / "copy"
    copy.mkdir()
    (copy / "run.json").write_bytes((home / "results/mine/run.json").read_bytes())
    (copy / "s.csv").write_text(TABLE)
    assert gradlab("run", "copy/run.json", "--dry-run").code == 0
    (copy / "s.csv").write_text(TABLE.replace("1.000000", "0.990000"))
    said = gradlab("run", "copy/run.json", "--dry-run")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "sweep.inputs_digest: " in said.err


def test_other_data_are_never_taken_for_the_same(kept, home):
    """The run is refused, and a run of them under another name is compared with nothing."""
    (home / "s.csv").write_text(TABLE.replace("1.000000", "0.990000"))
    try:
        said = gradlab("sweep", *ASKED, "--name", "mine")
        assert (said.code, said.out) == (2, "")
        assert "inputs_digest" in said.err
        assert gradlab("sweep", *ASKED, "--name", "other", "--quiet").code == 0
    finally:
        (home / "s.csv").write_text(TABLE)
    said = gradlab("check", "results/other", "--baseline", "mine.json")
    assert said.code == 4
    assert "nothing compared: the settings differ: " in said.out
    assert "inputs_digest was " in said.out
    said = gradlab("diff", "results/mine", "results/other")
    assert "inputs_digest: " in said.out
    assert gradlab("check", "results/mine", "--baseline", "mine.json").code == 0


@pytest.mark.slow
def test_white_noise_stores_no_word_of_data(home):
    planned = library.sweep(cell="elman", w_rec=0.5, T=4, hidden=3, seeds=2, quiet=True)
    assert not {"data", "columns", "scale", "inputs_digest"} & planned.about["settings"].keys()
    assert "said" not in planned.about


REFUSED = {
    "too long": (("-T", "4,31"), r"error: -T: 31 is longer than the 30 rows of s.csv; choose a shorter one"),
    "D": (("--inputs", "3"), "error: --inputs: 3 is not what s.csv gives: columns 2; leave it out"),
    "std": (("--input-std", "7"), "error: --input-std: 7 is not what s.csv gives: standard deviation "),
    "fitted": (("--init", "critical"), "error: --init: critical is fitted to white noise, and the inputs"),
    "column": (("--columns", "d"), "error: --columns: no column called 'd'; "),
    "still": (("--columns", "c", "--scale", "standard"), "error: --scale: standard is not possible: c never"),
    "scale": (("--scale", "minmax"), "error: --scale: no scale called 'minmax'; "),
    "no file": (("--data", "no.csv"), "error: no.csv: cannot be read: No such file or directory"),
    "folder": (("--data", "."), "error: .: is no series; .csv, .npy, .npz, .parquet, .txt are read"),
    "missing": (
        ("--data", "gap.csv"),
        "error: gap.csv:line 3.b: is missing; fill it, or leave such rows out",
    ),
    "words": (("--data", "words.csv"), "error: words.csv:line 2.b: is 'x', which is no number"),
    "no data": (("--data", ""), "error: --data: is empty; give it a value, or leave it out"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_one_line_and_nothing_is_written(home, what, monkeypatch):
    (home / "gap.csv").write_text("a,b\n1,2\n3,\n")
    (home / "words.csv").write_text("a,b\n1,x\n")
    monkeypatch.setattr(store, "opened", lambda *_: pytest.fail("something was written"))
    words, line = REFUSED[what]
    given = list(ASKED)
    for option, value in zip(words[::2], words[1::2], strict=True):
        given = (
            [*given[: given.index(option)], *given[given.index(option) + 2 :]] if option in given else given
        )
        given += [option, value]
    said = gradlab("sweep", *given, "--name", "no")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(line)
    assert not (home / "results/no").exists()
