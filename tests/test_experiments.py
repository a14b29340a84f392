"""The experiments that come with the project: every file is valid, and what it claims at CI size holds."""

import functools

import pytest

from gradlab.experiments import load
from gradlab.studies.remedies import work
from gradlab.studies.sweep.settings import Sweep
from tests.cli.calling import document, gradlab

FOLDER = load.FOLDER
FILES = sorted(FOLDER.glob("*.toml"))
loaded = functools.cache(load.load)
SWEEPS = [path for path in FILES if isinstance(loaded(path, "ci").asked, Sweep)]


def name(path):
    return path.stem


def test_there_are_experiments():
    assert len(FILES) >= 10
    assert SWEEPS


@pytest.mark.parametrize("path", FILES, ids=name)
@pytest.mark.parametrize("size", ["full", "ci"])
def test_a_file_is_valid_and_claims_something_at_each_size(path, size):
    found = loaded(path, size)
    assert found.claims
    assert len({claim.text for claim in found.claims}) == len(found.claims)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_ci_asks_for_no_more_than_the_full_size(path):
    full, small = (loaded(path, size).asked for size in ("full", "ci"))
    assert max(small.T) * small.hidden * small.seeds < max(full.T) * full.hidden * full.seeds


@pytest.mark.parametrize("path", [path for path in FILES if path not in SWEEPS], ids=name)
def test_a_comparison_is_possible(path):
    work.check(loaded(path, "ci").asked)


def compiled(path):
    """Programs, about: three per arm, one per cell of a sweep. More than three take minutes."""
    asked = loaded(path, "ci").asked
    return len(asked.cell) if isinstance(asked, Sweep) else 3 * len(asked.remedies)


def mark(path):
    """Those that compile little are slow tests."""
    return pytest.mark.slow if compiled(path) <= 3 else pytest.mark.long


SIZED = [pytest.param(path, marks=mark(path)) for path in FILES]


@pytest.mark.parametrize("path", SIZED, ids=lambda path: path.stem)
def test_at_ci_size_every_claim_holds(path, tmp_path):
    said = gradlab("run", path, "--size", "ci", "--out", tmp_path, "--json", "--quiet")
    assert (said.code, said.err) == (0, ""), said.out
    found = document(said.out)["data"]
    assert {finding["status"] for finding in found} == {"passed"}
    assert len(found) == len(loaded(path, "ci").claims)
