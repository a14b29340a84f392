"""Weights from files and dicts, without torch: what is read, and what is refused in one line."""

import io
import itertools
import re
import sys
import zipfile

import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.foreign.pytorch import files, layers

D, N = 3, 4
XS = np.ones((5, D))


def weights(gates=4, ends=("_l0",)):
    forms = {"weight_ih": (gates * N, D), "weight_hh": (gates * N, N)}
    forms |= {"bias_ih": (gates * N,), "bias_hh": (gates * N,)}
    return {f"{name}{end}": np.full(form, 0.1) for end in ends for name, form in forms.items()}


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_arrays_of_an_npz_are_read_by_name(tmp_path):
    given = weights() | {"steps": np.int64(3)}
    read = files.read(saved(tmp_path / "w.npz", **given))
    assert list(read) == list(weights())
    for name, value in weights().items():
        np.testing.assert_array_equal(read[name], value)


def test_a_part_of_a_model_and_a_cell_are_found():
    inside = {f"encoder.{name}": w for name, w in weights().items()} | {"head.weight": np.ones((2, N))}
    found = layers.of_weights("w", files.checked("w", inside), "lstm", None)
    assert (found.units, found.inputs, found.beside) == (N, D, ("head.weight",))
    cell = layers.of_weights("w", weights(3, ("",)), "gru", None)
    assert list(cell.weights) == list(weights(3))


def without(name):
    return {key: w for key, w in weights().items() if key != name}


