"""The stored results say of themselves what their tables show, and the list of them says the same."""

import re
from pathlib import Path

import numpy as np
import pytest

from gradlab.escaping import markdown
from gradlab.findings import claims, judge
from gradlab.studies.neurons import sentences as reading_sentences
from gradlab.studies.neurons.rows import cells, detectors
from gradlab.studies.remedies import results, separation
from gradlab.studies.remedies.sentences import judged, sentences
from gradlab.viewer import page
from tests import drawn, stored
from tests.spoken_arms import hold_sentence
from tests.spoken_best import hold_judged
from tests.spoken_comparisons import beside, raw
from tests.spoken_neurons import hold_sentence as hold_reading
from tests.spoken_neurons import hold_verdict

RESULTS = Path(__file__).parents[1] / "results"
FOLDERS = sorted(path.parent for path in RESULTS.glob("*/run.json"))
READINGS = [folder for folder in FOLDERS if (folder / "scores.csv").exists()]
COMPARISONS = [folder for folder in FOLDERS if (folder / "remedies.csv").exists()]


def words(folder):
    """The verdict and the counts of the findings that a report has on top."""
    text = (folder / "report.md").read_text()
    verdict, found = re.search(r"(?m)^\*\*(.*)\*\*$", text), re.search(r"(?m)^Findings: (.*)\.$", text)
    return verdict[1], f" Claims: {found[1]}." if found else ""


def test_the_list_has_each_verdict_as_its_report_has_it():
    text = (RESULTS / "README.md").read_text()
    assert re.findall(r"(?m)^## \[(\w+)\]", text) != []
    assert sorted(re.findall(r"(?m)^## \[(\w+)\]", text)) == [folder.name for folder in FOLDERS]
    for folder in FOLDERS:
        verdict, found = words(folder)
        assert f"\n{verdict}{found}\n" in text


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_report_has_its_pictures_and_no_others(folder):
    shown = re.findall(r"report_files/([\w.-]+)", (folder / "report.md").read_text())
    assert sorted(shown) == sorted(path.name for path in (folder / "report_files").iterdir())


@pytest.mark.parametrize("folder", COMPARISONS, ids=lambda folder: folder.name)
def test_a_report_says_what_its_table_shows(folder):
    run = results.read(folder)
    # One that diverges at once has followed none either, but not at every place.
    followed = run.table["arm"][run.table["changed"].notna()]
    found = drawn.SimpleNamespace(run=run, fitted=set(run.table["arm"]) - set(followed))
    rows, outcomes = raw(found), run.outcomes()
    verdict, _ = words(folder)
    assert verdict == markdown(separation.verdict(outcomes))
    hold_judged(judged(outcomes), rows)
    report = (folder / "report.md").read_text()
    for text, row, compared in zip(sentences(outcomes), rows.values(), beside(rows), strict=True):
        hold_sentence(text, row, compared)
        assert markdown(f"{text}.") in report


@pytest.mark.parametrize("folder", COMPARISONS, ids=lambda folder: folder.name)
def test_its_findings_are_what_the_package_says_today(folder):
    run = results.read(folder)
    made = judge.judge(run, claims.of(run, folder.name))
    report = (folder / "report.md").read_text()
    for one in made:
        assert f"- **{one.status}**: " in report
        assert markdown(one.sentence) in report


def test_the_stored_readings_are_those_that_tests_read():
    assert tuple(folder.name for folder in READINGS) == stored.READINGS


@pytest.mark.parametrize("folder", READINGS, ids=lambda folder: folder.name)
def test_a_report_of_a_reading_says_what_its_tables_show(folder):
    run = stored.reading(folder.name)
    rows, every = detectors(run), cells(run)
    verdict, _ = words(folder)
    assert verdict == markdown(reading_sentences.judged(every, rows))
    hold_verdict(reading_sentences.judged(every, rows), every, rows)
    report = (folder / "report.md").read_text()
    for row in rows:
        hold_reading(reading_sentences.sentence(row), row)
        if row.above:
            assert markdown(f"{reading_sentences.sentence(row)}.") in report


def test_the_stored_readings_have_the_units_that_they_are_kept_for():
    """On code below 2.2 bits, and units for position, depth, quote or comment; on prose for two of them."""
    code, prose = (stored.reading(name) for name in stored.READINGS)
    assert cells(code)[0].bits < 2.2
    above = {row.label for row in detectors(code) if row.above}
    assert "position in line" in above
    assert above & {"indentation", "nesting"}
    assert above & {"inside quotes", "comment"}
    assert {"position in line", "inside quotes"} <= {row.label for row in detectors(prose) if row.above}


@pytest.mark.parametrize("folder", READINGS, ids=lambda folder: folder.name)
def test_a_stored_reading_stays_below_3_mb(folder):
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 3_000_000
    assert page.MARK in (folder / page.FILE).read_text()


def test_what_learnt_to_add_is_not_said_to_have_done_nothing():
    """Nobody solved it within the budget, at a loss of 0.004 where chance is 1/6."""
    run = results.read(RESULTS / "adding_irnn")
    verdict, said = judged(run.outcomes()), dict(zip(run.outcomes(), sentences(run.outcomes()), strict=True))
    assert verdict.startswith("No arm solved the task within the budget; the least loss is 0.00414 ")
    assert "where chance is 0.1667" in verdict
    irnn = next(text for row, text in said.items() if row.arm == "clip_norm+irnn")
    assert "but loss 0.00414 (93 % interval 0.00132 to 0.0102) is far below the 0.1667 of chance" in irnn
    assert "its loss is below the plain arm's 0.159 (93 % interval 0.158 to 0.162) by the Mann-Whi" in irnn
    assert "help" not in irnn


def test_a_reservoir_has_no_learning_rate():
    rows = results.read(RESULTS / "esn").outcomes()
    assert all(row.closed_form for row in rows)
    assert np.isnan([row.lr for row in rows]).all()
