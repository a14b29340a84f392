"""Settings files and run folders that were written before settings and columns got their names of today."""

import json
from pathlib import Path

import pytest

import gradlab
from gradlab import __version__
from gradlab.errors import GradlabError
from gradlab.experiments import load
from gradlab.runs import former, manifest
from gradlab.studies import base
from gradlab.studies.remedies import results
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.settings import Sweep
from tests.cli import calling

FORMER = Path(__file__).parent / "former"
ASKED = Training(
    "adding",
    ("none", "clip_norm"),
    T=(4,),
    hidden=2,
    batch=2,
    updates=4,
    eval_every=2,
    eval_size=4,
    lr=(0.1, 0.01),
    tuning=1,
    seeds=2,
)
OLD = """
question = "Does it?"
[remedies]
task = "adding"
T = 4
rates = [0.1]
updates = 4
every = 2
judged = 4
"""
NEW = OLD.replace("rates", "lr").replace("every", "eval_every").replace("judged", "eval_size")


def test_the_folders_are_of_the_first_schema():
    for folder in FORMER.iterdir():
        assert json.loads((folder / "run.json").read_text())["schema"] == "gradlab.run/1"


def test_a_training_reads_with_its_learning_rates():
    run = base.read(FORMER / "training")
    assert {name: run.about["settings"][name] for name in former.SETTINGS} == {
        "eval_every": 2,
        "eval_size": 4,
        "lr": [0.1, 0.01],
    }
    assert run.table["lr"].tolist() == [0.1, 0.1, 0.1, 0.1]
    assert [row.lr for row in run.outcomes()] == [0.1, 0.1]


def test_a_sweep_reads_as_ever():
    run = base.read(FORMER / "sweep")
    assert run.about["settings"]["cell"] == ["elman"]
    assert run.metrics["metric"].nunique() == 7


@pytest.mark.parametrize("name", ["sweep", "training"])
def test_every_reading_command_answers(name, tmp_path):
    folder = str(FORMER / name)
    for words in (["show", folder], ["report", folder, "--out", str(tmp_path / "page.html")]):
        code, _, err = calling.gradlab(*words)
        assert (code, err) == (0, ""), err


def test_what_a_run_asked_is_asked_again_under_the_names_of_today():
    assert load.load(FORMER / "training" / "run.json").asked == ASKED
    assert isinstance(load.load(FORMER / "sweep" / "run.json").asked, Sweep)


def test_a_run_of_before_is_written_as_one_of_today(tmp_path):
    run = base.read(FORMER / "training")
    results.write(tmp_path, run)
    about = json.loads((tmp_path / "run.json").read_text())
    assert about["schema"] == former.SCHEMA
    assert not set(former.SETTINGS.values()) & about["settings"].keys()
    again = results.read(tmp_path)
    assert again.table.equals(run.table)


def read(text, tmp_path):
    path = tmp_path / "file.toml"
    path.write_text(text)
    return load.load(path).asked


def test_a_settings_file_of_before_asks_the_same(tmp_path):
    assert OLD != NEW
    assert read(OLD, tmp_path) == read(NEW, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("every = 2", "every = 0", "remedies.every: 0 is too small"),
        ("judged = 4", 'judged = "x"', "remedies.judged: 'x' must be a whole number"),
        ("rates = [0.1]", "rates = [0.1]\nlr = [0.1]", "remedies.rates: no such key"),
        ("rates = [0.1]", "rate = [0.1]", "remedies.rate: no such key"),
    ],
)
def test_a_fault_names_the_key_as_the_file_has_it(tmp_path, old, new, where):
    with pytest.raises(GradlabError) as caught:
        read(OLD.replace(old, new), tmp_path)
    assert where in str(caught.value)


@pytest.mark.parametrize(("was", "now"), [("--every", "--eval-every"), ("--judged", "--eval-size")])
def test_an_option_of_before_says_its_name_of_today(was, now):
    code, _, err = calling.gradlab("remedies", "adding", was, "5")
    assert (code, err) == (2, f"error: {was}: no such option; did you mean {now}?\n")


def test_a_run_that_cannot_be_read_says_who_wrote_it(tmp_path):
    about = json.loads((FORMER / "training" / "run.json").read_text())
    about["settings"]["seeds"] = "many"
    (tmp_path / "run.json").write_text(json.dumps(about))
    with pytest.raises(GradlabError, match=r"must be a whole number$"):
        manifest.read(tmp_path)
    about["versions"]["gradlab"] = "0.0.1"
    (tmp_path / "run.json").write_text(json.dumps(about))
    with pytest.raises(GradlabError, match=r"; gradlab '0.0.1' wrote it: read it with that version, or run "):
        manifest.read(tmp_path)
    assert __version__ != "0.0.1"


def test_python_takes_the_names_of_today():
    with pytest.raises(GradlabError, match="rates"):
        gradlab.train("adding", rates=[0.1])
