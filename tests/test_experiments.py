"""The experiments that come with the project: every file is valid, and the sweeps run at toy size."""

import dataclasses
from pathlib import Path

import pytest

from gradlab import engine, findings, questions, tables, trials
from gradlab.experiment import Sweep
from gradlab.labelled import dataset

FOLDER = Path(__file__).parents[1] / "experiments"
FILES = sorted(FOLDER.glob("*.toml"))
SWEEPS = [path for path in FILES if isinstance(questions.load(path).asked, Sweep)]


def name(path):
    return path.stem


def test_there_are_experiments():
    assert len(FILES) >= 10
    assert SWEEPS


@pytest.mark.parametrize("path", FILES, ids=name)
@pytest.mark.parametrize("size", ["full", "ci"])
def test_a_file_is_valid_and_claims_something_at_each_size(path, size):
    found = questions.load(path, size)
    assert found.claims
    assert len({claim.text for claim in found.claims}) == len(found.claims)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_ci_asks_for_no_more_than_the_full_size(path):
    full, small = (questions.load(path, size).asked for size in ("full", "ci"))
    assert max(small.T) * small.hidden * small.seeds < max(full.T) * full.hidden * full.seeds


@pytest.mark.parametrize("path", [path for path in FILES if path not in SWEEPS], ids=name)
def test_a_comparison_is_possible(path):
    trials.check(questions.load(path, "ci").asked)


@pytest.mark.parametrize("path", SWEEPS, ids=name)
def test_a_sweep_runs_at_toy_size_and_every_claim_is_judged(path):
    found = questions.load(path, "ci")
    asked = dataclasses.replace(found.asked, hidden=4, T=(5, 10), seeds=2)
    results = sorted(engine.run(asked), key=lambda result: asked.cell.index(result.cell))
    norms = dataset(results, asked.init, asked.w_rec, asked.T, range(asked.seeds), hidden=4)
    run = tables.Run({}, tables.metrics(norms), norms)
    made = findings.judge(run, [claim for claim in found.claims if "T" not in claim.where])
    assert all(finding.seeds == 2 for finding in made)
    assert all(finding.sentence for finding in made)
