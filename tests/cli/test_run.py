"""`gradlab run`: a settings file asked, answered and judged."""

import json

import pytest

from gradlab.studies.sweep import compute, results
from tests.cli.calling import document, gradlab

FILE = """
question = "Does it vanish?"
[sweep]
cell = "elman(activation=identity)"
w_rec = [0.5, 1.0]
T = [4, 8]
hidden = 4
seeds = 3
[ci]
T = 6
[[claims]]
text = "Half is lost at each step."
metric = "rate"
where = { w_rec = 0.5 }
equals = -0.30103
within = 1e-5
[[claims]]
text = "It is so at T = 8."
metric = "regime"
where = { w_rec = 0.5, T = 8 }
equals = "VANISH"
size = "full"
"""


@pytest.fixture
def file(tmp_path):
    place = tmp_path / "half.toml"
    place.write_text(FILE)
    return place


def test_without_claims_it_is_done_and_there_is_nothing_to_judge(file, tmp_path, monkeypatch):
    monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)
    file.write_text(FILE.partition("[[claims]]")[0])
    said = gradlab("run", file, "--out", tmp_path / "out", "--json")
    found = document(said.out)
    assert (said.code, found["exit_code"], found["data"]) == (0, 0, [])
    assert found["verdict"] == "nothing to compare"
    assert gradlab("check", tmp_path / "out" / "half", "--json").code == 4


@pytest.mark.slow
def test_a_file_is_measured_judged_and_asked_again(file, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)
    found = gradlab("run", file, "--out", out)
    assert found.code == 0, found.err
    assert "2 of 2 claims hold." in found.out
    run = results.read(out / "half")
    assert run.about["question"] == "Does it vanish?"
    assert run.about["settings"]["w_rec"] == [0.5, 1.0]
    written = json.loads((out / "half" / "findings.json").read_text())
    assert [row["status"] for row in written["data"]] == ["passed", "passed"]
    assert gradlab("check", out / "half").code == 0
    monkeypatch.setattr(compute, "run", lambda *_: pytest.fail("something was computed"))
    again = gradlab("run", out / "half" / "run.json", "--out", out, "--json")
    assert document(again.out)["data"] == written["data"]
    file.write_text(FILE.replace("-0.30103", "-0.2"))
    changed = gradlab("run", file, "--out", out, "-q")
    assert (changed.code, changed.err) == (1, "")
    assert results.read(out / "half").about["claims"][0]["equals"] == -0.2


def test_a_dry_run_computes_nothing_and_leaves_nothing(file, tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "run", lambda *_: pytest.fail("something was computed"))
    found = gradlab("run", file, "--out", tmp_path / "out", "--dry-run", "--size", "ci", "--json")
    assert found.code == 0
    assert document(found.out)["data"]["counts"]["points"] == 6
    assert document(found.out)["data"]["run_dir"].endswith("half-ci")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("w_rec = [", "w_rek = [", "did you mean w_rec?"),
        ("hidden = 4", "hidden = 0\nseed = -1", "2 faults"),
        ("[ci]", "[cj]", "cj: no such key"),
        ('"elman(activation=identity)"', '"os:system"', "names code"),
    ],
)
def test_a_wrong_file_is_exit_2_and_nothing_is_made(file, tmp_path, old, new, said):
    file.write_text(FILE.replace(old, new))
    found = gradlab("run", file, "--out", tmp_path / "out", "--size", "ci")
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert "Traceback" not in found.err
    assert not (tmp_path / "out").exists()


def test_a_comparison_is_planned_from_a_file(file, tmp_path):
    file.write_text(
        'question = "Does it help?"\n[remedies]\ntask = "adding"\nremedies = "lstm"\nT = 6\nhidden = 4\n'
        "rates = [0.1, 0.2]\ntuning = 1\nseeds = 2\n"
    )
    found = gradlab("run", file, "--out", tmp_path / "out", "--dry-run")
    assert found.code == 0, found.err
    assert "grid     arm 2 x T 1 x w_rec 1 x seed 2 = 4 networks to judge" in found.out
    assert "training 8 networks" in found.out


def test_an_unknown_size_is_refused(file):
    assert gradlab("run", file, "--size", "tiny").code == 2


FEW = """
question = "Does one seed decide?"
[sweep]
cell = "elman(activation=relu)"
init = "gaussian"
w_rec = 0.9
T = 12
hidden = 4
seeds = 1
[[claims]]
text = "It vanishes."
metric = "rate"
below = 0
[[claims]]
text = "Its rate is a number."
metric = "rate"
between = [-100, 100]
[[claims]]
text = "It is called so."
metric = "regime"
equals = "VANISH"
"""


@pytest.mark.slow
def test_one_seed_cannot_judge_a_claim_about_seeds(tmp_path):
    file = tmp_path / "few.toml"
    file.write_text(FEW)
    said = gradlab("run", file, "--out", tmp_path / "out", "--json", "-q")
    found = document(said.out)
    assert said.code == found["exit_code"] == 4
    assert [one["status"] for one in found["data"]] == ["inconclusive"] * 3
    assert [one["level"] for one in found["data"]] == [None] * 3
    assert found["data"][0]["sentence"].count("(1 seed, no interval)") == 1
    assert "UNDECIDED (1 seed)" in found["data"][2]["sentence"]
    file.write_text(FEW.replace("seeds = 1", "seeds = 4"))
    more = document(gradlab("run", file, "--out", tmp_path / "out", "--json", "-q", "--force").out)
    assert "(95 % interval, 4 seeds)" in more["data"][0]["sentence"]
    assert more["data"][0]["level"] == 0.95


def test_what_too_few_seeds_give_is_no_claim(tmp_path):
    file = tmp_path / "few.toml"
    file.write_text(FEW.replace('equals = "VANISH"', 'equals = "UNDECIDED"'))
    said = gradlab("run", file, "--out", tmp_path / "out")
    assert said.code == 2
    assert "must be one of VANISH, STABLE, EXPLODE, NONFINITE, UNDEFINED" in said.err
