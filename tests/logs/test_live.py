"""When a tracker is told what of a training that is watched; a list stands for the tracker."""

import sys
import types
import warnings

import pytest

import gradlab
from gradlab.logs import entries, keep
from gradlab.monitoring import keeping
from gradlab.studies.sweep import results
from tests.logs import watched


@pytest.fixture
def heard(monkeypatch):
    """What the tracker hears; what is put in `fails` is raised there, and `takes` is called at each look."""
    heard = types.SimpleNamespace(opened=[], looks=[], ended=[], failed=0, fails={}, takes=lambda: None)

    class Writer:
        how = "look here"

        def __init__(self, entries, logs):
            _fail(heard, "open")
            heard.opened.append((entries, logs))

        def add(self, points):
            heard.takes()
            heard.looks.append(list(points))
            _fail(heard, "add")

        def finish(self, entries):
            _fail(heard, "finish")
            heard.ended.append(entries)

        def fail(self):
            heard.failed += 1
            raise OSError("it fails at that, too")

    module = types.ModuleType("tensorboard")
    module.__spec__ = types.SimpleNamespace(origin="here")
    monkeypatch.setitem(sys.modules, "tensorboard", module)
    monkeypatch.setattr(keep, "tracker", lambda log: types.SimpleNamespace(Writer=Writer))
    # Files of numbers are not asked for here, and take their time.
    monkeypatch.setattr(results, "files", lambda made: {})
    return heard


def _fail(heard, where):
    if where in heard.fails:
        raise heard.fails.pop(where)


def updates(heard):
    """The updates of the looks that were told, in their order."""
    return [{point.step for point in told if point.axis == "update"} for told in heard.looks]


def test_each_look_is_told_when_it_is_kept_and_the_end_when_it_is_closed(heard, monkeypatch, tmp_path):
    monitor = watched.monitor(monkeypatch, tmp_path / "mine")
    assert heard.opened == []
    for many in (1, 2, 3):
        watched.train(monitor, [10 * many])
        assert (len(heard.opened), updates(heard)) == (1, [{10 * i} for i in range(1, many + 1)])
    assert heard.ended == []
    monitor.close()
    ((begun, logs),), (ended,) = heard.opened, heard.ended
    assert logs == tmp_path / "logs"
    assert (begun.name, begun.settings["T"]) == ("mine", watched.T)
    # What every look changes is said at the end.
    assert not set(begun.settings) & set(entries.CHANGING)
    assert ended.tags["data_digest"] == monitor.run.about["settings"]["data_digest"]
    assert "mine" in ended.table
    assert [place.name for place in ended.figures] == ["over_training.png"]
    monitor.close()
    assert (len(heard.ended), len(heard.looks)) == (1, 3)


def test_looks_told_one_by_one_are_the_points_of_the_run(heard, monkeypatch, tmp_path):
    monitor = watched.monitor(monkeypatch, tmp_path / "mine")
    watched.train(monitor, [0, watched.T])
    told = [point for look in heard.looks for point in look]
    assert sorted(told) == sorted(entries.points(monitor.run))
    assert {point.axis for point in told} == {"update", "lag"}
    # At the update that equals T, too, a profile is named by its update.
    series = {point.name.rpartition(" ")[2] for point in told if point.axis == "lag"}
    assert series == {"update=0", "update=20"}


def test_a_look_is_told_once_whatever_is_thinned_or_looked_at_again(heard, monkeypatch, tmp_path):
    monkeypatch.setattr(keeping, "MOST", 4)
    monitor = watched.monitor(monkeypatch, tmp_path / "mine")
    watched.train(monitor, [0, 1, 2, 3, 4, 5, 5])
    monitor.close()
    assert monitor.run.norms["update"].values.tolist() == [0, 2, 4, 5]
    assert updates(heard) == [{update} for update in range(6)]


def test_a_run_whose_training_ends_in_an_error_is_closed(heard, monkeypatch, tmp_path):
    def trained(monitor):
        with monitor:
            watched.train(monitor, [0, 1])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(watched.monitor(monkeypatch, tmp_path / "mine"))
    assert (updates(heard), len(heard.ended)) == ([{0}, {1}], 1)


@pytest.mark.parametrize("where", ["open", "add"])
def test_interrupted_while_it_is_told_a_look_is_not_told_twice(heard, monkeypatch, tmp_path, where):
    monitor = watched.monitor(monkeypatch, tmp_path / "mine")
    heard.fails[where] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt), monitor:
        watched.train(monitor, [7])
    assert (updates(heard), len(heard.ended), heard.failed) == ([{7}], 1, 0)


@pytest.mark.parametrize("where", ["open", "add", "finish"])
def test_the_first_failure_is_one_warning_and_the_last_that_is_told(heard, monkeypatch, tmp_path, where):
    monitor = watched.monitor(monkeypatch, tmp_path / "mine")
    heard.fails[where] = OSError("the disk\nis full")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        watched.train(monitor, [0, 1])
        monitor.close()
    assert [(one.category, str(one.message)) for one in caught] == [
        (gradlab.MonitorWarning, "log: tensorboard is told no more: OSError: the disk")
    ]
    assert (len(heard.looks), heard.ended) == ({"open": 0, "add": 1, "finish": 2}[where], [])
    assert heard.failed == (where != "open")
    assert monitor.run.norms["update"].values.tolist() == [0, 1]


def test_telling_is_part_of_what_a_look_takes(heard, monkeypatch, tmp_path):
    """In seconds that are counted: only telling takes any, 10 for each look, and a call of the training 1."""
    now = [100.0]
    heard.takes = lambda: now.__setitem__(0, now[0] + 10)
    monitor = watched.monitor(monkeypatch, tmp_path / "mine", share=0.05, clock=lambda: now[0])
    for update in range(800):
        watched.train(monitor, [update])
        now[0] += 1
    # As for a look of 10 s itself: (10 + 10) / (390 + 10) = 5 %; then one in each 200 s.
    assert updates(heard) == [{0}, {380}, {570}, {760}]


def test_a_look_after_the_end_is_in_the_folder_and_that_is_said(heard, monkeypatch, tmp_path):
    monitor = watched.monitor(monkeypatch, tmp_path / "mine")
    watched.train(monitor, [0])
    monitor.close()
    with pytest.warns(gradlab.MonitorWarning, match=r"^log: tensorboard has been told of the end; later"):
        watched.train(monitor, [1])
    assert updates(heard) == [{0}]
    assert monitor.run.norms["update"].values.tolist() == [0, 1]


def test_without_a_look_nothing_is_told(heard, monkeypatch, tmp_path):
    watched.monitor(monkeypatch, tmp_path / "mine").close()
    assert (heard.opened, heard.ended) == ([], [])
