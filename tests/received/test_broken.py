"""A fault in a file of a run is one line that names the file and the place, and exit 2."""

import shutil
from pathlib import Path

import h5py
import pytest

from tests.cli.calling import gradlab
from tests.received import made
from tests.received.faults import refused, shortly, told

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(params=["sweep", "remedies"])
def run(request, kept, tmp_path):
    return shutil.copytree(kept[request.param], tmp_path / "run")


@pytest.fixture
def sweep(kept, tmp_path):
    return shutil.copytree(kept["sweep"], tmp_path / "run")


DOCUMENTS = {
    "empty": (b"", "run.json: is not strict JSON"),
    "cut": (b'{"schema": "gradlab.run/1"', "run.json: is not strict JSON"),
    "deep": (b"[" * 200_000 + b"]" * 200_000, "run.json: is not strict JSON: nested deeper than 64"),
    "deep in an object": (b'{"a":' * 200_000, "run.json: is not strict JSON: nested deeper than 64"),
    "65 deep": (b"[" * 66 + b"]" * 66, "run.json: is not strict JSON: nested deeper than 64"),
    "NUL": (b"\0" * 100, "run.json: is not strict JSON"),
    "latin 1": (b'{"a": "\xe9"}', "run.json: is not strict JSON: not UTF-8 at byte 7"),
    "NaN": (b'{"a": NaN}', "run.json: is not strict JSON: 'NaN is no number'"),
    "infinite": (b'{"a": 1e999}', "run.json: is not strict JSON: a number in it is beyond"),
    "20 digits": (b'{"a": 12345678901234567890}', "run.json: is not strict JSON: 12345678901234567890 takes"),
    "5000 digits": (b'{"a": ' + b"1" * 5000 + b"}", "run.json: is not strict JSON"),
    "a key twice": (b'{"a": 1, "a": 2}', "run.json: is not strict JSON: \"the key 'a' is there twice\""),
    "half a pair": (b'{"a": "\\ud800"}', "run.json: is not strict JSON: '\\ud800' holds half"),
    "a list": (b"[]", "run.json:schema: None is not gradlab.run/2"),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_is_no_document(sweep, kind):
    content, said = DOCUMENTS[kind]
    (sweep / "run.json").write_bytes(content)
    refused(sweep, said)


BOTH = [
    (("command",), "bake", "run.json:command: 'bake' is no command"),
    (("command",), [], "run.json:command: [] is no command"),
    (("status",), "fine", "run.json:status: 'fine' is not possible"),
    (("status",), 5, "run.json:status: 5 is not possible"),
    (("points",), "5", "run.json:points: '5' must be a whole number"),
    (("points",), -1, "run.json:points: -1"),
    (("failed",), 10**9, "run.json:failed: 1000000000 is more than"),
    (("failed",), True, "run.json:failed: True must be a whole number"),
    (("versions",), [], "run.json:versions: [] must be a table"),
    (("versions",), {"jax": {}}, "run.json:versions.jax"),
    (("files",), ..., "run.json:files: is missing"),
    (("files", "norms.nc"), "x", "run.json:files.'norms.nc': 'x' is no sha256"),
    (("settings",), ..., "run.json:settings: is missing"),
    (("settings",), [], "run.json:settings: [] must be a table"),
    (("settings", "seeds"), 10**13, "run.json:settings.seeds: 10000000000000"),
    (("settings", "seeds"), "2", "run.json:settings.seeds: '2' must be a whole number"),
    (("settings", "seed"), -1, "run.json:settings.seed: -1"),
    (("settings", "T"), [], "run.json:settings.T"),
    (("settings", "T"), [4, 4], "run.json:settings.T: 4 is given twice"),
    (("settings", "T"), [2**31], "run.json:settings.T[0]: 2147483648"),
    (("settings", "w_rec"), ["1"], "run.json:settings.w_rec[0]: '1' must be a number"),
    (("settings", "cell"), "a\0b", "run.json:settings.cell"),
    (("settings", "cell"), "\x1b[31m", "run.json:settings.cell"),
    (("settings", "precision"), "float16", "run.json:settings.precision: 'float16' is not possible"),
    (("settings", "more"), 1, "run.json:settings.more: no such key"),
    (("question",), 5, "run.json:question: 5 must be text"),
    (("claims",), "x", "run.json:claims: 'x' must be a list"),
    (("figures",), {"a": 1}, "run.json:figures: {'a': 1} must be a list"),
]
OF_SWEEPS = [
    (("settings", "cell"), ["elman", "a\x1b[31m"], "run.json:settings.cell[1]: 'a\\x1b[31m' holds"),
    (("settings", "cell"), ["elman", "a\0b"], "run.json:settings.cell[1]: 'a\\x00b' holds"),
    (("settings", "cell"), ["elman", "elman"], "run.json:settings.cell: 'elman' is given twice"),
    (("settings", "cell"), ["elman"], "norms.nc:adjoint: has 2 places on the axis cell"),
    (("settings", "cell"), ["elman", "gru"], "norms.nc:cell: has 'lstm'"),
    (("settings", "T"), [4, 7], "norms.nc:adjoint: has 7 places on the axis lag"),
    (("settings", "seeds"), 3, "norms.nc:adjoint: has 2 places on the axis seed"),
    (("weights",), [], "run.json:weights: [] must be a table"),
    (("weights", "elman"), {"orthogonal/x": "1"}, "run.json:weights.elman: 'orthogonal/x' is no init/seed"),
    (("weights", "elman"), {"orthogonal/" + "1" * 20: "1"}, "run.json:weights.elman: 'orthogonal/1"),
    (("weights", "elman"), {"orthogonal/1": 5}, "run.json:weights.elman.'orthogonal/1': 5 must be text"),
    (("code",), {"elman": 5}, "run.json:code.elman: 5 must be a table"),
    (("metrics",), ["a\x1b[31m"], "run.json:metrics[0]: 'a\\x1b[31m'"),
    (("metrics",), "peak", "run.json:metrics: 'peak' must be a list"),
]
OF_MEASURES = [
    (("settings", "windows"), 3, "norms.nc:adjoint: has 2 places on the axis seed"),
    (("settings", "T"), 7, "norms.nc:adjoint: has 7 places on the axis lag"),
    (("networks",), ["elman"], "norms.nc:cell: has 'rnn'"),
    (("loss",), "last", "norms.nc:objective: 'unit', where the settings of the run say last"),
    (("precision",), "float32", "norms.nc:precision: 'float64', where the settings of the run say float32"),
    (("settings", "model_digest"), 5, "run.json:settings.model_digest: 5 must be"),
]
OF_REMEDIES = [
    (("settings", "remedies"), ["none"], "remedies.csv: has 12 networks of 2 arms"),
    (("settings", "command"), "sweep", "run.json:settings.command: 'sweep' is not possible"),
    (("settings", "lr"), [0.0], "run.json:settings.lr[0]: 0.0"),
    (("solved",), "x", "run.json:solved: 'x' must be a number"),
    (("chance",), {"x": 1.0}, "run.json:chance: 'x' is not a sequence length"),
    (("chance",), {"4": "a"}, "run.json:chance.'4': 'a' must be a number"),
]


@pytest.mark.parametrize(("at", "value", "said"), BOTH, ids=shortly)
def test_what_no_run_json_says(run, at, value, said):
    refused(told(run, *at, value=value), said)


@pytest.mark.parametrize(
    ("kind", "at", "value", "said"),
    [
        (kind, *one)
        for kind, some in (("sweep", OF_SWEEPS), ("measure", OF_MEASURES), ("remedies", OF_REMEDIES))
        for one in some
    ],
    ids=shortly,
)
def test_what_no_run_of_its_command_says(kept, tmp_path, kind, at, value, said):
    refused(told(shutil.copytree(kept[kind], tmp_path / "run"), *at, value=value), said)


def test_a_size_that_a_given_network_does_not_say_is_not_believed(kept, tmp_path):
    place = shutil.copytree(kept["measure"], tmp_path / "run")
    with h5py.File(place / "norms.nc", "r+") as file:
        file.attrs["hidden"] = 4
    refused(made.sealed(place), "norms.nc:hidden: 4, where the settings of the run say nothing of it")


@pytest.mark.parametrize("kind", ["sweep", "measure"])
def test_a_model_of_which_the_reach_alone_is_known_has_one(kept, tmp_path, kind):
    place = shutil.copytree(kept[kind], tmp_path / "run")
    with h5py.File(place / "norms.nc", "r+") as file:
        file.attrs["only"] = "reach"
    refused(made.sealed(place), "norms.nc:reach: is missing; run the command again")


def line(number, column, value):
    """A table with another cell; lines are counted from 1, the header."""

    def change(lines):
        at = lines[0].split(",").index(column)
        cells = lines[number - 1].split(",")
        lines[number - 1] = ",".join([*cells[:at], value, *cells[at + 1 :]])

    return change


TABLES = [
    ("metrics.csv", line(3, "state", "fine"), "line 3.state: 'fine' is no state; 'ok'"),
    ("metrics.csv", line(3, "cell", "other"), "line 3.cell: 'other' is no cell of the run"),
    ("metrics.csv", line(3, "init", ""), "line 3.init: '' is no initialiser"),
    ("metrics.csv", line(3, "w_rec", "nan"), "line 3.w_rec: 'nan' is no w_rec"),
    ("metrics.csv", line(3, "w_rec", "9.5"), "line 3.w_rec: '9.5' is no w_rec of the run; '0.5', '1.5'"),
    ("metrics.csv", line(3, "T", "5"), "line 3.T: '5' is no T of the run"),
    ("metrics.csv", line(3, "T", "1" * 5000), "line 3.T"),
    ("metrics.csv", line(3, "seed", "2"), "line 3.seed: '2' is no whole number from 0 to 1"),
    ("metrics.csv", line(3, "seed", "12345678901234567890"), "line 3.seed: '12345678901234567890' is no"),
    ("metrics.csv", line(3, "part", "z"), "line 3.part: 'z' is no part of a state"),
    ("metrics.csv", line(3, "metric", "speed"), "line 3.metric: 'speed' is no metric"),
    ("metrics.csv", line(2, "value", "inf"), "line 2.value: 'inf' is no number"),
    ("metrics.csv", line(2, "value", "1e999"), "line 2.value: '1e999' is beyond"),
    ("metrics.csv", line(2, "value", "1e308"), "line 2.value: is beyond what a sequence"),
    ("metrics.csv", line(2, "value", "1_0"), "line 2.value: '1_0' is no number"),
    ("metrics.csv", line(2, "value", ""), "line 2: has a value without the state ok"),
    ("metrics.csv", line(2, "state", "undefined"), "line 2: has a value without the state ok"),
    ("metrics.csv", line(2, "cell", "a\0b"), "line 2.cell: 'a\\x00b' is no cell"),
    (
        "metrics.csv",
        lambda lines: lines.append(lines[1]),
        "line 130: has the cell, init, w_rec, T, seed",
    ),
    ("metrics.csv", lambda lines: lines.pop(1), ": has a rate of 15 of the run's 16 networks"),
    ("metrics.csv", lambda lines: lines.__delitem__(slice(1, None)), ": has a rate of 0 of the run's 16"),
    ("metrics.csv", lambda lines: lines.clear(), ": cannot be read as CSV: \"has the columns ''"),
    ("metrics.csv", lambda lines: lines.__setitem__(0, "a,b"), ': cannot be read as CSV: "has the columns'),
    ("metrics.csv", lambda lines: lines.__setitem__(2, lines[2] + ",5"), ": cannot be read as CSV: 'Error"),
    ("metrics.csv", lambda lines: lines.__setitem__(2, '"'), ": cannot be read as CSV: 'Error"),
    ("remedies.csv", line(3, "arm", ""), "line 3.arm: '' is empty"),
    ("remedies.csv", line(3, "arm", "\x1b[31m"), "line 3.arm: '\\x1b[31m' holds"),
    ("remedies.csv", line(3, "arm", "third"), ": has 12 networks of 3 arms"),
    ("remedies.csv", line(3, "seed", "0"), "line 3: has the arm, T, w_rec, seed of an earlier line"),
    ("remedies.csv", line(3, "solved_at", "-1"), "line 3.solved_at: '-1' is no whole number from 0 to 400"),
    ("remedies.csv", line(3, "hidden", "0"), "line 3.hidden: '0' is no whole number from 1"),
    ("remedies.csv", line(3, "loss", "low"), "line 3.loss: 'low' is no number"),
    ("remedies.csv", line(3, "broken_what", "\x1b"), "line 3.broken_what: '\\x1b' holds"),
    ("training.csv", line(3, "arm", "third"), "line 3.arm: 'third' is no arm of the run"),
    ("training.csv", line(3, "update", "401"), "line 3.update: '401' is no whole number from 0 to 400"),
    ("training.csv", line(3, "metric", "<b>"), "line 3.metric: '<b>' is no name"),
    ("training.csv", lambda lines: lines.append(lines[1]), "has the arm, T, w_rec, seed, update, metric of"),
]


@pytest.mark.parametrize(("name", "change", "said"), TABLES, ids=shortly)
def test_what_no_table_says(kept, tmp_path, name, change, said):
    place = shutil.copytree(kept["sweep" if name == "metrics.csv" else "remedies"], tmp_path / "run")
    lines = (place / name).read_text().splitlines()
    change(lines)
    (place / name).write_text("\n".join(lines) + "\n")
    found = gradlab("show", made.sealed(place))
    assert said in found.err
    refused(place, name)


@pytest.mark.parametrize("at", range(0, 60_000, 1500))
def test_flipped_bits_leave_nothing_of_a_library_on_stderr(sweep, capfd, at):
    content = bytearray((sweep / "norms.nc").read_bytes())
    content[at % len(content)] ^= 0x55
    (sweep / "norms.nc").write_bytes(content)
    said = gradlab("show", made.sealed(sweep))
    assert said.code in (0, 2)
    assert said.err.count("\n") == (said.code == 2)
    assert capfd.readouterr() == ("", "")
