"""What is whole is read: earlier runs, all that probes measure, documents and tables within their limits."""

import dataclasses
import json
import types
from pathlib import Path

import numpy as np
import pytest

from gradlab import probes
from gradlab.errors import GradlabError
from gradlab.runs import contents as run_contents
from gradlab.runs import csv_tables, documents, forms, readers
from gradlab.studies.measure.settings import Measure
from gradlab.studies.neurons import results as neurons_results
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies import results as remedies_results
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep import results as sweep_results
from gradlab.studies.sweep.settings import Sweep
from tests import stored
from tests.cli.calling import gradlab
from tests.members import further_probes

RESULTS = Path(__file__).parents[2] / "results"


def test_the_settings_of_a_run_are_those_that_its_command_has():
    for model, settings, more in (
        (forms.Sweep, Sweep, set()),
        (forms.Training, Training, {"command"}),
        (forms.Neurons, Neurons, {"command", "text_digest", "weights_digest"}),
        (forms.Measure, Measure, {"command", "model_digest", "data_digest"}),
    ):
        assert set(model.model_fields) == {field.name for field in dataclasses.fields(settings)} | more


@pytest.mark.slow
def test_what_every_probe_measures_is_read(tmp_path):
    words = ("--cell", "elman,lstm", "--w-rec", "0.5", "-T", "4,60", "--hidden", "2", "--seeds", "2")
    asked = ",".join(further_probes())
    assert gradlab("sweep", *words, "--probe", asked, "--out", tmp_path, "--name", "x").code == 0
    found = sweep_results.read(tmp_path / "x")
    assert {name for probe in further_probes() for name in probes.axes(probe)} <= set(found.norms.data_vars)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in RESULTS.glob("*/run.json")))
def test_runs_of_earlier_versions_are_read(name):
    place = RESULTS / name
    if run_contents.command(place) == "remedies":
        assert len(remedies_results.read(place).table) > 0
        return
    if name in stored.READINGS:
        # Their `units.nc` is left out, too.
        about, held = run_contents.read(place, neurons_results.FILES[:-1])
        assert about["command"] == "neurons"
        assert len(held) == len(neurons_results.FILES) - 1
        return
    about, held = run_contents.read(place, ("metrics.csv",))
    axes = about["settings"]
    sizes = {axis: len(axes[axis]) for axis in ("cell", "init", "w_rec", "T")} | {"seed": axes["seeds"]}
    # Their profiles are left out of the repository; the table needs their parts and sizes alone.
    assert len(sweep_results._table(held["metrics.csv"], "metrics.csv", axes, _Parts(sizes))) > 0


class _Parts:
    """What a table is checked by, of profiles that are not there."""

    def __init__(self, sizes):
        self.sizes = sizes

    def __getitem__(self, name):
        return types.SimpleNamespace(values=np.array(["state", "h", "c"]))


def test_a_document_within_its_limits_is_what_json_says():
    given = {"a": [1, -2.5, None, True, "é", {"b": []}], "c": 2**63 - 1}
    assert documents.parsed(json.dumps(given).encode()) == given
    assert documents.record(b'{"a": {}}', a=dict) == {"a": {}}
    for content, kinds in ((b"[]", {}), (b"{}", {"a": dict}), (b'{"a": 1}', {"a": dict})):
        with pytest.raises(ValueError, match=r"has no a|is no JSON object"):
            documents.record(content, **kinds)


def test_a_table_is_read_as_pandas_reads_it():
    import pandas as pd

    columns = {
        "a": readers.word,
        "b": readers.whole(),
        "c": readers.number,
        "d": readers.one_of([0.5, 1.0], "d"),
    }
    found = csv_tables.read(b"a,b,c,d\nx,1,,0.5\n'=y,2,-1e-3,1\n", "t.csv", columns, ["a"])
    given = {"a": ["x", "=y"], "b": [1, 2], "c": [np.nan, -0.001], "d": [0.5, 1.0]}
    pd.testing.assert_frame_equal(found.astype({"a": str}), pd.DataFrame(given).astype({"a": str}))
    with pytest.raises(GradlabError, match=r"t\.csv:line 2: has not 4 cells"):
        csv_tables.read(b"a,b,c,d\nx,1,,0.5,7\n", "t.csv", columns, ["a"])
