"""The run folder: its name, and whose it is."""

import hashlib
import json
import re

import numpy as np
import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.runs import store
from gradlab.runs.shards import Shards

SETTINGS = {"w_rec": [0.5, 1.0], "seeds": 2}
VERSIONS = {"jax": "0", "gradlab": "0"}


@pytest.fixture
def finished(tmp_path):
    """A folder with a finished run of `SETTINGS`."""
    (tmp_path / "metrics.csv").write_text("numbers")
    digest = hashlib.sha256(b"numbers").hexdigest()
    (tmp_path / "run.json").write_text(json.dumps({"settings": SETTINGS, "files": {"metrics.csv": digest}}))
    return tmp_path


def test_a_name_comes_from_the_settings_alone():
    assert store.name_of({"a": 1, "b": 2}) == store.name_of({"b": 2, "a": 1})
    assert store.name_of({"a": 1}) != store.name_of({"a": 2})
    assert store.folder_of(store.Path("out"), store.name_of(SETTINGS)).parent == store.Path("out")


@pytest.mark.parametrize("name", ["a", "Lecture-3.run_1", "x" * 64, "0", "console", "com10"])
def test_a_plain_word_is_a_name(name):
    assert store.folder_of(store.Path("out"), name) == store.Path("out", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "/etc",
        ".hidden",
        "-n",
        "a.",
        "a b",
        "é",
        "a\n",
        "x" * 65,
        "CON",
        "nul.txt",
        "Com1",
    ],
)
def test_what_is_no_plain_word_everywhere_is_no_name(name):
    with pytest.raises(GradlabError) as caught:
        store.folder_of(store.Path("out"), name)
    assert (caught.value.where, caught.value.code) == ("--name", Exit.USAGE)


def test_a_folder_made_for_nothing_is_removed_again(tmp_path):
    with store.opened(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path):
    with store.opened(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_way_is_a_storage_error(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(GradlabError, match="cannot be written") as caught, store.opened(tmp_path / place):
        pass
    assert caught.value.code is Exit.STORAGE


def test_an_equal_run_is_found(finished):
    assert store.existing(finished, SETTINGS)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("others")])
def test_a_run_with_a_missing_or_changed_file_is_not_finished(finished, damage):
    damage(finished / "metrics.csv")
    assert not store.existing(finished, SETTINGS)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "../outside.csv", "other.txt"])
def test_a_run_that_claims_files_of_other_names_is_not_finished(finished, name):
    (finished.parent / "outside.csv").write_text("numbers")
    (finished / "other.txt").write_text("numbers")
    about = json.loads((finished / "run.json").read_text())
    about["files"][name] = about["files"]["metrics.csv"]
    (finished / "run.json").write_text(json.dumps(about))
    assert not store.existing(finished, SETTINGS)


def test_other_settings_are_refused_with_the_difference(finished):
    with pytest.raises(
        GradlabError, match=r"other settings: seeds was 2, now 3, w_rec was .*, now .*; choose"
    ):
        store.existing(finished, {"w_rec": [0.7], "seeds": 3})
    with pytest.raises(GradlabError, match=r"other settings: batch was None, now 4;"):
        store.existing(finished, SETTINGS | {"batch": 4})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"settings": 3}', "null"])
def test_a_run_json_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(GradlabError, match="not a run of gradlab"):
        store.existing(tmp_path, SETTINGS)


@pytest.mark.parametrize("name", ["thesis.doc", "metrics.csv", "shards", ".norms.nc.123.tmp"])
def test_what_was_there_before_any_run_is_someone_elses(tmp_path, name):
    assert not store.existing(tmp_path / "nowhere", SETTINGS)
    for first in (".lock", ".begun.json.123.tmp"):
        (tmp_path / first).touch()
    assert not store.existing(tmp_path, SETTINGS)
    (tmp_path / name).touch()
    with pytest.raises(GradlabError, match=f"'{re.escape(name)}', which gradlab did not write"):
        store.existing(tmp_path, SETTINGS)


