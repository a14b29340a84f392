"""The lock of a run folder: one process writes, and however that ends the next one may."""

import errno
import fcntl
import multiprocessing
import os
import socket
import threading

import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.runs import store

SETTINGS = {"w_rec": [0.5, 1.0], "seeds": 2}
VERSIONS = {"jax": "0", "gradlab": "0"}


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


def test_a_lock_that_was_left_behind_names_nobody(tmp_path, monkeypatch):
    (tmp_path / ".lock").write_text("process 1 on elsewhere")
    with store.opened(tmp_path):
        assert (tmp_path / ".lock").read_text() == f"process {os.getpid()} on {socket.gethostname()}"


def test_a_holder_that_has_not_said_its_name_yet_is_waited_for(tmp_path):
    with (tmp_path / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        late = threading.Timer(0.1, lambda: (held.write("process 7 on host"), held.flush()))
        late.start()
        with pytest.raises(GradlabError, match="in use by process 7 on host;"), store.opened(tmp_path):
            pass
        late.join()


def refusing(number):
    def flock(handle, kind):
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("name", ["ENOLCK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_locks_is_worked_on_after_one_line(tmp_path, monkeypatch, capsys, name):
    monkeypatch.setattr(fcntl, "flock", refusing(getattr(errno, name)))
    for _ in range(2):
        with store.opened(tmp_path / "run"):
            store.begin(tmp_path / "run", SETTINGS, VERSIONS)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("warning: ")
    assert "keeps no locks" in said
    assert "start no second run on this folder" in said
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_fails_for_another_reason_is_a_storage_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fcntl, "flock", refusing(errno.EIO))
    with pytest.raises(GradlabError, match="cannot be written") as caught, store.opened(tmp_path / "run"):
        pass
    assert caught.value.code is Exit.STORAGE
    assert capsys.readouterr().err == ""
