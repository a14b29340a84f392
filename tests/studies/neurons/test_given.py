"""A character model that was trained elsewhere: from its file to its page, or refused in one line."""

import io
import json

import numpy as np
import pytest

from gradlab.studies import base
from gradlab.studies.neurons import ablation
from gradlab.studies.neurons.gradient import network
from gradlab.studies.neurons.rows import cells, detectors
from gradlab.viewer import page
from tests.cli.calling import document, gradlab
from tests.logs.told import hear
from tests.spoken_neurons import hold_verdict
from tests.studies.neurons import hand_set
from tests.studies.neurons.given_models import weights

TEXT = hand_set.text(6000)
ALPHABET = "".join(sorted(set(TEXT)))[::-1]
V, N = len(ALPHABET), 3
LINE, COLUMN = TEXT[: TEXT.index("g")].count("\n") + 1, len(TEXT[: TEXT.index("g") + 1].split("\n")[-1])
WORDS = ("--scored", "2000", "--shown", "600", "--quiet")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("given")
    (place / "a.txt").write_text(TEXT)
    (place / "order.txt").write_text(ALPHABET)
    held = weights("gru", V, units=N, embedding=2, dtype=np.float32)
    np.savez(place / "gru.npz", **held)
    return place


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def read_by_hand(held, codes):
    """Logits by torch's equations of a GRU, in numpy's float64, an embedding in front."""
    w = {name: values.astype(np.float64) for name, values in held.items()}
    h, found = np.zeros(N), []
    for code in codes:
        x = np.split(w["rnn.weight_ih_l0"] @ w["emb.weight"][code] + w["rnn.bias_ih_l0"], 3)
        y = np.split(w["rnn.weight_hh_l0"] @ h + w["rnn.bias_hh_l0"], 3)
        r, z = sigmoid(x[0] + y[0]), sigmoid(x[1] + y[1])
        h = (1 - z) * np.tanh(x[2] + r * y[2]) + z * h
        found.append(w["fc.weight"] @ h + w["fc.bias"])
    return np.array(found)


@pytest.mark.slow
def test_it_is_read_without_training_and_written_as_any_reading(home, tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "LONG", 600)
    words = ("--weights", home / "gru.npz", "--arch", "gru", "--alphabet", home / "order.txt")
    heard = hear(monkeypatch)
    words = (*words, *WORDS, "--log", "tensorboard")
    said = gradlab("neurons", home / "a.txt", *words, "--out", tmp_path, "--name", "run")
    assert said.code == 0, said.err
    (told,) = heard
    folder = tmp_path / "run"
    made = base.read(folder)
    scores = {f"score/{row.cell} {row.label}": row.score for row in detectors(made)}
    assert {one.name: one.value for one in told.points if one.name.startswith("score/")} == scores
    assert made.about["vocabulary"] == ALPHABET
    assert made.text == TEXT[:600]
    logits = read_by_hand(np.load(home / "gru.npz"), made.norms["codes"].values)
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    bits = -log[np.arange(599), made.norms["codes"].values[1:]] / np.log(2)
    np.testing.assert_allclose(made.norms["cell0_bits"].values[:-1], bits, atol=6e-4)
    np.testing.assert_array_equal(made.norms["cell0_top"].values[:, 0], logits.argmax(axis=1))
    # What the folder holds is the whole network again.
    _, own, _ = network(made, 0)
    assert own.cell.b_rec.shape == (N,)
    (one,) = made.about["cells"]
    assert (one["cell"], one["lr"], one["updates"]) == ("gru(reset=after_bias)", None, 0)
    assert not {"cell", "lr"} & made.about["settings"].keys()
    assert made.scores["same"].isna().all()
    assert made.curves.empty
    table, content = gradlab("show", folder).out, (folder / page.FILE).read_text()
    assert table == said.out
    assert content == page.page(made).decode()
    for words in (table, content):
        shown = words.partition("<script")[0]
        assert not any(said in shown for said in ("held out", "before training", "trained on"))
    found = document(gradlab("show", folder, "--json").out)
    hold_verdict(found["verdict"], cells(made), detectors(made))
    back = gradlab("neurons", folder, "--terminal", "--gradient", "--at", "300")
    assert back.code == 0, back.err
    assert json.loads((folder / "run.json").read_text())["plan"]["train"] == 0


