"""What stands in the offline file of Weights & Biases is what the run's own files say."""

import json
import os
import struct
import time

import pytest

from gradlab.logs import entries, in_wandb, keep
from gradlab.plots import _default
from tests.logs import told, watched

BLOCK, HEAD = 32768, 7


@pytest.fixture(scope="module")
def wandb():
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    return pytest.importorskip("wandb", reason="the extra `wandb` is not installed")


def records(place):
    """The records of a `.wandb` file: blocks of a LevelDB log, each record a protobuf of wandb's own."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, held = place.read_bytes(), HEAD, b""
    assert content[:4] == b":W&B"
    while at + HEAD <= len(content):
        if BLOCK - at % BLOCK < HEAD:
            at += BLOCK - at % BLOCK
            continue
        size, kind = struct.unpack("<HB", content[at + 4 : at + HEAD])
        held += content[at + HEAD : at + HEAD + size]
        at += HEAD + size
        if kind in (1, 4):
            yield Record.FromString(held)
            held = b""


def key(item):
    return item.key or ".".join(item.nested_key)


def axes(place):
    """What each series has as its axis."""
    defined = [record.metric for record in records(place) if record.HasField("metric")]
    return {one.name: one.step_metric for one in defined}


def history(place):
    """Values by key and place on the axis of its series."""
    found, axis = {}, axes(place)
    for record in records(place):
        if record.HasField("history"):
            values = {key(item): json.loads(item.value_json) for item in record.history.item}
            told = [(name, values[axis[name]]) for name in values if name in axis]
            assert not set(told) & set(found)
            found |= {at: values[at[0]] for at in told}
    return found


def numbers(run):
    """What the history is to hold, profiles by lag and all."""
    return {(one.name, one.step): one.value for one in entries.points(run)}


def file(folder):
    """The file of a run, once wandb's own process has written its end: it does not wait for that."""
    (place,) = (folder / "logs" / "wandb").glob("offline-run-*/run-*.wandb")
    for _ in range(100):
        if any(record.HasField("exit") for record in records(place)):
            return place
        time.sleep(0.1)
    raise AssertionError(f"{place} has no end")


@pytest.mark.parametrize("made", [told.swept, told.trained])
def test_the_numbers_are_those_of_the_files(wandb, made, tmp_path):
    run = made(tmp_path / "mine")
    for figure in (tmp_path / "mine").glob("figures/*"):
        figure.unlink()
    assert keep.keep("wandb-offline", run, tmp_path / "mine").warning == ""
    found, expected = history(file(tmp_path)), told.by_hand(tmp_path / "mine")
    assert {at: found[at] for at in expected} == pytest.approx(expected, rel=1e-14)
    # None is dropped: the library leaves out what has a step below the last.
    assert found == pytest.approx(numbers(run), rel=1e-14)
    by_lag = {name for name, axis in axes(file(tmp_path)).items() if axis == "lag"}
    assert by_lag == {name for name, _ in found if name.startswith("log10_")}


def test_settings_verdict_and_figures_are_there_and_a_run_of_the_user_is_left_alone(wandb, tmp_path):
    from PIL import Image

    run = told.swept(tmp_path / "mine")
    Image.new("RGB", (3, 2)).save(tmp_path / "mine" / "figures" / "profile.png")
    theirs = wandb.init(
        mode="offline", dir=str(tmp_path), settings=wandb.Settings(silent=True, console="off")
    )
    assert keep.keep("wandb-offline", run, tmp_path / "mine").warning == ""
    assert wandb.run is theirs
    theirs.finish()
    head = [record.run for record in records(file(tmp_path)) if record.HasField("run")][-1]
    assert (head.project, head.display_name) == ("gradlab", "mine")
    assert head.notes.startswith("At T = 50 (5 seeds)")
    config = {key(item): json.loads(item.value_json) for item in head.config.update}
    assert (config["hidden"], config["cell"]) == (32, "elman, lstm")
    summary = {}
    for record in records(file(tmp_path)):
        summary |= {key(item): json.loads(item.value_json) for item in record.summary.update}
    assert summary["verdict"] == head.notes
    assert summary["command"] == "gradlab sweep"
    assert list(file(tmp_path).parent.glob("files/media/images/figures/profile*.png"))


def test_it_is_told_once_and_a_try_that_failed_leaves_nothing(wandb, tmp_path, monkeypatch):
    run = told.trained(tmp_path / "mine")
    said = told.on_a_full_disk(monkeypatch, in_wandb, "wandb-offline", run, tmp_path / "mine")
    assert said == ("", "--log wandb-offline: nothing is logged: OSError: the disk is full")
    assert not list((tmp_path / "logs" / "wandb").glob("offline-run-*"))
    first = keep.keep("wandb-offline", run, tmp_path / "mine")
    assert first.note.startswith(
        f"wandb-offline holds this run: wandb sync {tmp_path}/logs/wandb/offline-run-"
    )
    again = keep.keep("wandb-offline", run, tmp_path / "mine")
    assert again.note == first.note.replace("holds", "held already")
    file(tmp_path)


def test_a_training_is_told_look_by_look_beside_a_run_that_its_user_begins(wandb, tmp_path, monkeypatch):
    monitor = watched.monitor(monkeypatch, tmp_path / "mine", "wandb-offline")
    watched.train(monitor, [0])
    theirs = wandb.init(
        mode="offline", dir=str(tmp_path), settings=wandb.Settings(silent=True, console="off")
    )
    theirs.log({"their loss": 1.0})
    watched.train(monitor, [20, 40])
    monkeypatch.setattr(_default, "draw", lambda run, folder: None)
    monitor.close()
    assert wandb.run is theirs
    theirs.finish()
    found = history(file(tmp_path))
    assert found == pytest.approx(numbers(monitor.run), rel=1e-14)
    expected = watched.by_hand(tmp_path / "mine")
    assert {at: found[at] for at in expected} == pytest.approx(expected, rel=1e-14)
    assert set(axes(file(tmp_path)).values()) == {"update", "lag"}
    assert "their loss" not in file(tmp_path).read_bytes().decode("latin-1")
