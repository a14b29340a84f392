"""A fault in a file of a reading is one line that names the file and the place, and exit 2."""

import shutil
import sys

import h5py
import numpy as np
import pytest

from gradlab.studies import base
from gradlab.viewer import page
from tests.cli.calling import gradlab
from tests.received import made
from tests.received.faults import refused, shortly, told

OF_NEURONS = [
    (("plan", "updates"), ..., "run.json:plan.updates: is missing"),
    (("plan", "more"), 1, "run.json:plan.more: no such key"),
    (("vocabulary",), "aa", "run.json:vocabulary: 'a' is given twice"),
    (("vocabulary",), "ab", "units.nc:cell0_top: is int32 by (character, rank), shape (304, 5)"),
    (("shown", "characters"), 10**5, "units.nc:codes: is int32 by (character), shape (304,)"),
    (("shown", "characters"), 2**40, "run.json:shown.characters: 1099511627776"),
    (("anchor",), 0, "run.json:anchor: 0"),
    (("anchor",), 1, "units.nc:cell0_start_h: is float32 by (anchor, unit0), shape (2, 2)"),
    (("cells", 0, "hidden"), 3, "units.csv: has 10 units"),
    (("cells", 0, "hidden"), 2**30, "run.json:cells[0].hidden: 1073741824"),
    (("cells", 0, "lags"), 7, "units.nc:cell0_influence: is float64 by (lag), shape (201,)"),
    (("cells", 0, "leaves"), ["h"], "scores.csv:line 8.unit: 'c/0' is no unit of the run"),
    (("cells", 0, "leaves"), ["h", "h"], "run.json:cells[0].leaves: 'h' is given twice"),
    (("cells", 0, "bits"), "low", "run.json:cells[0].bits: 'low' must be a number"),
    (("labels",), [], "run.json:labels"),
    (("settings", "corpus"), "all", "run.json:settings.corpus: 'all' is not possible"),
]


@pytest.mark.parametrize(("at", "value", "said"), OF_NEURONS, ids=shortly)
def test_what_no_reading_says(kept, tmp_path, at, value, said):
    place = shutil.copytree(kept["neurons"], tmp_path / "run")
    refused(told(place, *at, value=value), said)


ARRAYS = [
    ("codes", lambda file: file["codes"].__setitem__(0, 10**6), "codes: holds what is no symbol"),
    ("top", lambda file: file["cell0_top"].__setitem__((0, 0), -1), "cell0_top: holds what is no symbol"),
    ("scale", lambda file: file["cell0_c"].attrs.__setitem__("scale", np.nan), "cell0_c: has no scale"),
    ("no scale", lambda file: file["cell0_c"].attrs.__delitem__("scale"), "cell0_c: has no scale"),
    ("missing", lambda file: file.__delitem__("cell0_bits"), "cell0_bits: is missing"),
    ("a group", lambda file: file.create_group("more"), "more: is no array"),
    ("shape", lambda file: planted(file, "cell0_h", (304, 1), "i1"), "cell0_h: has the shape (304, 1)"),
    ("type", lambda file: planted(file, "cell0_h", (304, 2), "f8"), "cell0_h: is float64"),
    ("size", lambda file: planted(file, "cell0_weight_w_rec", (2**31, 2**20, 2), "f4"), "cell0_weight_w_rec"),
]


def planted(file, name, shape, dtype):
    """Another array in the place of one: of any size, without a value that is written."""
    kept = dict(file[name].attrs)
    del file[name]
    new = file.create_dataset(name, shape, dtype, chunks=tuple(min(n, 64) for n in shape))
    for key in ("_Netcdf4Coordinates", "_Netcdf4Dimid"):
        if key in kept:
            new.attrs[key] = kept[key]


@pytest.mark.parametrize(("change", "said"), [one[1:] for one in ARRAYS], ids=[one[0] for one in ARRAYS])
def test_what_no_array_of_a_reading_holds(kept, tmp_path, change, said):
    place = shutil.copytree(kept["neurons"], tmp_path / "run")
    with h5py.File(place / "units.nc", "r+") as file:
        change(file)
    refused(made.sealed(place), f"units.nc:{said}")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
def test_numbers_of_a_reading_that_say_nothing_are_no_bug(kept, tmp_path, value):
    place = shutil.copytree(kept["neurons"], tmp_path / "run")
    with h5py.File(place / "units.nc", "r+") as file:
        for name in file:
            if file[name].dtype.kind == "f" and file[name].size:
                file[name][...] = value
    made.sealed(place)
    out = tmp_path / "x"
    for words in (
        ("show", place),
        ("report", place, "-o", out.with_suffix(".html")),
        ("plot", place, "detectors", "-o", out.with_suffix(".svg")),
        ("neurons", place, "--terminal", "--unit", "c/1"),
        ("neurons", place, "--terminal", "--gradient", "--at", "60"),
    ):
        assert gradlab(*words).code in (0, 2)
    assert page.page(base.read(place))


def test_a_cell_of_a_reading_is_no_code_of_its_sender(kept, tmp_path, monkeypatch):
    """A name that a run holds is looked up among the members, and never imported."""
    place = shutil.copytree(kept["neurons"], tmp_path / "run")
    (tmp_path / "sent.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("run.json", "scores.csv", "units.csv", "detectors.csv", "training.csv"):
        text = (place / name).read_text()
        (place / name).write_text(text.replace("lstm", "sent:Cell"))
    made.sealed(place)
    said = gradlab("neurons", place, "--terminal", "--gradient", "--at", "60")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert "sent" not in sys.modules
