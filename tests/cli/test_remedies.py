"""`gradlab remedies`: its table, its files, the same bytes again, and what it refuses."""

import re

import pandas as pd
import pytest

from tests.cli.calling import contents, document, gradlab

SMALL = (
    *("remedies", "adding", "-T", "4", "-N", "2", "--batch", "2", "--updates", "4", "--eval-every", "2"),
    *("--eval-size", "4", "--seeds", "2", "--tuning", "1"),
)
ARMS = ("-r", "truncate(2)", "-r", "esn")


@pytest.fixture(scope="module", params=[pytest.param("small", marks=pytest.mark.slow)])
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp("small")
    said = gradlab(*SMALL, *ARMS, "--lr", "0.1,0.01", "--out", out, "--name", "run")
    return out / "run", said


def test_stdout_is_a_table_of_80_columns_with_a_sentence_for_each_arm(small):
    folder, said = small
    assert said.code == 0
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "Too few seeds to tell the plain arm from any other arm (at least 5 for 2 pairs)."
    assert lines[2].startswith("Not equal: ")
    lines = lines[lines.index("T = 4, w_rec = 1") :]
    assert lines[1].split()[:3] == ["remedy", "N", "lr"]
    assert [line.split()[0] for line in lines[2:5]] == ["none", "truncate(k=2)", "esn"]
    assert re.search(r"(?m)^truncate\(k=2\): (changed .*)?at the start nothing comes from beyond", said.out)
    assert "0/2" in said.out or "1/2" in said.out or "2/2" in said.out
    assert said.err.endswith(f"{folder}  (gradlab show {folder} prints it again)\n")


def test_the_folder_holds_a_row_a_network_and_its_curves(small):
    folder, _ = small
    table = pd.read_csv(folder / "remedies.csv")
    assert len(table) == 6
    # What was given, and up to three further ones on either side.
    tried = {10.0**n for n in range(-5, 3)}
    assert set(table[table["arm"] != "esn"]["lr"]) <= tried
    assert (table["parameters"] == 13).all()
    about = document((folder / "run.json").read_text())
    assert (about["command"], about["points"], about["status"]) == ("remedies", 6, "complete")
    assert about["chance"] == {"4": pytest.approx(1 / 6)}
    curves = pd.read_csv(folder / "training.csv")
    assert set(curves[curves["arm"] == "esn"]["update"]) == {4}
    assert set(curves[curves["arm"] == "none"]["update"]) == {2, 4}


def test_a_readout_fitted_in_closed_form_has_no_learning_rate(small):
    """Not in the table, not in the file, and nobody has chosen one for it."""
    folder, said = small
    row = next(line.split() for line in said.out.splitlines() if line.startswith("esn "))
    assert row[2] == "-"
    rates = "lr: chosen from 0.1, 0.01, and beyond while the best was the least or the largest, on 1 seed"
    assert f"{rates} that is not judged (-: readout fitted in closed form)" in " ".join(said.out.split())
    assert pd.read_csv(folder / "remedies.csv").groupby("arm")["lr"].count()["esn"] == 0
    esn = document(gradlab("show", folder, "--json").out)["data"][2]
    assert (esn["lr"], esn["closed_form"]) == (None, True)
    assert esn["sentence"].startswith("readout fitted in closed form, no gradient followed; ")


def test_a_second_time_it_computes_nothing_and_prints_the_same(small, monkeypatch):
    from gradlab.studies.remedies import compute

    folder, first = small
    before = contents(folder)
    monkeypatch.setattr(compute, "run", lambda *_: pytest.fail("something was computed"))
    said = gradlab(*SMALL, *ARMS, "--lr", "0.1,0.01", "--out", folder.parent, "--name", "run")
    assert (said.code, said.out) == (0, first.out)
    assert gradlab("show", folder).out == first.out
    assert contents(folder) == before


