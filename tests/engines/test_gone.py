"""A worker, or the scheduler, ends just when it is asked something."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from gradlab.engines import dask, work
from gradlab.errors import GradlabError
from gradlab.studies import base
from gradlab.studies.sweep.settings import Sweep
from tests.engines.calling import scheduler

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

ASKED = Sweep(cell=("elman",), w_rec=(0.5,), T=(4, 6), hidden=2, seeds=1)
READY = work.ready


def one_ends(*given):
    """In one of the workers."""
    with contextlib.suppress(FileExistsError):
        Path(os.environ["GRADLAB_TESTS_ENDS"]).touch(exist_ok=False)
        os._exit(9)
    return READY(*given)


def scheduler_ends(*given):
    os.kill(int(Path(os.environ["GRADLAB_TESTS_ENDS"]).read_text()), signal.SIGKILL)
    return READY(*given)


@pytest.fixture
def ends(monkeypatch, tmp_path):
    """A scheduler whose workers do this when they are asked; their flags are not those of this process."""

    def started(ready, workers=1):
        monkeypatch.setattr(work, "ready", ready)
        return scheduler(workers, GRADLAB_TESTS_ENDS=str(tmp_path / "ends"))

    return started


def results(address):
    return dask.Dask(address, mixed=True).results(ASKED, base.of(ASKED).groups(ASKED))


def test_a_worker_that_ends_while_it_is_asked_is_made_good_by_the_other(ends, tmp_path):
    with ends(one_ends, workers=2) as (address, *_):
        found = [one.group.T for one in results(address) if one is not None]
    assert (tmp_path / "ends").exists()
    assert sorted(found) == [4, 6]


def test_without_any_worker_left_it_is_said(ends):
    with ends(one_ends) as (address, *_), pytest.raises(GradlabError) as told:
        list(results(address))
    assert (told.value.code, "the scheduler has no workers" in told.value.what) == (6, True)


def test_a_scheduler_that_ends_while_the_workers_are_asked_is_gone(ends, tmp_path):
    with ends(scheduler_ends) as (address, first, *_):
        (tmp_path / "ends").write_text(str(first.pid))
        with pytest.raises(GradlabError, match=f"^--scheduler: {address}: the scheduler is gone") as told:
            list(results(address))
    assert told.value.code == 6


def test_a_scheduler_that_ends_between_two_groups_is_gone(ends, monkeypatch):
    monkeypatch.setattr(dask, "WAITING", 1)
    monkeypatch.setattr(dask, "ANSWER", 2.0)
    with ends(READY) as (address, first, *_):
        coming = results(address)
        assert next(one for one in coming if one is not None).group.T == 6
        first.kill()
        # Until the client has given up.
        time.sleep(4)
        with pytest.raises(GradlabError, match=f"^--scheduler: {address}: the scheduler is gone") as told:
            list(coming)
    assert told.value.code == 6
