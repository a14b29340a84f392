"""Runs asked for again on another number of devices: what can be compared is, and no more is said."""

import itertools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from gradlab import digests, registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import code as of_training
from gradlab.studies.remedies import work
from gradlab.studies.remedies.settings import Training
from gradlab.types import Cell
from tests.cli.calling import contents, finished, gradlab
from tests.stale import CELL, SWEEP, TRAIN
from tests.tiers import FLAGS, few

WORDS = {"sweep": SWEEP, "remedies": (*TRAIN, "--quiet")}
CHANGES = {
    "sweep": ("jnp.tanh(params", "0.5 * jnp.tanh(params", "another step of stale:Cell"),
    "remedies": (
        "return state",
        "return 2 * state",
        "another readout and signal and training of none at T = 6",
    ),
}
WAYS = {"more": (1, 2), "fewer": (2, 1)}
KEPT = [("sweep", "more")]
HERE = len(jax.devices())
ELSEWHERE = HERE + 2


def on(devices, *words, cwd):
    flags = f"{FLAGS} --xla_force_host_platform_device_count={devices}"
    path = f"{cwd}:{Path(__file__).parents[1]}"
    return finished(*words, env={"XLA_FLAGS": flags, "PYTHONPATH": path}, cwd=cwd)


@pytest.mark.parametrize(("study", "way"), few(itertools.product(WORDS, WAYS), KEPT))
@pytest.mark.slow
def test_a_cell_of_one_s_own_is_known_again_and_seen_to_change(study, way, tmp_path):
    first, then = WAYS[way]
    (tmp_path / "stale.py").write_text(CELL)
    command = (*WORDS[study], "--cell", "stale:Cell", "--out", "r", "--name", "one")
    made = on(first, *command, cwd=tmp_path)
    assert made.code == 0, made
    before = contents(tmp_path / "r")
    [code] = json.loads((tmp_path / "r/one/run.json").read_text())["code"].values()
    assert code["devices"] == str(first)
    again = on(then, *command, cwd=tmp_path)
    assert (again.code, again.out) == (0, made.out), again
    assert contents(tmp_path / "r") == before
    old, new, said = CHANGES[study]
    (tmp_path / "stale.py").write_text(CELL.replace(old, new))
    changed = on(then, *command, cwd=tmp_path)
    assert (changed.code, changed.out, changed.err.count("\n")) == (2, "", 1), changed
    assert f"r/one was measured with other code: {said}; --force measures anew" in changed.err
    assert contents(tmp_path / "r") == before


def moved(folder, devices=str(ELSEWHERE), shared=("measuring", "profile", "training")):
    """A run as if so many devices had made it: the programs that they share are others."""
    place = folder / "run.json"
    about = json.loads(place.read_text())
    for code in about["code"].values():
        code |= {name: "f" * 32 for name in shared if name in code}
        code.pop("devices")
        code |= {"devices": devices} if devices is not None else {}
    place.write_text(json.dumps(about))


TRUTH = f"was measured on {ELSEWHERE} devices, here are {HERE}: whether "


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def command(*words):
        return gradlab(*words, "--out", "r", "--name", "one")

    return command


@pytest.mark.slow
def test_of_gradlab_s_own_files_nothing_is_claimed_that_cannot_be_seen(run, monkeypatch):
    words = (*SWEEP, "--cell", "elman")
    assert run(*words).code == 0
    moved(Path("r/one"))
    # Its files are the same, and so is all that they compute.
    assert run(*words).code == 0
    monkeypatch.setattr(digests, "source", lambda: "other files")
    said = run(*words)
    assert (said.code, said.err.count("\n")) == (2, 1), said
    truth = "elman is still computed so can only be seen on as many; --force measures anew"
    assert f"r/one {TRUTH}{truth}" in said.err
    # What does not depend on devices has changed.
    moved(Path("r/one"), shared=("weights",))
    assert "r/one was measured with other code: another weights of elman" in run(*words).err


@pytest.mark.parametrize("devices", few([None, str(HERE), "many", "-1", "9" * 5000, ""], ("many",)))
def test_without_a_number_of_devices_all_is_compared(devices, run, monkeypatch):
    words = (*SWEEP, "--cell", "elman")
    assert run(*words).code == 0
    moved(Path("r/one"), devices)
    monkeypatch.setattr(digests, "source", lambda: "other files")
    assert "r/one was measured with other code: another measuring of elman" in run(*words).err


