"""What TensorBoard reads back is what the run's own files say."""

import time

import numpy as np
import pytest

import gradlab
from gradlab.logs import keep
from gradlab.studies.sweep import results
from tests import made_runs
from tests.logs import told, watched

reader = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator",
    reason="the extra `tensorboard` is not installed",
)


def read(folder):
    found = reader.EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0, "images": 0})
    found.Reload()
    return found


@pytest.mark.parametrize("made", [told.swept, told.trained])
def test_the_numbers_are_those_of_the_files(made, tmp_path):
    run = made(tmp_path / "mine")
    assert keep.keep("tensorboard", run, tmp_path / "mine").warning == ""
    found = read(tmp_path / "logs" / "tensorboard" / "mine")
    expected = told.by_hand(tmp_path / "mine")
    for name in {name for name, _ in expected}:
        for event in found.Scalars(name):
            assert event.value == np.float32(expected.pop((name, event.step)))
    assert expected == {}


def test_settings_texts_and_figures_are_there(tmp_path):
    from tensorboard.plugins.hparams import metadata

    run = told.swept(tmp_path / "mine")
    keep.keep("tensorboard", run, tmp_path / "mine")
    found = read(tmp_path / "logs" / "tensorboard" / "mine")
    text = lambda tag: found.Tensors(tag)[0].tensor_proto.string_val[0].decode()
    assert text("verdict").startswith("At T = 50 (5 seeds)")
    assert "lstm" in text("table")
    assert "gradlab sweep" in text("tags")
    image = found.Images("figures/profile")[0]
    assert (image.width, image.height) == (3, 2)
    content = found.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    hparams = metadata.parse_session_start_info_plugin_data(content).hparams
    assert hparams["hidden"].number_value == 32
    assert hparams["cell"].string_value == "elman, lstm"


def test_it_is_told_once_and_another_run_takes_the_place(tmp_path):
    run = told.swept(tmp_path / "mine")
    folder = tmp_path / "logs" / "tensorboard"
    how = f"tensorboard --logdir {folder}"
    assert keep.keep("tensorboard", run, tmp_path / "mine").note == f"tensorboard holds this run: {how}"
    (file,) = (folder / "mine").iterdir()
    before = file.stat().st_mtime_ns
    again = keep.keep("tensorboard", run, tmp_path / "mine")
    assert again.note == f"tensorboard held already this run: {how}"
    assert file.stat().st_mtime_ns == before
    other = made_runs.run(seed=1)
    results.write(tmp_path / "mine", other)
    keep.keep("tensorboard", other, tmp_path / "mine")
    (now,) = (folder / "mine").iterdir()
    assert now != file


def test_a_server_that_runs_sees_each_look_once_as_the_training_goes_on(tmp_path, monkeypatch):
    monitor = watched.monitor(monkeypatch, tmp_path / "mine")
    folder = tmp_path / "logs" / "tensorboard" / "mine"
    watched.train(monitor, [0])
    server, (file,) = read(folder), folder.iterdir()
    for updates in ([0], [0, 20], [0, 20, 40]):
        watched.train(monitor, updates[-1:])
        server.Reload()
        ((name, _), *_), expected = watched.by_hand(tmp_path / "mine"), watched.by_hand(tmp_path / "mine")
        assert [event.step for event in server.Scalars(name)] == updates
        assert [event.value for event in server.Scalars(name)] == pytest.approx(
            [expected[name, at] for at in updates], rel=1e-6
        )
        profile = f"log10_transport/mine given update={updates[-1]}"
        assert [event.step for event in server.Scalars(profile)] == list(range(watched.T + 1))
    monitor.close()
    server.Reload()
    assert len(server.Scalars(name)) == 3
    assert "mine" in server.Tensors("table")[0].tensor_proto.string_val[0].decode()
    assert server.Images("figures/over_training")[0].width == 3
    assert list(folder.iterdir()) == [file]


def test_of_a_look_on_a_full_disk_nothing_is_left_and_of_those_before_all(tmp_path, monkeypatch):
    monitor = watched.monitor(monkeypatch, tmp_path / "mine")
    watched.train(monitor, [0])
    (file,) = (tmp_path / "logs" / "tensorboard" / "mine").iterdir()
    writer, before = monitor._live._writer, file.read_bytes()
    writer._file = Full(writer._file)
    with pytest.warns(gradlab.MonitorWarning, match=r"^log: tensorboard is told no more: OSError: the disk"):
        watched.train(monitor, [1])
    assert writer._file.tried == 1
    assert file.read_bytes() == before


class Full:
    """A file that takes half of what is written, and then no more."""

    def __init__(self, file):
        self._file = file
        self.tried = 0

    def write(self, content):
        if self.tried:
            raise OSError("the disk is full")
        self.tried += 1
        return self._file.write(content[: len(content) // 2])

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_name_sorts_behind_those_before_it(tmp_path, monkeypatch):
    """A server that is running reads files in the order of their names, and never goes back."""
    names = []
    for seconds in (999_999_999, 1_000_000_000, 1_000_000_001):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: float(seconds))
        results.write(tmp_path / "mine", made := made_runs.run(seed=seconds % 7))
        keep.keep("tensorboard", made, tmp_path / "mine")
        (file,) = (tmp_path / "logs" / "tensorboard" / "mine").iterdir()
        names.append(file.name)
    assert names == sorted(names)
    assert len(set(names)) == 3
