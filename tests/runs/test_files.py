"""A file appears whole or not at all, and what the file system refuses is one error."""

import errno
import os
import subprocess
import sys

import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.runs import files


@pytest.fixture
def calls(monkeypatch):
    """The calls that make a file last, in their order."""
    made = []

    def told(name, plain):
        def instead(*what):
            kind = "folder" if name == "fsync" and os.path.isdir(f"/proc/self/fd/{what[0]}") else ""
            made.append(f"{name} {kind}".strip())
            return plain(*what)

        return instead

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, told(name, getattr(os, name)))
    return made


def test_the_content_is_on_the_disk_before_its_name_and_the_name_before_it_returns(tmp_path, calls):
    files.replace(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert calls == ["fsync", "replace", "fsync folder"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), MemoryError()])
def test_what_fails_leaves_the_old_content_and_nothing_beside_it(tmp_path, monkeypatch, call, error):
    (tmp_path / "a").write_bytes(b"old")

    def fail(*what):
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        files.replace(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_a_file_that_cannot_even_be_cleared_up_does_not_hide_the_reason(tmp_path, monkeypatch):
    def fail(*what):
        raise OSError(errno.EROFS, "read-only")

    def interrupted(*what):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    monkeypatch.setattr(os, "unlink", fail)
    with pytest.raises(KeyboardInterrupt):
        files.replace(tmp_path / "a", b"new")


def test_a_link_is_replaced_and_not_what_it_points_to(tmp_path):
    (tmp_path / "target").write_bytes(b"mine")
    (tmp_path / "a").symlink_to(tmp_path / "target")
    files.replace(tmp_path / "a", b"new")
    assert (tmp_path / "target").read_bytes() == b"mine"
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("doing", ["read", "written"])
def test_an_error_of_the_file_system_is_exit_5_with_its_reason(tmp_path, doing):
    said = f"cannot be {doing}: No space left on device"
    with pytest.raises(GradlabError, match=said) as caught, files.storage(tmp_path, doing):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.where, caught.value.code) == (str(tmp_path), Exit.STORAGE)


def test_another_error_is_left_alone(tmp_path):
    with pytest.raises(ZeroDivisionError), files.storage(tmp_path):
        raise ZeroDivisionError


def test_what_a_killed_process_has_left_of_the_same_file_goes(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    dead, mine, other = (
        tmp_path / f".page[1].html.{ended.pid}.tmp",
        tmp_path / f".page[1].html.{os.getppid()}.tmp",
        tmp_path / f".page1.html.{ended.pid}.tmp",
    )
    for left in (dead, mine, other):
        left.write_text("half")
    files.replace(tmp_path / "page[1].html", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"page[1].html", mine.name, other.name}
