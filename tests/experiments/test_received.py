"""A path that a received file names: only what lies in the file's own folder is read."""

import importlib
import json
import os
import shutil
import sys

import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.experiments import load, received
from tests.cli.calling import contents, gradlab
from tests.received import made
from tests.tiers import few

TEXT = "the river is green, and nobody finds the letter. " * 4
HEAD = 'question = "Is it learnt?"\n[remedies]\nT = 3\nhidden = 2\nupdates = 1\neval_every = 1\n'
LISTENING = []
"""While there is a list in it, the paths that are opened go there."""


def _heard(event, what):
    if LISTENING and event == "open":
        LISTENING[0].append(str(what[0]))


sys.addaudithook(_heard)


@pytest.fixture
def opened():
    LISTENING.append([])
    yield LISTENING[0]
    LISTENING.clear()


@pytest.fixture
def place(tmp_path):
    """A folder with a text, and a text outside it."""
    (tmp_path / "own/sub").mkdir(parents=True)
    for name in ("own/in.txt", "own/sub/in.txt", "out.txt", "outside.txt"):
        (tmp_path / name).write_text(TEXT)
    return tmp_path / "own"


def write(place, task, name="file.toml", more=""):
    (place / name).write_text(f"{HEAD}task = {json.dumps(task)}\n{more}")
    return place / name


def link(place):
    (place / "link.txt").symlink_to(place.parent / "out.txt")
    return "link.txt"


def linked_folder(place):
    (place / "there").symlink_to(place.parent)
    return "there/out.txt"


def loop(place):
    (place / "loop").symlink_to(place / "loop")
    return "loop"


def pipe(place):
    os.mkfifo(place / "pipe")
    return "pipe"


def large(place):
    with (place / "large.txt").open("wb") as file:
        file.truncate(received.LARGEST + 1)
    return "large.txt"


REFUSED = {
    "absolute": (lambda place: str(place.parent / "out.txt"), "lies outside the folder of this file"),
    "above": (lambda place: "../out.txt", "lies outside the folder of this file"),
    "beside a name that begins alike": (lambda place: "../own2/in.txt", "lies outside the folder"),
    "a link": (link, "lies outside the folder of this file"),
    "a folder that is a link": (linked_folder, "lies outside the folder of this file"),
    "a loop": (loop, "cannot be read in the folder of this file"),
    "nothing": (lambda place: "gone.txt", "cannot be read in the folder of this file: No such file"),
    "a folder": (lambda place: "sub", "is a folder; only regular files are read"),
    "a pipe": (pipe, "is no regular file; only regular files are read"),
    "a device": (lambda place: "/dev/zero", "lies outside the folder of this file"),
    "a large one": (large, "at most 100 MB are read"),
}


@pytest.mark.parametrize("kind", few(REFUSED, ["above", "a link", "a pipe"]))
@pytest.mark.parametrize("form", ["characters(text=PATH)", "characters(PATH, goal=0.5)"])
def test_what_is_not_in_the_file_s_folder_is_refused_unread(place, kind, form, opened):
    name, said = REFUSED[kind]
    file = write(place, form.replace("PATH", name(place)))
    opened.clear()
    found = gradlab("run", file, "--dry-run")
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1), found
    assert found.err.startswith(f"error: {file}:remedies.task: ")
    assert said in found.err
    assert not {one for one in opened if one.endswith("out.txt")}


@pytest.mark.parametrize("text", ["in.txt", "sub/in.txt", "./sub/../in.txt"])
def test_what_lies_there_is_read_wherever_the_command_is_called(place, text, monkeypatch):
    file = write(place, f"characters( text = {text} )")
    for here in (place.parent, place / "sub"):
        monkeypatch.chdir(here)
        asked = load.load(file).asked
        assert registry.make("tasks", asked.task).alphabet == "".join(sorted(set(TEXT)))
    monkeypatch.chdir(place)
    assert load.load(load.find("file.toml")).asked.task == f"characters(text={os.path.normpath(text)})" or (
        ".." in text
    )


def test_a_link_that_stays_inside_is_followed(place):
    (place / "again.txt").symlink_to(place / "sub/in.txt")
    assert gradlab("run", write(place, "characters(again.txt)"), "--dry-run").code == 0


def test_a_run_that_is_asked_again_is_held_to_it_too(place, tmp_path):
    run = made.remedies(tmp_path / "run")
    about = json.loads((run / "run.json").read_text())
    about["settings"]["task"] = f"characters(text={tmp_path / 'out.txt'})"
    (run / "run.json").write_text(json.dumps(about))
    said = gradlab("run", run / "run.json", "--dry-run")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "lies outside the folder of this file" in said.err


