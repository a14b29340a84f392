"""Claims and findings: what a run says of what was claimed."""

import json

import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.findings import claims, finding, judge
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run
from tests import made_runs
from tests import samples as made

IDENTITY = "elman(activation=identity)"


def run(stored=(), **options):
    norms = made.norms(**({"cells": ("elman", IDENTITY), "seeds": 5} | options))
    return Run({"claims": list(stored), "question": "Does it?"}, results.metrics(norms), norms)


def claim(metric="rate", where=None, **check):
    return {"text": "It does.", "metric": metric, "where": where or {}} | check


def judged(stored, **options):
    given = run([stored], **options)
    (finding,) = judge.judge(given, claims.of(given, "run"))
    return finding


@pytest.mark.parametrize(
    ("stored", "status"),
    [
        (claim(where={"cell": IDENTITY, "w_rec": 0.5}, equals=-0.30103, within=1e-5), "passed"),
        (claim(where={"cell": IDENTITY, "w_rec": 0.5}, equals=-0.31, within=1e-5), "failed"),
        (claim(where={"w_rec": 0.5}, below=-0.2), "passed"),
        (claim(where={"w_rec": 0.5, "T": 20}, above=0), "failed"),
        (claim(where={"cell": IDENTITY}, increases_with="w_rec"), "passed"),
        (claim(where={"cell": IDENTITY}, decreases_with="w_rec"), "failed"),
        (claim(where={"cell": IDENTITY, "w_rec": 1.5}, greater_than={"cell": "elman"}), "passed"),
        (claim(where={"w_rec": 1.5}, ranks_as={"cell": ["elman", IDENTITY]}), "failed"),
        (claim("regime", {"cell": IDENTITY, "w_rec": 1.5}, equals="EXPLODE"), "passed"),
        (claim("soft_horizon", {"w_rec": 0.5}, between=[5, 15]), "passed"),
        (claim("soft_horizon", {"w_rec": 1.0, "cell": IDENTITY}, above=1000), "passed"),
        (claim("border", {"cell": IDENTITY}, equals=1, within=1e-9), "passed"),
    ],
)
def test_a_claim_is_judged_by_the_numbers(stored, status):
    finding = judged(stored)
    assert finding.status == status
    assert finding.metric in finding.sentence


def test_two_seeds_are_too_few_to_compare():
    where = {"cell": IDENTITY, "w_rec": 1.5}
    finding = judged(claim(where=where, greater_than={"cell": "elman"}), seeds=2)
    assert finding.status == "inconclusive"
    assert "too few seeds to compare (2, at least 3)" in finding.sentence


def test_a_missing_metric_is_a_failure():
    given = run([claim("soft_horizon", above=-1)])
    rest = Run(given.about, given.metrics[given.metrics["metric"] == "rate"], given.norms)
    (finding,) = judge.judge(rest, claims.of(rest, "run"))
    assert (finding.status, finding.seeds) == ("failed", 0)
    assert "does not hold it" in finding.sentence


def test_a_lost_forward_pass_fails_whatever_is_claimed():
    options = {"cells": (IDENTITY,), "w_rec": (0.5, 2.0), "T": (60,), "nonfinite_above": 1.0}
    finding = judged(claim(where={"w_rec": 2.0}, above=-1e9), **options)
    assert finding.status == "failed"
    assert "the forward pass of 5 of 5 seeds is not finite" in finding.sentence


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ("passed passed", Exit.OK),
        ("passed failed", Exit.FAILED),
        ("inconclusive failed", Exit.FAILED),
        ("passed inconclusive", Exit.INCONCLUSIVE),
        ("", Exit.INCONCLUSIVE),
    ],
)
def test_nothing_judged_is_never_a_success(statuses, code):
    some = judged(claim(below=9))
    made = [some._replace(status=word.replace("_", " ")) for word in statuses.split()]
    assert finding.exit_code(made) == code
    assert finding.document("Does it?", made)["exit_code"] == code


def test_the_document_is_strict_json_whose_numbers_are_finite_or_null():
    found = judged(claim("soft_horizon", {"w_rec": 1.0, "cell": IDENTITY}, above=1000))
    whole = json.loads(json.dumps(finding.document("Does it?", [found]), allow_nan=False))
    assert whole["schema"] == "gradlab.findings/2"
    assert whole["status"] == "passed"
    assert whole["data"][0]["measured"] is None
    assert "never" in whole["data"][0]["sentence"]


def test_a_stored_claim_that_fits_no_check_is_refused():
    given = run([claim(near=3)])
    with pytest.raises(GradlabError, match="no such key"):
        claims.of(given, "run")
    with pytest.raises(GradlabError, match="at most 100"):
        claims.of(run([claim(above=1)] * 101), "run")


def test_findings_are_written_beside_the_run_and_it_stays_whole(tmp_path):
    given = run()
    folder = tmp_path / "run"
    results.write(folder, Run(made_runs.facts(given.norms), given.metrics, given.norms))
    before = (folder / "norms.nc").read_bytes()
    facts = {"question": "Does it?", "claims": [claim(below=9)], "figures": []}
    some = [judged(claim(below=9))]
    judge.write(folder, facts, some)
    again = results.read(folder)
    assert again.about["claims"] == facts["claims"]
    assert (folder / "norms.nc").read_bytes() == before
    assert json.loads((folder / "findings.json").read_text()) == finding.document("Does it?", some)
    told = (folder / "run.json").stat().st_mtime_ns
    judge.write(folder, facts, some)
    assert (folder / "run.json").stat().st_mtime_ns == told


def test_findings_of_machines_that_differ_say_so(tmp_path):
    given = run()
    results.write(
        tmp_path, Run(made_runs.facts(given.norms, mixed=made_runs.MIXED), given.metrics, given.norms)
    )
    judge.write(tmp_path, {"question": "", "claims": [], "figures": []}, [])
    assert "3 groups with processor one" in json.loads((tmp_path / "findings.json").read_text())["mixed"]
