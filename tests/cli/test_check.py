"""`gradlab check`: a run's own claims, judged from its files."""

import subprocess
import sys
from pathlib import Path

import pytest

from gradlab.studies.sweep import results
from tests import made_runs, samples
from tests.cli.calling import contents, document, finished, gradlab

RESULTS = Path(__file__).parents[2] / "results"
TRUE = {"text": "Half is lost at each step.", "metric": "rate", "where": {"w_rec": 0.5}, "below": -0.2}
FALSE = {"text": "Nothing is lost.", "metric": "rate", "where": {"w_rec": 0.5}, "above": 0}
OPEN = {"text": "There is a difference.", "metric": "rate", "where": {"T": 50}, "greater_than": {"T": 20}}


@pytest.fixture
def folder(tmp_path):
    def folder(*claims, seeds=5):
        norms = samples.norms(("elman",), (0.5,), seeds=seeds)
        about = made_runs.facts(norms, question="Does it vanish?", claims=list(claims))
        results.write(tmp_path / "run", results.Run(about, results.metrics(norms), norms))
        return tmp_path / "run"

    return folder


@pytest.mark.parametrize(
    ("claims", "code", "said"),
    [
        ((TRUE,), 0, "1 of 1 claims hold."),
        ((TRUE, FALSE), 1, "1 of 2 claims hold, 1 failed."),
        ((TRUE, OPEN), 4, "1 of 2 claims hold, 1 inconclusive."),
        ((), 4, "Nothing to judge: no claim is made."),
    ],
)
def test_the_exit_code_says_whether_the_claims_hold(folder, claims, code, said):
    place = folder(*claims, seeds=2)
    before = contents(place)
    found = gradlab("check", place)
    assert (found.code, found.err) == (code, "")
    assert found.out.startswith("Does it vanish?\n")
    assert found.out.splitlines()[-1] == said
    assert contents(place) == before


def test_nothing_is_wider_than_80_columns(folder):
    lines = gradlab("check", folder(TRUE, FALSE, OPEN)).out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("FAILED ") for line in lines)


def test_one_document_holds_all(folder):
    found = gradlab("check", folder(TRUE, FALSE), "--json")
    whole = document(found.out)
    assert (whole["schema"], whole["exit_code"], whole["status"]) == ("gradlab.findings/2", 1, "failed")
    assert [row["status"] for row in whole["data"]] == ["passed", "failed"]


def test_of_a_comparison_of_remedies_the_document_has_the_forecast(folder):
    place = RESULTS / "copy"
    found = document(gradlab("check", place, "--json").out)["forecast"]
    assert found == document(gradlab("show", place, "--json").out)["forecast"]
    assert (found["points"], found["left_out"]) == (4, None)
    whole = document(gradlab("check", RESULTS / "forecast", "--json").out)["forecast"]["left_out"]
    assert (whole["cells"], whole["starts"], whole["points"], whole["skill"]) == (6, 30, 120, False)
    assert "forecast" not in document(gradlab("check", folder(TRUE), "--json").out)


def test_a_folder_without_a_run_is_refused(tmp_path):
    assert gradlab("check", tmp_path).code == 2
    assert gradlab("check", tmp_path / "nowhere").code == 2


def test_it_needs_no_jax(folder):
    place = folder(TRUE)
    code = "import sys; from tests.cli import calling; "
    code += "calling.gradlab(*sys.argv[1:]); sys.exit('jax' in sys.modules)"
    words = [sys.executable, "-c", code, "check", str(place)]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    assert finished("check", place).code == 0
