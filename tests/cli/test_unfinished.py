"""`gradlab show` and `report` of a comparison that was stopped in the middle, and of a share of one."""

import json
import shutil

import pytest

from gradlab.runs.shards import Shards, pack, unpack
from gradlab.studies.remedies import checkpoint, kept
from tests.cli.calling import contents, document, gradlab, with_option
from tests.cli.test_merge import TRAINED, undrawn  # noqa: F401 - a fixture

WORDS = with_option(TRAINED, "--lr", "0.001")
COMPARED = ("plain arm", "told apart", "tells", "No arm", "Most seeds", "Forecast", "Largest T")
"""What only a sentence that sets arms beside each other says."""


@pytest.fixture(scope="module", params=[pytest.param("none", marks=pytest.mark.slow)])
def stopped(tmp_path_factory):
    """A comparison that is stopped when the plain arm has had half of its updates at the second T."""
    where, save = tmp_path_factory.mktemp("stopped"), checkpoint.Checkpoint.save

    def stopping(self, *arguments, **options):
        save(self, *arguments, **options)
        if self.key["T"] == 8:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SAVE_SECONDS", -1.0)
        patch.setattr(checkpoint.Checkpoint, "save", stopping)
        assert gradlab(*WORDS, "--out", where, "--name", "run", "--quiet").code == 130
    return where


@pytest.fixture
def here(stopped, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(stopped / "run", tmp_path / "run")


def begun_as(folder, share):
    """The same folder as one that computes a share."""
    about = json.loads((folder / "begun.json").read_text()) | {"share": share}
    (folder / "begun.json").write_text(json.dumps(about))


def test_what_has_ended_is_shown_and_how_far_the_rest_is(stopped):
    before = contents(stopped / "run")
    said = gradlab("show", stopped / "run")
    assert (said.code, said.err) == (0, f"{stopped / 'run'} is not finished: 2 of 8 points\n")
    text = " ".join(said.out.split())
    assert text.startswith("Not finished: 1 of 4 trainings (an arm at one T and w_rec) have ended. Arms are ")
    assert (
        "To come: none at T = 8: 10 of at most 20 updates; esn at T = 6: not begun; esn at T = 8: n" in text
    )
    assert not [word for word in COMPARED if word in text]
    assert contents(stopped / "run") == before


@pytest.mark.parametrize("which", ["longest", "target"])
def test_of_a_search_and_of_a_race_nothing_is_told_before_they_end(here, which):
    about = json.loads((here / "begun.json").read_text())
    about["settings"][which] = 8
    (here / "begun.json").write_text(json.dumps(about))
    said = gradlab("show", here)
    assert (said.code, said.out) == (4, "")
    assert "a search or a race comes to is told at its end" in said.err


def test_of_a_share_its_own_part_is_told(here):
    begun_as(here, "1/2")
    text = " ".join(gradlab("show", here).out.split())
    assert text.startswith(
        "Share 1/2: 1 of its 2 trainings (an arm at one T and w_rec) of the 4 of the whole comparison have "
        "ended. Arms are compared when all shares are merged."
    )
    assert "To come: none at T = 8: 10 of at most 20 updates." in text


def test_the_document_and_the_report_say_the_same(stopped):
    found = document(gradlab("show", stopped / "run", "--json").out)
    assert (found["status"], [row["arm"] for row in found["data"]]) == ("running", ["none"])
    assert found["coming"][0] == "none at T = 8: 10 of at most 20 updates"
    assert found["verdict"].startswith("Not finished: 1 of 4 trainings")
    assert set(found["forecast"].values()) == {None, 0}
    assert gradlab("report", stopped / "run", "-q").code == 0
    for name in ("report.md", "report.html"):
        text = " ".join((stopped / "run" / name).read_text().split())
        assert "partial: 2 of 8 points" in text
        assert "Not finished: 1 of 4 trainings" in text
        assert not [word for word in COMPARED[:4] if word in text]


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_its_numbers_are_those_of_the_finished_run_and_it_goes_on_to_it(here):
    first = document(gradlab("show", here, "--json").out)["data"]
    assert gradlab(*WORDS, "--out", here.parent, "--name", "run", "--quiet").code == 0
    whole = document(gradlab("show", here, "--json").out)
    assert "coming" not in whole
    for row in first:
        last = next(one for one in whole["data"] if (one["arm"], one["T"]) == (row["arm"], row["T"]))
        assert {k: v for k, v in row.items() if k != "sentence"} == {
            k: last[k] for k in row if k != "sentence"
        }


def test_of_a_comparison_without_an_ended_training_it_is_said_how_far_it_is(here):
    Shards(here)._place(kept.key_of_result("none", 6, 1.0)).unlink()
    said = gradlab("show", here)
    assert (said.code, said.out) == (4, "")
    assert (
        "no training has ended. To come: none at T = 6: 20 of at most 20 updates; none at T = 8" in said.err
    )


@pytest.mark.parametrize(("stage", "said"), [("tuning", ""), ("tuning beyond, 2", ", beyond those given")])
def test_the_choice_of_a_learning_rate_is_told_too(here, stage, said):
    shards = Shards(here)
    key = {"arm": "none", "T": 8, "doing": "training at w_rec = 1.0"}
    shards.take(key | {"doing": stage}, shards.content(key))
    shards._place(key).unlink()
    about = json.loads((here / "begun.json").read_text())
    about["settings"] |= {"lr": [0.1, 0.2], "widen": True}
    (here / "begun.json").write_text(json.dumps(about))
    wanted = f"none at T = 8: choosing its learning rate{said}, 10 of at most 20 updates"
    assert document(gradlab("show", here, "--json").out)["coming"][0] == wanted


@pytest.mark.parametrize("share", ["3/2", "x", ""])
def test_a_share_that_is_none_is_a_line(here, share):
    begun_as(here, share)
    said = gradlab("show", here)
    assert (said.code, said.err.count("\n")) == ((0, 1) if not share else (2, 1))


def test_a_damaged_result_is_as_if_it_were_not_there(here):
    place = Shards(here)._place(kept.key_of_result("none", 6, 1.0))
    content = place.read_bytes()
    whole = unpack(content)
    for damaged in (
        content[:-1],
        pack({name: array for name, array in whole.items() if name != "evaluation loss"}),
        pack(whole | {"solved_at": whole["solved_at"][:1]}),
        pack(whole | {"facts": whole["facts"][:-3]}),
        pack(whole | {"profile transport": whole["profile transport"][:, :, :2]}),
    ):
        place.write_bytes(damaged)
        assert gradlab("show", here).code == 4
        assert place.read_bytes() == damaged
