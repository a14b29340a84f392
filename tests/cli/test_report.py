"""`gradlab report`, from folders to files."""

import json
import re

import pytest

from gradlab.runs.shards import Shards
from gradlab.studies.sweep import results
from tests import made_runs, samples
from tests.cli.calling import contents, document, gradlab
from tests.report import folders


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return folders.sweep(tmp_path_factory.mktemp("results") / "run")


def test_a_run_gets_its_report_and_keeps_its_files(run):
    before = contents(run)
    said = gradlab("report", run)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [str(run / "report.html"), str(run / "report.md")]
    assert {k: v for k, v in contents(run).items() if "report" not in str(k)} == before
    pictures = re.findall(r"\]\((report_files/[^)]+)\)", (run / "report.md").read_text())
    assert len(pictures) == 1
    assert all((run / picture).read_text().startswith("<svg") for picture in pictures)
    again = {k: v[0] for k, v in contents(run).items()}
    assert gradlab("report", run).code == 0
    assert {k: v[0] for k, v in contents(run).items()} == again


def test_json_is_one_strict_document(run, tmp_path):
    said = gradlab("report", run, "-o", tmp_path / "x.html", "--json")
    found = document(said.out)
    assert found["exit_code"] == said.code == 0
    assert found["data"]["files"][0] == str(tmp_path / "x.html")
    assert found["data"]["verdicts"][0].startswith("At T = 20 (2 seeds), ")


def test_several_runs_stand_side_by_side_in_the_working_folder(run, tmp_path, monkeypatch):
    other = folders.sweep(tmp_path / "other", w_rec=(0.3, 0.5))
    monkeypatch.chdir(tmp_path)
    assert gradlab("report", run, other, "--title", "Both").code == 0
    text = (tmp_path / "report.md").read_text()
    assert text.startswith("<!-- gradlab report -->\n\n# Both\n")
    assert "### Side by side" in text


@pytest.mark.parametrize("name", ["report.pdf", "report"])
def test_another_ending_is_a_mistake(run, tmp_path, name):
    said = gradlab("report", run, "-o", tmp_path / name)
    assert (said.code, said.out) == (2, "")
    assert re.fullmatch(r"error: -o: .+; write FILE.html\n", said.err)


def test_a_file_of_somebody_else_is_left_alone(run, tmp_path):
    (tmp_path / "thesis.md").write_text("years of work")
    said = gradlab("report", run, "-o", tmp_path / "thesis.html")
    assert said.code == 2
    assert "was not written by gradlab report" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.md"]


def test_what_is_no_run_is_a_mistake(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        assert gradlab("report", place).code == 2


def test_a_disk_that_refuses_is_storage(run, tmp_path):
    (tmp_path / "x_files").write_text("in the way")
    assert gradlab("report", run, "-o", tmp_path / "x.html").code == 5


class TestUnfinished:
    def begun(self, place, cells, settings=()):
        """A sweep of 24 points that was stopped after some cells of its first T."""
        norms = samples.norms(("elman", "lstm"), (0.5, 0.9, 1.5), T=(5, 10), seeds=2)
        place.mkdir()
        about = {"settings": made_runs.facts(norms)["settings"] | dict(settings), "versions": {}}
        (place / "begun.json").write_text(json.dumps(about))
        for cell in cells:
            for T in (5, 10):
                here = norms.sel(cell=cell, T=T, init="orthogonal").transpose("w_rec", "seed", ...)
                Shards(place).put(
                    {name: _stored(here[key], name) for name, key in _names(here)}, cell=cell, T=T
                )
        return place

    def test_of_no_finished_point_there_is_nothing_to_report(self, tmp_path):
        said = gradlab("report", self.begun(tmp_path / "run", ()))
        assert (said.code, said.out) == (4, "")
        assert "no point of it has finished yet" in said.err
        (tmp_path / "held").mkdir()
        (tmp_path / "held" / ".lock").touch()
        assert gradlab("report", tmp_path / "held").code == 4

    def test_a_running_sweep_says_how_far_it_is(self, tmp_path):
        place = self.begun(tmp_path / "run", ("elman",))
        assert gradlab("report", place).code == 0
        assert "partial: 12 of 24 points" in (place / "report.md").read_text()
        assert '<p class="partial">partial: 12 of 24 points</p>' in (place / "report.html").read_text()

    def test_show_prints_what_is_there_and_says_that_it_is_not_all(self, tmp_path):
        place = self.begun(tmp_path / "run", ("elman",))
        about = json.loads((place / "begun.json").read_text())
        # A share of a run is one that is not finished, too.
        (place / "begun.json").write_text(json.dumps(about | {"share": "1/2"}))
        said = gradlab("show", place)
        assert said.code == 0
        assert said.err == f"{place} is not finished: 12 of 24 points\n"
        assert said.out.startswith("elman\n w_rec regime ")
        assert "digests" not in said.out
        found = json.loads(gradlab("show", place, "--json").out)
        assert found["status"] == "running"
        assert {row["cell"] for row in found["data"]} == {"elman"}
        assert gradlab("report", place).code == 0
        assert "digests" not in (place / "report.md").read_text()

    def test_its_numbers_are_those_of_the_finished_run(self, tmp_path):
        from gradlab.report import unfinished

        found = unfinished.read(self.begun(tmp_path / "run", ("elman", "lstm")))
        norms = samples.norms(("elman", "lstm"), (0.5, 0.9, 1.5), T=(5, 10), seeds=2)
        whole = results.metrics(norms)
        whole = whole[whole["part"] == "state"].reset_index(drop=True)
        assert found.metrics.equals(whole)

    def test_settings_that_no_reading_has_are_refused(self, tmp_path):
        place = self.begun(tmp_path / "run", (), {"command": "neurons"})
        said = gradlab("report", place)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert "begun.json:settings." in said.err

    def test_a_run_whose_points_all_failed_has_nothing_to_say(self, tmp_path):
        place = folders.sweep(tmp_path / "run", cells=("identity",), w_rec=(9.0,), T=(40,), nonfinite_above=2)
        said = gradlab("report", place)
        assert said.code == 4
        assert "2 of 2 failed" in said.err


def _names(here):
    for key in here.data_vars:
        yield ("nonfinite" if key == "nonfinite_step" else key), key


def _stored(array, name):
    """As the engine stores it: networks first, the parts of the state last."""
    values = array.transpose(
        "w_rec", "seed", ..., *[axis for axis in ("lag", "part") if axis in array.dims]
    ).values
    values = values.reshape(-1, *values.shape[2:])
    return values.astype("i4" if name == "nonfinite" else "i1" if name.endswith("_state") else "f8")
