"""`gradlab show` and `report` of what has no table before its end: how far it is, in a line."""

import json

import numpy as np
import pytest

from gradlab import specs
from gradlab.runs.shards import Shards
from gradlab.studies.measure import work
from gradlab.studies.measure.settings import Measure
from gradlab.studies.neurons.settings import Neurons
from tests.cli.calling import contents, gradlab

DIGEST = "0" * 32


def begun(folder, asked, share="", **digests):
    """A folder in which a run of these settings has begun."""
    folder.mkdir()
    settings = specs.stored(asked) | {"command": asked.study} | digests
    told = {"settings": settings, "versions": {}} | ({"share": share} if share else {})
    (folder / "begun.json").write_text(json.dumps(told))
    return folder


def measuring(folder, share="", windows=5):
    asked = Measure("w.npz", "s.csv", arch="rnn", activation="tanh", windows=windows)
    return begun(folder, asked, share, model_digest=DIGEST, data_digest=DIGEST)


def training(folder, share="", lr=(0.001, 0.01)):
    return begun(folder, Neurons(cell=("lstm", "gru"), updates=10, T=8, lr=lr), share, text_digest=DIGEST)


def keep(folder, cell, stage, done, of=4):
    Shards(folder).put({"look": np.array([done]), "loss": np.zeros(of)}, arm=cell, T=8, doing=stage)


def line(folder):
    """What both commands say of it; neither changes anything."""
    before = contents(folder)
    said = [gradlab(command, folder) for command in ("show", "report")]
    assert [(one.code, one.out, one.err.count("\n")) for one in said] == [(4, "", 1)] * 2
    assert said[0].err == said[1].err
    assert contents(folder) == before
    return said[0].err.removeprefix(f"error: {folder}: ").removesuffix("; there is nothing to show\n")


def test_of_a_measurement_the_windows_are_counted(tmp_path):
    folder = measuring(tmp_path / "run")
    end = "what they come to is told of all of them"
    assert line(folder) == f"0 of 5 windows are measured, 5 are left; {end}"
    for i in (0, 3):
        Shards(folder).put({"transport": np.zeros(3)}, **work.key(i))
    assert line(folder) == f"2 of 5 windows are measured, 3 are left; {end}"
    Shards(folder)._place(work.key(3)).write_bytes(b"damaged")
    assert line(folder) == f"1 of 5 windows are measured, 4 are left; {end}"


def test_of_a_share_its_own_windows_are_counted(tmp_path):
    folder = measuring(tmp_path / "run", share="2/2")
    for i in (0, 4):
        Shards(folder).put({"transport": np.zeros(3)}, **work.key(i))
    said = line(folder)
    assert said.startswith("1 of the 3 windows of share 2/2 are measured, 2 are left; ")
    assert said.endswith("of all shares that are merged")


def test_of_a_reading_it_is_told_how_far_each_cell_is(tmp_path):
    folder = training(tmp_path / "run")
    head, tail = "the networks are still being trained (", "), and no unit has been scored"
    assert line(folder) == f"{head}lstm: not begun; gru: not begun{tail}"
    keep(folder, "lstm", "trying lr = 0.001", 4)
    keep(folder, "lstm", "trying lr = 0.01", 1)
    assert line(folder) == f"{head}lstm: trying lr = 0.01, 25%; gru: not begun{tail}"
    keep(folder, "lstm", "training", 3)
    assert line(folder) == f"{head}lstm: training, 75%; gru: not begun{tail}"
    keep(folder, "lstm", "training", 4)
    keep(folder, "gru", "training", 9)
    assert line(folder) == f"{head}lstm: trained; gru: not begun{tail}"


def test_of_a_share_of_a_reading_its_own_cells_are_told(tmp_path):
    folder = training(tmp_path / "run", share="2/2", lr=(0.01,))
    keep(folder, "gru", "training", 2)
    said = line(folder)
    assert said.startswith(
        "of share 2/2, which has 1 of the 2 cells, the networks are still being trained (gru:"
    )
    assert "(gru: training, 50%)" in said


def test_of_a_given_network_nothing_is_kept_before_its_end(tmp_path):
    folder = tmp_path / "run"
    begun(folder, Neurons(weights="w.npz", arch="gru"), text_digest=DIGEST, weights_digest=DIGEST)
    assert line(folder).endswith("nothing of that is kept before its end")


@pytest.mark.parametrize("windows", [0, -3, "many", 2**62, None])
def test_settings_that_no_run_has_are_refused(tmp_path, windows):
    folder = measuring(tmp_path / "run")
    about = json.loads((folder / "begun.json").read_text())
    about["settings"]["windows"] = windows
    (folder / "begun.json").write_text(json.dumps(about))
    said = gradlab("show", folder)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "begun.json:settings.windows" in said.err