@pytest.mark.slow
def test_a_text_is_seen_by_the_training_alone(run, tmp_path):
    """Few seeds are trained on as many devices here as there; of many this cannot be told."""
    (tmp_path / "text.txt").write_text("abcab" * 200, encoding="utf-8")
    words = ["remedies", "characters(text=text.txt)", "-T", 5, "--hidden", 3, "--updates", 10, "-r", "none"]
    words += ["--eval-every", 10, "--eval-size", 4, "--batch", 2, "--lr", 0.01, "--quiet"]
    few, many = (*words, "--seeds", 1), (*words, "--seeds", 4 * HERE + 1)
    assert run(*few).code == 0
    moved(Path("r/one"), shared=("profile",))
    assert run(*few).code == 0
    moved(Path("r/one"))
    assert "another training of none at T = 5" in run(*few).err
    assert run(*many, "--force").code == 0
    assert run(*many).code == 0
    moved(Path("r/one"))
    said = run(*many)
    assert (said.code, f"{TRUTH}none at T = 5 is still computed so" in said.err) == (2, True), said


def test_one_device_is_spoken_of_as_one(monkeypatch):
    monkeypatch.setattr(digests, "here", lambda: {"devices": "1"})
    same = lambda one, before: {"step": "1", "measuring": "2"}
    spread = lambda one, devices: {"measuring"}
    code = {"step": "1", "measuring": "3", "source": "another"}
    for devices, said in (("1", "with other code"), ("3", "on 3 devices, here is 1: whether mine")):
        with pytest.raises(GradlabError, match=f"r/one was measured {said}"):
            digests.require({"mine": code | {"devices": devices}}, same, same, "r/one", {"mine": ()}, spread)
    monkeypatch.setattr(digests, "here", lambda: {"devices": "2"})
    with pytest.raises(GradlabError, match="was measured on 1 device, here are 2: whether mine"):
        digests.require({"mine": code | {"devices": "1"}}, same, same, "r/one", {"mine": ()}, spread)


class Pair(Cell):
    """Two parts of a state, and two matrices, of one shape each."""

    def __init__(self, read, pick):
        self.read, self.pick = read, pick

    def init(self, key, d_in, d_hidden, w_rec, initializer):
        w = w_rec * initializer(key, d_hidden)
        return {"a": w, "b": w}, {"h": jnp.zeros(d_hidden), "c": jnp.zeros(d_hidden)}

    def step(self, params, state, x):
        c = params["a"] @ state["h"] + x.sum()
        return {"h": jnp.tanh(params["b"] @ c), "c": c}

    def readout(self, state):
        return state[self.read]

    def recurrent(self, params):
        return params[self.pick]


def test_which_part_is_read_is_seen_without_the_program_that_measures():
    of = lambda *names, whole=True: digests.of_cell(Pair(*names), (1, 3), "float32", whole)
    before = of("h", "a")
    assert digests.changed(before, of("h", "a")) == []
    assert digests.changed(before, of("c", "a")) == ["readout"]
    assert digests.changed(before, of("h", "b")) == ["choice of recurrent weights"]
    # Runs that do not name their devices are compared as they were, by the measuring program besides.
    assert of("h", "a", whole=False)["readout"] == of("c", "a", whole=False)["readout"]


FOREIGN = {"cells": ["gru"], "initializers": ["orthogonal"], "tasks": ["latch"], "remedies": ["clip_norm"]}


@pytest.mark.parametrize(
    ("asked", "shows"),
    [
        (Training("copy", T=(25,)), set()),
        (Training("copy", T=(25,), cell="gru"), {"step"}),
        (Training("copy", T=(25,), remedies=("gru",)), {"step"}),
        (Training("copy", T=(25,), init="orthogonal"), {"initialiser"}),
        (Training("copy", T=(25,), remedies=("orthogonal",)), {"initialiser"}),
        (Training("copy", T=(25,), remedies=("clip_norm",)), {"training"}),
        (Training("latch", T=(25,)), {"training"}),
        (Training("latch", T=(25,), cell="esn"), {"fitting", "evaluation"}),
        (Training("latch", T=(25,), cell="gru", init="orthogonal"), {"step", "initialiser", "training"}),
    ],
)
def test_what_shows_that_something_is_as_it_was_is_of_its_kind(asked, shows, monkeypatch):
    monkeypatch.setattr(registry, "further", lambda kind: FOREIGN.get(kind, []))
    *_, (arm, _) = work.by_place(asked).values()
    assert of_training._shown(asked, arm) == shows