def test_json_is_one_strict_document(small):
    folder, _ = small
    found = document(gradlab("show", folder, "--json").out)
    assert (found["schema"], found["exit_code"]) == ("gradlab.remedies/2", 0)
    assert [row["arm"] for row in found["data"]] == ["none", "truncate(k=2)", "esn"]
    assert found["data"][1]["hard"] == 2
    assert all(row["solved"]["of"] == 2 for row in found["data"])


def test_trained_again_elsewhere_it_writes_the_same_bytes(small, tmp_path):
    """One arm alone, in a folder of its own: its rows are those of the comparison."""
    folder, _ = small
    said = gradlab(*SMALL, "-r", "none", "--lr", "0.1,0.01", "--out", tmp_path, "--name", "run", "-q")
    assert (said.code, said.err) == (0, "")
    for name in ("remedies.csv", "training.csv"):
        both = [(place / name).read_text().splitlines() for place in (folder, tmp_path / "run")]
        here = [[line for line in lines if line.startswith("none,")] for lines in both]
        assert here[0] == here[1]
        assert here[1]


@pytest.mark.parametrize(
    ("arguments", "where", "words"),
    [
        (["adding", "-r", "clip_nrm"], "--remedy", "did you mean clip_norm?"),
        (["adding", "-r", "clip_norm(-1.0)"], "--remedy", "must be positive and finite"),
        (["adding", "-r", "lstm+gru"], "--remedy", "both replace the cell"),
        (["adding", "-r", "esn+clip_norm"], "--remedy", "in closed form"),
        (["adding", "-r", "none+clip_norm"], "--remedy", "cannot be combined"),
        (["adding", "-r", "clip_norm,clip_norm(1.0)"], "--remedy", "given twice"),
        (["adding", "-T", "1"], "-T", "the least T is 2"),
        (["addding"], "TASK", "did you mean adding?"),
        (["adding", "--optimizer", "adm"], "--optimizer", "did you mean adam?"),
        (["adding", "--lr", "0"], "--lr", "positive"),
        (["adding", "--quick", "--full"], "--quick", "exclude each other"),
        (["--quick"], "TASK", "is missing beside --quick"),
        (["-T", "20,40"], "-T", "two scenarios are chosen at one T"),
        (["adding", "--updates", "150"], "--updates", "no multiple of --eval-every 100"),
    ],
)
def test_what_is_not_possible_exits_with_2_in_one_line(arguments, where, words, tmp_path):
    said = gradlab("remedies", *arguments, "--out", tmp_path / "results")
    assert (said.code, said.out) == (2, "")
    line = said.err.removesuffix("\n")
    assert line.startswith(f"error: {where}")
    assert line.isprintable()
    assert words in line
    assert not (tmp_path / "results").exists()


LINEAR = ("remedies", "--cell", "elman(activation=identity)", "--init", "identity", "-N", "1", "--no-match")
"""Whose transport is w_rec^T."""


@pytest.mark.slow
def test_without_a_task_two_starts_are_chosen_and_the_profile_is_shown(tmp_path):
    said = gradlab(*LINEAR, "-T", "24", "-r", "clip_norm", "--dry-run", "--out", tmp_path)
    assert said.code == 0
    assert "over T = 24 steps (median), by w_rec: 0.25: 10^-14.4, 0.5: 10^-7.2, 0.7: 10^-3.7" in said.err
    assert "arm 2 x T 1 x w_rec 2 x seed 6" in said.out
    quiet = gradlab(*LINEAR, "-T", "24", "-r", "clip_norm", "--dry-run", "--out", tmp_path, "-q")
    assert (quiet.code, quiet.err) == (0, "")


@pytest.mark.slow
def test_where_nothing_can_vanish_it_says_so_and_trains_nothing(tmp_path):
    said = gradlab(*LINEAR, "-T", "5", "--out", tmp_path / "results")
    assert (said.code, said.out) == (4, "")
    assert said.err == (
        "error: -T: nothing vanishes at T = 5: at w_rec = 0.25 the transport keeps 10^-3.0, and 10^-6.9 is "
        "asked for; try -T 20\n"
    )
    assert not (tmp_path / "results").exists()