def test_a_path_of_the_command_line_or_of_a_call_is_the_user_s_own_word(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    words = ("remedies", "characters(text=../outside.txt)", "-T", 3, "--hidden", 2, "--dry-run")
    assert gradlab(*words).code == 0
    # And what was said there opens nothing to a file.
    with pytest.raises(GradlabError, match="lies outside"):
        load.load(write(place, "characters(text=../outside.txt)"))


def test_readers_of_runs_open_none_of_their_paths(place, tmp_path, opened):
    run, secret = made.remedies(tmp_path / "run"), tmp_path / "out.txt"
    about = json.loads((run / "run.json").read_text())
    about["settings"] |= {"task": f"characters(text={secret})", "cell": f"elman(activation={secret})"}
    about["figures"], about["question"] = [f"solved(x={secret})"], f"characters(text={secret})"
    (run / "run.json").write_text(json.dumps(about))
    made.sealed(run)
    before, out, ends = contents(run), tmp_path / "out", {}
    out.mkdir()
    opened.clear()
    for words in (
        *(("show", run), ("show", run, "--json"), ("check", run), ("check", run, "--json")),
        *(("report", run, "-o", out / "x.html"), ("report", run, "-o", out / "x.md")),
        *(("plot", run, "solved", "-o", out / "x.svg"), ("plot", run, "--terminal"), ("diff", run, run)),
        *(("export", run, "--to", "csv", "-o", out / "x.csv"), ("baseline", "create", run, "-o", out / "x")),
    ):
        ends[words[0], words[-1]] = gradlab(*words).code
    assert ends["show", run] == ends["report", out / "x.html"] == ends["plot", out / "x.svg"] == 0, ends
    assert set(ends.values()) <= {0, 2, 4}
    assert str(run / "run.json") in opened
    assert str(secret) not in opened
    assert contents(run) == before


FOREIGN = '''
import dataclasses
from pathlib import Path

from gradlab.types import Remedy


def scaled(*, by: float = 1.0, table: Path | None = None) -> Remedy:
    """Scaled by what a table says."""
    return Remedy(penalty=lambda trail: by * len(table.read_text()) if table else 0.0)
'''


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A remedy of another package that reads a file."""
    home, facts = tmp_path / "site/another", tmp_path / "site/another-1.dist-info"
    home.mkdir(parents=True)
    facts.mkdir()
    (home / "__init__.py").write_text("")
    (home / "scaled.py").write_text(FOREIGN)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[gradlab.remedies]\nscaled = another.scaled\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    for cached in (registry.installed, registry.made):
        cached.cache_clear()
    importlib.invalidate_caches()
    yield
    shutil.rmtree(tmp_path / "site")
    for name in [name for name in sys.modules if name.split(".")[0] == "another"]:
        del sys.modules[name]
    for cached in (registry.installed, registry.made):
        cached.cache_clear()


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("form", ["scaled(table=PATH)", "clip_norm(1e+3)+scaled(by=2.0, table=PATH)"])
def test_a_setting_of_another_package_that_is_a_path_is_held_to_it(place, form):
    arms = lambda path: f"remedies = [{json.dumps(form.replace('PATH', path))}]\n"
    asked = load.load(write(place, "latch", more=arms("in.txt"))).asked
    assert str(place / "in.txt") in asked.remedies[1]
    with pytest.raises(GradlabError, match="lies outside the folder"):
        load.load(write(place, "latch", more=arms("../out.txt")))
    claim = f'[[claims]]\ntext = "So."\nmetric = "solved"\nabove = 0\nwhere = {{arm = "{form}"}}\n'
    with pytest.raises(GradlabError, match=r"claims\[0\].where.arm: .*lies outside the folder"):
        load.load(write(place, "latch", more=arms("in.txt") + claim.replace("PATH", "../out.txt")))
    assert load.load(write(place, "latch", more=arms("in.txt") + claim.replace("PATH", "in.txt"))).claims


@pytest.mark.parametrize(
    "spelled", ["nothing(characters(text=PATH))", "stacked(cell=characters(PATH))", "a+characters(PATH)+b"]
)
def test_a_path_is_found_wherever_it_stands(place, spelled):
    with pytest.raises(GradlabError, match="lies outside"):
        received.member(spelled.replace("PATH", "../out.txt"), place)
    assert received.member(spelled.replace("PATH", "in.txt"), place).count(str(place / "in.txt")) == 1


@pytest.mark.parametrize("spelled", ["a(" * 300 + ")" * 300, "+a(" * 240 + ")" * 240])
def test_what_is_nested_without_end_is_refused(tmp_path, spelled):
    with pytest.raises(GradlabError, match="more than 50 brackets"):
        received.member(spelled, tmp_path)


def test_a_folder_s_name_cannot_add_settings(tmp_path):
    folder = tmp_path / "a,part=test"
    folder.mkdir()
    (folder / "in.txt").write_text(TEXT)
    with pytest.raises(GradlabError, match="holds a comma or a bracket"):
        received.member("characters(text=in.txt)", folder)


def test_what_holds_no_path_is_left_as_it_is(tmp_path):
    for text in (
        "lstm",
        "elman(activation=relu)",
        "clip_norm(1e+3)+orthogonal",
        "characters(text=None)",
        "a(",
    ):
        assert received.member(text, tmp_path) == text