def changed(name, change):
    def made(held):
        held[name] = change(held[name])
        return held

    return made


def nan(values):
    values = values.copy()
    values.flat[1] = np.nan
    return values


def two_layers(held):
    above = weights("gru", V, units=N, embedding=N, dtype=np.float32)
    return held | {f"{name[:-1]}1": w for name, w in above.items() if name.startswith("rnn.")}


ORDER = ("--alphabet", "order.txt")
BAD = {
    "another arch": (None, ("--arch", "lstm", *ORDER), "", "arch is gru, not lstm"),
    "missing": (
        lambda held: {name: w for name, w in held.items() if "bias_hh" not in name},
        ("--arch", "gru", *ORDER),
        "",
        "it lacks bias_hh_l0",
    ),
    "extra": (
        lambda held: held | {"rnn.weight_hr_l0": np.ones((2, N))},
        ("--arch", "gru", *ORDER),
        "",
        "it holds weight_hr_l0, which no gru has",
    ),
    "no arch": (None, ORDER, "--arch", "is not given; weight_hh_l0 has 3 rows for each of "),
    "odd arch": (None, ("--arch", "gro", *ORDER), "--arch", "did you mean gru?"),
    "no alphabet": (None, ("--arch", "gru"), "--alphabet", "name a file of its symbols"),
    "head of another size": (
        lambda held: held | {"fc.weight": np.ones((V + 1, N)), "fc.bias": np.ones(V + 1)},
        ("--arch", "gru", *ORDER),
        "order.txt",
        f"has {V} symbols, and fc predicts {V + 1}",
    ),
    "another head": (None, ("--arch", "gru", "--head", "out", *ORDER), "--head", "is no linear layer above"),
    "NaN": (changed("fc.bias", nan), ("--arch", "gru", *ORDER), "", "is nan"),
    "two layers": (two_layers, ("--arch", "gru", *ORDER), "--weights", "has 2 layers"),
    "more in front": (
        lambda held: held | {"norm.weight": np.ones((7, 7))},
        ("--arch", "gru", *ORDER),
        "--weights",
        "holds 'emb.weight', 'norm.weight' as well",
    ),
    "a letter that it lacks": (
        None,
        ("--arch", "gru", "--alphabet", "lacks.txt"),
        f"a.txt:line {LINE}, column {COLUMN}: ",
        "holds 'g', which is not in the alphabet of the network",
    ),
    "a training beside": (None, ("--arch", "gru", "--lr", "0.5", *ORDER), "--lr", "is of a training"),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_what_cannot_be_read_is_one_line_and_exit_2(home, tmp_path, monkeypatch, kind):
    change, words, where, what = BAD[kind]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "order.txt").write_text(ALPHABET)
    (tmp_path / "lacks.txt").write_text(ALPHABET.replace("g", "#"))
    held = dict(np.load(home / "gru.npz"))
    np.savez(tmp_path / "w.npz", **(change(held) if change else held))
    said = gradlab("neurons", "a.txt", "--weights", "w.npz", *words, *WORDS)
    assert (said.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.startswith(f"error: {where}")
    assert what in line
    assert not (tmp_path / "results").exists()


def test_pickled_objects_and_settings_without_weights_are_refused(home, tmp_path):
    content = io.BytesIO()
    np.savez(content, **{"rnn.weight_hh_l0": np.array([{}], object)})
    (tmp_path / "w.npz").write_bytes(content.getvalue())
    said = gradlab("neurons", home / "a.txt", "--weights", tmp_path / "w.npz", "--arch", "gru", *WORDS)
    assert (said.code, len(said.err.splitlines())) == (2, 1)
    assert "pickled objects, which are never read" in said.err
    said = gradlab("neurons", home / "a.txt", "--arch", "gru", *WORDS, "--out", tmp_path / "out")
    assert (said.code, len(said.err.splitlines())) == (2, 1)
    assert said.err.startswith("error: --arch: goes with --weights")
