"""What TensorBoard reads back is what the run's own files say."""

import numpy as np
import pytest

from gradlab.logs import keep
from gradlab.studies.sweep import results
from tests import made_runs
from tests.logs import told

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