REFUSED = {
    "no arch": (
        weights(),
        {},
        "arch: is not given; weight_hh_l0 has 4 rows for each of 4 units, as in an lstm: give lstm",
    ),
    "no arch, three gates": (
        {f"encoder.{name}": w for name, w in weights(3).items()},
        {},
        "arch: is not given; weight_hh_l0 has 3 rows for each of 4 units, as in a gru: give gru",
    ),
    "no arch, one gate": (
        weights(1, ("",)),
        {},
        "arch: is not given; weight_hh_l0 has 1 row for each of 4 units, as in an rnn: give rnn, and as "
        "activation tanh or relu",
    ),
    "no arch, a projection": (
        {name: w[:, :2] if "hh" in name and w.ndim == 2 else w for name, w in weights().items()}
        | {"weight_hr_l0": np.ones((2, N))},
        {},
        "arch: is not given; weight_hh_l0 has 4 rows for each of 4 units, as in an lstm: give lstm",
    ),
    "no arch, two gates": (
        weights(2),
        {},
        "arch: is not given; weights do not say; one of rnn, lstm, gru",
    ),
    "no arch, a projection of no lstm": (
        weights(1) | {"weight_hr_l0": np.ones((2, N))},
        {},
        "arch: is not given; weights do not say; one of rnn, lstm, gru",
    ),
    "odd arch": (weights(), {"arch": "lstn"}, "arch: "),
    "no activation": (weights(1), {"arch": "rnn"}, "activation: is not given, and weights do not say; "),
    "missing": (
        without("bias_hh_l0"),
        {"arch": "lstm"},
        "weights: is no lstm: it lacks bias_hh_l0",
    ),
    "extra": (
        weights() | {"weight_hr_l1": np.ones((2, N))},
        {"arch": "gru"},
        "weights: is no gru: it lacks weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1; "
        "it holds weight_hr_l1, which no gru has; rows for 4 gates of 4 units are lstm's: "
        "arch is lstm, not gru",
    ),
    "a weight called extra": (
        weights() | {"extra": np.ones(2)},
        {"arch": "lstm"},
        "weights: is no lstm: it holds extra, which no lstm has",
    ),
    "of no arch": (
        weights(5),
        {"arch": "gru"},
        "weights: weight_hh_l0: has shape (20, 4); of gru it is (3 N, N)",
    ),
    "a projection": (
        {name: w[:, :2] if "hh" in name and w.ndim == 2 else w for name, w in weights().items()}
        | {"weight_hr_l0": np.ones((2, N))},
        {"arch": "rnn", "activation": "relu"},
        "weights: is no rnn: it holds weight_hr_l0, which no rnn has; rows for 4 gates of 4 units are "
        "lstm's: arch is lstm, not rnn",
    ),
    "shape": (
        weights() | {"weight_ih_l0": np.ones((15, D))},
        {"arch": "lstm"},
        "weights: weight_ih_l0: has shape (15, 3); in lstm of 4 units it is (16, 3)",
    ),
    "NaN": (
        weights() | {"bias_ih_l0": np.full(16, np.nan)},
        {"arch": "lstm"},
        "weights: 'bias_ih_l0'[0]: is nan; a network starts from finite numbers",
    ),
    "nothing recurrent": (
        {"head.weight": np.ones((2, 2))},
        {"arch": "lstm"},
        "weights: has no weight_hh_l0, the recurrent weights; it has head.weight",
    ),
    "two networks": (
        {f"{home}.{name}": w for home in "ab" for name, w in weights().items()},
        {"arch": "lstm"},
        "weights: holds several recurrent parts, a, b; pass the weights of one as a dict",
    ),
    "mixed": (
        weights() | {"bias_hh_l0": np.ones(16, np.float32)},
        {"arch": "lstm"},
        "weights: bias_hh_l0: is of float32 and weight_hh_l0 of float64; cast them to one",
    ),
    "empty": ({}, {"arch": "lstm"}, "weights: holds no array of floating-point numbers; "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_in_one_line(case):
    given, how, said = REFUSED[case]
    with pytest.raises(GradlabError, match=f"^{re.escape(said)}") as caught:
        gradlab.measure(given, XS, **how)
    assert "\n" not in str(caught.value)
    assert caught.value.code == 2


PAIRS = list(itertools.permutations(layers.GATES, 2))


@pytest.mark.parametrize("units", [3, 4])
@pytest.mark.parametrize(("has", "asked"), PAIRS)
def test_weights_of_another_architecture_are_told_by_their_gates(has, asked, units):
    # Four gates of 3 units are as many rows as three of 4.
    K = layers.GATES[has]
    given = {"weight_ih": np.ones((K * units, D)), "weight_hh": np.ones((K * units, units))}
    with pytest.raises(GradlabError) as caught:
        layers.of_weights("w", given, asked, "relu" if asked == "rnn" else None)
    many = "1 gate" if K == 1 else f"{K} gates"
    form = "(N, N)" if asked == "rnn" else f"({layers.GATES[asked]} N, N)"
    assert str(caught.value) == (
        f"w: weight_hh_l0: has shape ({K * units}, {units}); of {asked} it is {form}; rows for "
        f"{many} of {units} units are {has}'s: arch is {has}, not {asked}"
    )


def test_inputs_of_another_width_are_refused():
    with pytest.raises(
        GradlabError, match=r"^xs: has shape \(5, 2\); of one sequence for this lstm it is \(T, 3\)"
    ):
        gradlab.measure(weights(), np.ones((5, 2)), arch="lstm")


def test_an_architecture_is_for_weights_alone():
    with pytest.raises(GradlabError, match=r"^arch: is for weights of a layer of torch; "):
        gradlab.measure(lambda p, h, x: h, {}, np.zeros(1), np.ones((3, 1)), arch="lstm")


def test_files_that_are_none_are_refused(tmp_path):
    pickled = saved(tmp_path / "pickled.npz", weight_hh_l0=np.array([{}], object))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "w.csv").write_text("1,2")
    for path, said in (
        (pickled, "holds pickled objects, which are never read; save plain arrays"),
        (tmp_path / "text.npz", "is not an .npz file: "),
        (tmp_path / "w.csv", "is no file of weights; .safetensors, .npz, .pt, .pth are read"),
        (tmp_path / "nowhere.npz", "cannot be read: No such file"),
    ):
        with pytest.raises(GradlabError, match=re.escape(said)) as caught:
            gradlab.measure(path, XS, arch="lstm")
        assert str(caught.value).startswith(str(path))
        assert (caught.value.code, "\n" in str(caught.value)) == (2, False)


def test_what_promises_more_than_it_holds_is_not_made_room_for(tmp_path):
    header = io.BytesIO()
    form = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    np.lib.format.write_array_header_1_0(header, form)
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as folder:
        folder.writestr("weight_hh_l0.npy", header.getvalue())
    with pytest.raises(
        GradlabError, match=r"promises an array of shape \(1099511627776,\) and holds another"
    ):
        files.read(tmp_path / "w.npz")


def test_what_unpacks_to_more_than_is_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST", 2000)
    with zipfile.ZipFile(tmp_path / "w.npz", "w", zipfile.ZIP_DEFLATED) as folder:
        folder.writestr("weight_hh_l0.npy", b"\0" * 10_000)
    with pytest.raises(GradlabError, match=r"unpacks to .*; at most .* are read"):
        files.read(tmp_path / "w.npz")


def test_without_torch_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "w.pt").write_bytes(b"")
    with pytest.raises(GradlabError, match=r"needs torch, .*pip install 'gradlab\[torch\]'") as caught:
        files.read(tmp_path / "w.pt")
    assert caught.value.code == 6
