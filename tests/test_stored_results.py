"""The results that ship: their reports and words are those that today's code makes of their numbers."""

import re
from pathlib import Path

import pytest

from gradlab.report import markdown, sources, verdict

RESULTS = Path(__file__).parents[1] / "results"
NAMES = sorted(folder.name for folder in RESULTS.iterdir() if (folder / "run.json").exists())
COMPARED = [name for name in NAMES if (RESULTS / name / "remedies.csv").exists()]


def headline(name):
    """What stands in bold on top of a report."""
    return re.search(r"^\*\*(.+)\*\*$", (RESULTS / name / "report.md").read_text(), re.MULTILINE)[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_has_its_pictures_and_no_others(name):
    shown = re.findall(r"report_files/([\w.-]+)", (RESULTS / name / "report.md").read_text())
    there = [path.name for path in (RESULTS / name / "report_files").iterdir()]
    assert sorted(shown) == sorted(there)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("neurons")])
def test_the_list_of_results_says_what_the_report_says(name):
    (told,) = re.findall(rf"^## \[{name}\].*?(?=^## |\Z)", (RESULTS / "README.md").read_text(), re.M | re.S)
    assert headline(name) in told


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "latch" else pytest.mark.slow) for name in COMPARED]
)
def test_the_words_are_those_that_its_numbers_give_today(name):
    """A report made by an earlier version may say what was since found to be more than the numbers bear."""
    assert headline(name) == markdown.escape(verdict.verdict(sources.read(RESULTS / name)))
