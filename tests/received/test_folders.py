"""What is no regular file inside a run folder is not read, and a link below it is not written through."""

import itertools
import os
import shutil

import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.runs import files, store
from gradlab.runs.shards import Shards
from gradlab.studies.sweep import compute
from tests.cli.calling import contents, gradlab
from tests.received import made
from tests.tiers import few

READERS = [
    ("show", "RUN"),
    ("check", "RUN"),
    ("diff", "RUN", "RUN"),
    ("plot", "RUN", "profile", "-o", "OUT/x.svg"),
    ("report", "RUN", "-o", "OUT/x.html"),
    ("export", "RUN", "--to", "netcdf", "-o", "OUT/x.nc"),
    ("baseline", "create", "RUN", "-o", "OUT/x.json"),
    ("run", "RUN/run.json", "--dry-run"),
]


def called(words, run, out):
    return gradlab(*(word.replace("RUN", str(run)).replace("OUT", str(out)) for word in words))


@pytest.fixture
def run(tmp_path):
    return made.sweep(tmp_path / "run")


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def pipe(path):
    os.mkfifo(path)


def zeros(path):
    path.symlink_to("/dev/zero")


def elsewhere(path):
    path.symlink_to(shutil.move(path.with_name("moved"), path.parent.parent / path.name))


EVERY = itertools.product(
    READERS, ["run.json", "metrics.csv", "norms.nc"], [pipe, zeros, elsewhere, os.mkdir]
)


@pytest.mark.parametrize(
    ("words", "name", "kind"), few(EVERY, lambda one: one[0] is READERS[0] or one[1:] == ("run.json", pipe))
)
def test_only_regular_files_inside_the_folder_are_read(run, out, words, name, kind):
    (run / name).rename(run / "moved")
    kind(run / name)
    said = called(words, run, out)
    if words[0] == "run" and (name != "run.json" or kind is elsewhere):
        assert said.code == 0  # it reads this one file, which the user has named
        return
    assert (said.code, said.out, list(out.iterdir())) == (2, "", [])
    assert said.err.startswith(f"error: {run / name}")
    assert said.err.count("\n") == 1


def test_a_large_file_is_not_read(run, out):
    with (run / "run.json").open("r+b") as file:
        file.truncate(10**12)
    for words in READERS:
        said = called(words, run, out)
        assert (said.code, said.out) == (2, "")
        assert "has 1 TB; at most 64 MB are read" in said.err


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (("plot", "RUN", "profile"), "figures"),
        (("export", "RUN", "--to", "csv"), "exports"),
        (("report", "RUN"), "report_files"),
    ],
)
def test_a_link_to_a_folder_is_not_written_through(run, out, words, folder):
    (run / folder).symlink_to(out)
    before = contents(run)
    said = called(words, run, out)
    assert (said.code, said.out) == (2, "")
    assert f"{folder}: is a link" in said.err
    assert list(out.iterdir()) == []
    assert contents(run) == before


@pytest.mark.parametrize("folder", store.FOLDERS)
def test_a_sweep_looks_before_it_measures(tmp_path, out, monkeypatch, folder):
    monkeypatch.setattr(compute, "run", lambda *_: pytest.fail("something was computed"))
    (tmp_path / "results" / "x").mkdir(parents=True)
    (tmp_path / "results" / "x" / ".lock").touch()
    (tmp_path / "results" / "x" / folder).symlink_to(out)
    (out / ("0" * 32 + ".shard")).write_text("mine")
    begun = tmp_path / "results" / "x" / "begun.json"
    begun.write_text("{}")
    words = ("--cell", "elman", "-T", "4", "--hidden", "2", "--seeds", "1", "--name", "x")
    said = gradlab("sweep", *words, "--out", tmp_path / "results")
    assert (said.code, said.out) == (2, "")
    assert f"{folder}: is a link" in said.err
    assert [path.read_text() for path in out.iterdir()] == ["mine"]


def test_a_lock_that_is_a_link_does_not_empty_what_it_points_to(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "mine")
    with pytest.raises(GradlabError, match="is a link"), store.opened(tmp_path / "run"):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_half_written_file_that_is_a_link_is_not_written_through(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / f".a.{os.getpid()}.tmp").symlink_to(tmp_path / "mine")
    files.replace(tmp_path / "a", b"new")
    assert ((tmp_path / "mine").read_text(), (tmp_path / "a").read_text()) == ("mine", "new")


def test_shards_that_lie_elsewhere_are_neither_read_nor_removed(tmp_path, out):
    (out / ("0" * 32 + ".shard")).write_text("mine")
    (tmp_path / "shards").symlink_to(out)
    with pytest.raises(GradlabError, match="is a link"):
        Shards(tmp_path)
    with pytest.raises(GradlabError, match="is a link"):
        store.ended(tmp_path)
    assert len(list(out.iterdir())) == 1


def test_the_path_to_a_folder_may_hold_links(run, tmp_path, out):
    (tmp_path / "short").symlink_to(tmp_path / "run")
    (tmp_path / "here").symlink_to(tmp_path)
    for place in (tmp_path / "short", tmp_path / "here" / "run", tmp_path / "here" / "short" / "run.json"):
        assert all(called(words, place, out).code == 0 for words in READERS[:2])


def test_a_run_folder_that_is_a_link_starts_over(run, tmp_path):
    (tmp_path / "short").symlink_to(run)
    store.start_over(tmp_path / "short")
    assert [path.name for path in run.iterdir()] == ["begun.json"]


@pytest.mark.parametrize("kind", [pipe, zeros])
@pytest.mark.parametrize(
    "words",
    [
        ("check", "RUN", "--baseline", "FILE"),
        ("baseline", "show", "FILE"),
        ("run", "FILE"),
        ("remedies", "characters(text=FILE)", "-T", "5", "--hidden", "2", "--dry-run"),
    ],
)
def test_a_file_that_the_user_names_is_a_regular_one(run, tmp_path, out, words, kind):
    if words[0] == "remedies":
        words = words[:-1]
    kind(tmp_path / "named.toml")
    words = [word.replace("FILE", str(tmp_path / "named.toml")) for word in words]
    said = called(words, run, out)
    assert (said.code, said.out) == (2, "")
    assert "named.toml" in said.err
    assert "regular file" in said.err


def test_what_may_not_be_opened_is_storage(run, monkeypatch):
    def refuse(*what, **how):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert gradlab("show", run).code == Exit.STORAGE
