"""The run folder: its name, its lock, and whose it is."""

import hashlib
import json
import multiprocessing
import os

import pytest

from gradlab import store
from gradlab.status import Exit, GradlabError

SETTINGS = {"w_rec": [0.5, 1.0], "seeds": 2}


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


def test_a_second_run_is_refused_and_told_by_whom(tmp_path):
    with (
        store.opened(tmp_path),
        pytest.raises(GradlabError, match=f"in use by process {os.getpid()} on") as caught,
        store.opened(tmp_path),
    ):
        pass
    assert caught.value.code is Exit.ENVIRONMENT
    with store.opened(tmp_path):
        pass


def _die_holding(folder):
    with store.opened(folder):
        os._exit(9)


def test_the_lock_goes_with_the_process_however_it_ends(tmp_path):
    other = multiprocessing.get_context("spawn").Process(target=_die_holding, args=(tmp_path,))
    other.start()
    other.join(60)
    assert other.exitcode == 9
    with store.opened(tmp_path):
        assert not store.existing(tmp_path, SETTINGS)


def test_an_error_inside_gives_the_lock_back(tmp_path):
    with pytest.raises(RuntimeError), store.opened(tmp_path / "run"):
        raise RuntimeError
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


def test_other_settings_are_refused_with_the_difference(finished):
    with pytest.raises(GradlabError, match=r"\(seeds, w_rec; seeds was 2, now 3\)"):
        store.existing(finished, {"w_rec": [0.7], "seeds": 3})
    with pytest.raises(GradlabError, match=r"\(batch; batch was None, now 4\)"):
        store.existing(finished, SETTINGS | {"batch": 4})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"settings": 3}', "null"])
def test_a_run_json_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(GradlabError, match="not a run of gradlab"):
        store.existing(tmp_path, SETTINGS)


def test_a_foreign_file_is_refused_but_not_what_a_killed_run_left(tmp_path):
    assert not store.existing(tmp_path / "nowhere", SETTINGS)
    for name in (".lock", "metrics.csv", "norms.nc", ".norms.nc.123.tmp"):
        (tmp_path / name).touch()
    assert not store.existing(tmp_path, SETTINGS)
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(GradlabError, match=r"'thesis\.doc', which gradlab did not write"):
        store.existing(tmp_path, SETTINGS)


def test_git_facts_are_empty_outside_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert store.git_facts() == {}
    monkeypatch.setenv("PATH", "")
    assert store.git_facts() == {}