def test_what_comes_beside_an_unfinished_run_is_left_alone(tmp_path):
    store.begin(tmp_path, SETTINGS, VERSIONS)
    for name in ("nohup.out", "metrics.csv", ".norms.nc.123.tmp"):
        (tmp_path / name).write_text("x")
    assert not store.existing(tmp_path, SETTINGS)
    store.begin(tmp_path, SETTINGS, VERSIONS)
    store.ended(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.csv", "nohup.out"]


@pytest.mark.parametrize(
    ("settings", "versions", "said"),
    [
        ({"seeds": 3}, {}, "begun with other settings: seeds was 2, now 3;"),
        (
            {"batch": 1, "seeds": 3},
            {},
            "begun with other settings: batch was None, now 1, seeds was 2, now 3;",
        ),
        ({}, {"jax": "1"}, "begun with other versions: jax was '0', now '1';"),
        ({}, {"extra": "1"}, "begun with other versions: extra was None, now '1';"),
    ],
)
def test_a_run_begun_otherwise_is_refused_with_the_difference(tmp_path, settings, versions, said):
    store.begin(tmp_path, SETTINGS, VERSIONS)
    before = (tmp_path / store.BEGUN).read_bytes()
    with pytest.raises(GradlabError, match=re.escape(said)) as caught:
        store.begin(tmp_path, SETTINGS | settings, VERSIONS | versions)
    assert caught.value.code is Exit.USAGE
    assert (tmp_path / store.BEGUN).read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"settings": {}}', '{"settings": 3, "versions": 3}'])
def test_a_damaged_beginning_is_refused_until_it_is_given_up(tmp_path, text):
    (tmp_path / store.BEGUN).write_text(text)
    with pytest.raises(GradlabError, match="not the beginning of a run"):
        store.begin(tmp_path, SETTINGS, VERSIONS)
    store.start_over(tmp_path)
    store.begin(tmp_path, SETTINGS, VERSIONS)


def test_shards_of_which_nothing_is_known_are_not_believed(tmp_path):
    for beginning in (None, "{}"):
        Shards(tmp_path).put({"a": np.zeros(3)}, T=5)
        (tmp_path / "shards" / "mine").write_text("mine")
        if beginning is not None:
            (tmp_path / store.BEGUN).write_text(beginning)
        store.begin(tmp_path, SETTINGS, VERSIONS)
        assert Shards(tmp_path).get(T=5) is None
        assert (tmp_path / "shards" / "mine").exists()
        (tmp_path / store.BEGUN).unlink()


def test_starting_over_removes_a_run_and_nothing_else(finished):
    ours = [
        "norms.nc",
        "report.html",
        "figures/profile.svg",
        "report_files/1-1-profile.svg",
        f"shards/{'0' * 32}.shard",
        ".norms.nc.12.tmp",
    ]
    mine = ["notes.txt", "metrics.csv.bak", "figures/mine.svg", "figures/more/a.png", "shards/mine", ".x.tmp"]
    (finished / "figures" / "more").mkdir(parents=True)
    (finished / "shards").mkdir()
    (finished / "report_files").mkdir()
    for name in (*ours, *mine):
        (finished / name).write_text("x")
    store.start_over(finished)
    left = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    assert left == {*mine, store.BEGUN}
    assert not store.existing(finished, {"seeds": 1})
    store.begin(finished, {"seeds": 1}, VERSIONS)


@pytest.mark.parametrize("text", [None, "", "[]", '{"settings": 3}'])
def test_starting_over_touches_no_folder_without_a_run(tmp_path, text):
    (tmp_path / "figures").mkdir()
    names = ["metrics.csv", "figures/profile.svg"]
    for name in names:
        (tmp_path / name).write_text("mine")
    if text is not None:
        (tmp_path / "run.json").write_text(text)
        names.append("run.json")
    store.start_over(tmp_path)
    store.start_over(tmp_path / "nowhere")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(names)


def test_git_facts_are_empty_outside_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert store.git_facts() == {}
    monkeypatch.setenv("PATH", "")
    assert store.git_facts() == {}
