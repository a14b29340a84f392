"""The page and the Markdown: whole, self-contained, and there even if something is missing."""

import csv
import io
import re

import pytest

from gradlab.report import figures, page, sources, tabular
from gradlab.report.table import Column, Entry, Table
from gradlab.runs.manifest import of_mixed
from gradlab.studies.remedies import results as remedies_results
from gradlab.studies.sweep import results as sweep_results
from tests import made_runs
from tests.report import folders
from tests.report.pages import Page
from tests.trials import SETTINGS


def report(*places, **settings):
    return page.render(page.compose([sources.read(place) for place in places], **settings))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A report of everything that a plain sweep can show."""
    findings = [
        {"text": "the first claim", "status": "passed", "sentence": "rate −0.3; claimed: below 0."},
        {"text": "the second claim", "status": "failed", "sentence": "rate −0.2; claimed: above 0."},
        {"text": "the third claim", "status": "inconclusive", "sentence": "the run does not hold it."},
    ]
    place = folders.sweep(tmp_path_factory.mktemp("w") / "run", about={"figures": []}, findings=findings)
    return report(place)


class TestPage:
    def test_sections_stand_in_the_order_of_reading(self, whole):
        made = Page(whole.html)
        ids = [attributes["id"] for attributes in made.all("section")]
        assert ids == ["answer", "findings", "figures", "explorer", "tables", "made"]
        for word in (
            "Where do the gradients",
            "At T = 20 (2 seeds)",
            "gradlab sweep -T 8,20 --batch 1 --cell elman --cell lstm",
        ):
            assert word in made.text
        assert made.text.index("Where do the gradients") < made.text.index("At T = 20 (2 seeds)")

    def test_nothing_comes_from_outside(self, whole):
        links = [
            a[key] for _, a in Page(whole.html).elements for key in ("src", "href", "xlink:href") if key in a
        ]
        assert links
        assert all(link.startswith(("#", "data:")) for link in links)
        style = re.search(r"<style>(.*?)</style>", whole.html, re.DOTALL)[1]
        assert "url(" not in style
        assert "@import" not in style

    def test_a_policy_forbids_every_request(self, whole):
        policies = [a["content"] for a in Page(whole.html).all("meta") if a.get("http-equiv")]
        assert len(policies) == 1
        assert policies[0].startswith("default-src 'none'")
        assert "http" not in policies[0]

    def test_it_stays_below_its_limit(self, whole):
        assert 100_000 < len(whole.html.encode()) < 1_000_000

    def test_every_id_is_there_once_and_every_reference_has_one(self, whole):
        made = Page(whole.html)
        ids = [a["id"] for _, a in made.elements if "id" in a]
        assert len(ids) == len(set(ids))
        body = re.sub(r"<(script|style)\b.*?</\1>", "", whole.html, flags=re.DOTALL)
        references = re.findall(r'(?:href="|url\()#([^")]+)', body)
        references += [word for a in made.all("svg") for word in a["aria-labelledby"].split()]
        references += [a["data-copies"] for a in made.all("button") if "data-copies" in a]
        references += [a["for"] for a in made.all("label") if "for" in a]
        assert set(references) <= set(ids)

    def test_figures_have_words_for_those_who_cannot_see_them(self, whole):
        made = Page(whole.html)
        assert len(made.all("svg")) == len(made.all("figure")) == len(made.all("title")) - 1 >= 4
        assert all(a["role"] == "img" for a in made.all("svg"))
        assert "Profile. Over 20 steps the transport ends between" in made.text

    def test_without_scripts_verdict_figures_and_tables_are_there(self, whole):
        text = re.sub(r"<script\b.*?</script>", "", whole.html, flags=re.DOTALL)
        made = Page(text)
        assert len(made.all("table")) == 2
        assert "The interactive map needs scripts" in made.text
        assert all("hidden" not in a for tag, a in made.elements if tag in ("section", "table", "figure"))
        assert made.all("a")[-1]["href"].startswith("data:text/csv;")

    def test_findings_come_with_their_outcome_failures_first(self, whole):
        text = Page(whole.html).text
        order = [text.index(word) for word in ("the second claim", "the third claim", "the first claim")]
        assert order == sorted(order)
        assert "1 passed, 1 failed, 1 inconclusive" in text

    def test_equal_runs_give_equal_bytes(self, tmp_path):
        places = [folders.sweep(tmp_path / name / "run") for name in "ab"]
        assert report(places[0]) == report(places[1])


class TestTables:
    def test_a_cell_of_the_table_is_its_number(self, tmp_path):
        run = sources.read(folders.sweep(tmp_path / "run"))
        regimes, borders = tabular.of(run)
        groups = sweep_results.groups(run.run)
        names = [column.name for column in regimes.columns]
        for row, group in zip(regimes.rows, groups, strict=True):
            found = dict(zip(names, row, strict=True))
            assert (found["cell"].text, found["w_rec"].value) == (group.cell, group.w_rec)
            assert (found["regime"].value, found["rate"].value) == (group.regime, group.rate)
        assert [column.name for column in borders.columns] == ["cell", "T = 8", "T = 20"]

    def test_csv_holds_the_values_in_full_and_no_formula(self):
        import base64

        columns = (Column("=name", numeric=False), Column("x"))
        rows = [[Entry("=1+1", "=1+1"), Entry(1 / 3, "0.333")]]
        table = Table("t", "T", columns, [*rows, [Entry("a,b", "a,b"), Entry(None, "–")]])
        assert table.csv == f"'=name,x\n'=1+1,{1 / 3!r}\n\"a,b\",\n"
        assert base64.b64decode(table.link.split("base64,")[1]).decode() == table.csv

    def test_csv_of_machines_that_differ_says_so_in_every_row(self, tmp_path):
        place = folders.sweep(tmp_path / "run", about={"mixed": made_runs.MIXED})
        for table in tabular.of(sources.read(place)):
            head, *rows = csv.reader(io.StringIO(table.csv))
            assert (head[-1], len(head)) == ("mixed", len(table.columns) + 1)
            assert len(rows) == len(table.rows)
            assert {row[-1] for row in rows} == {of_mixed({"mixed": made_runs.MIXED})}


class TestSeveral:
    def test_runs_stand_side_by_side(self, tmp_path):
        places = [folders.sweep(tmp_path / "low", w_rec=(0.5, 0.9)), folders.sweep(tmp_path / "all")]
        made = report(*places)
        text = Page(made.html).text
        assert "Side by side" in text
        assert "rate, low rate, all" in text
        assert made.html.count("<article>") == 4
        assert len(made.pictures) == 2

    def test_runs_of_one_name_are_told_apart(self, tmp_path, monkeypatch):
        monkeypatch.setattr(figures, "pictures", lambda source, prefix: [])
        places = [folders.sweep(tmp_path / name / "run") for name in "ab"]
        found = page.compose([sources.read(place) for place in [*places, places[0]]])
        assert [part.name for part in found.parts] == ["a/run (1)", "b/run", "a/run (3)"]

    def test_a_sweep_and_a_comparison_share_a_page(self, tmp_path, comparison):
        made = report(folders.sweep(tmp_path / "run"), comparison)
        text = Page(made.html).text
        assert "plain: 3 of 3 seeds solved the task" in text
        assert "Side by side" not in text


@pytest.fixture
def comparison(tmp_path):
    """A comparison of one arm that solved its task with three seeds."""
    import numpy as np
    import pandas as pd
    import xarray as xr

    axes = ("arm", "T", "w_rec", "seed", "when", "lag")
    profile = np.broadcast_to(-0.1 * np.arange(11.0), (1, 1, 1, 3, 2, 11))
    coords = {"arm": ["plain"], "T": [10], "w_rec": [1.0], "seed": [0, 1, 2], "when": ["start", "end"]}
    norms = xr.Dataset(
        {name: (axes, profile.copy()) for name in remedies_results.PROFILES}, coords | {"lag": np.arange(11)}
    )
    row = {
        "arm": "plain",
        "cell": "elman",
        "T": 10,
        "w_rec": 1.0,
        "seed": 0,
        "hidden": 4,
        "parameters": 30,
        "lr": 0.01,
    }
    row |= {"solved_at": 200, "broken_at": 0, "broken_what": "", "loss": 0.25, "error": 0.0}
    rows = pd.DataFrame([row | {"seed": s, "changed": 0.0, "cosine": 1.0} for s in range(3)])
    curve = {"arm": "plain", "T": 10, "w_rec": 1.0, "seed": 0, "update": 200, "metric": "loss", "value": 0.25}
    asked = SETTINGS | {"T": [10], "w_rec": [1.0], "seeds": 3, "remedies": ["plain"]}
    about = {"command": "remedies", "status": "complete", "points": 3, "failed": 0, "settings": asked}
    about |= {"versions": {"gradlab": "0"}, "solved": 0.01}
    made = remedies_results.TrainingRun(
        about, rows, pd.DataFrame([curve | {"seed": s} for s in range(3)]), norms
    )
    remedies_results.write(tmp_path / "comparison", made)
    return tmp_path / "comparison"


def test_a_comparison_has_a_report(comparison):
    made = report(comparison)
    text = Page(made.html).text
    assert "Which remedy lets elman learn adding at T = 10" in text
    assert "plain: 3 of 3 seeds solved the task, 200 updates (median)." in text
    assert "explorer-data" not in made.html
    assert made.pictures


class TestWithout:
    def test_a_plot_that_fails_there_is_a_report_and_a_note(self, tmp_path):
        made = report(folders.sweep(tmp_path / "run", about={"figures": ["rate_map", "gates", "bogus", "("]}))
        assert len(made.pictures) == 1
        assert [re.search(r"The figure '(.+?)' could not be drawn", note)[1] for note in made.notes] == [
            "gates", "bogus", "("
        ]  # fmt: skip

    def test_fonts_there_is_a_report_and_a_note(self, tmp_path, monkeypatch):
        def refuse(*arguments, **settings):
            raise RuntimeError("no font")

        monkeypatch.setattr(figures, "svg", refuse)
        made = report(folders.sweep(tmp_path / "run"))
        assert made.notes == ["The figure 'rate_map' could not be drawn: 'no font'."]

    def test_readable_findings_there_is_a_note(self, tmp_path):
        place = folders.sweep(tmp_path / "run")
        (place / "findings.json").write_text("{")
        assert "findings.json cannot be read" in report(place).notes[0]

    def test_room_the_map_is_left_out(self, tmp_path, monkeypatch):
        monkeypatch.setattr(page, "LARGEST", 200_000)
        assert "would exceed 200 kB" in report(folders.sweep(tmp_path / "run")).notes[0]
