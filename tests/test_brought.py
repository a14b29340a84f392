"""Members that another package brings by entry points: measured, seen to change, and named when they fail."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import gradlab.initializers
from gradlab import digests, measure, registry
from gradlab.errors import GradlabError
from gradlab.metrics import every
from gradlab.studies.remedies import arms
from gradlab.studies.sweep import probing, program
from tests.cli.calling import gradlab as command
from tests.tiers import few

CELL = '''
"""A leaky unit."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp

from gradlab.types import Cell


class Params(NamedTuple):
    w_rec: object
    w_in: object


class State(NamedTuple):
    h: object


@dataclasses.dataclass(frozen=True)
class Drip(Cell):
    """A leaky unit."""

    def init(self, key, d_in, d_hidden, w_rec, initializer):
        w_in, h = jnp.ones((d_hidden, d_in)), jnp.zeros(d_hidden)
        return Params(w_rec * initializer(key, d_hidden), w_in), State(h)

    def step(self, params, state, x):
        return State(0.5 * state.h + 0.5 * jnp.tanh(params.w_rec @ state.h + params.w_in @ x))

    def recurrent(self, params):
        return params.w_rec
'''
PROBE = '''
"""How far the state is from rest."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

AXES = {"far": ("step",)}


class Columns(NamedTuple):
    far: object


def distance(step, params, state, xs, setup):
    """Largest entry of the state, at each step."""

    def body(state, x):
        state = step(params, state, x)
        return state, jnp.max(jnp.abs(jax.tree.leaves(state)[0]))

    return Columns(jax.lax.scan(body, state, xs)[1])
'''
METRIC = '''
"""A constant."""

import numpy as np

from gradlab.metrics import Measured, Metric


class Always(Metric):
    """One, whatever was measured."""

    def measure(self, norms):
        shape = tuple(norms.sizes[axis] for axis in ("cell", "init", "w_rec", "T", "seed"))
        return Measured(np.ones(shape), np.zeros(shape, np.int8))
'''
INITIALIZER = """
import jax


def wide(key, n):
    return jax.random.normal(key, (n, n)) / n
"""
REMEDY = """
import optax

from gradlab.types import Remedy


def slower(*, by: float = 0.5) -> Remedy:
    return Remedy(gradients=optax.scale(by))
"""
TASK = """
import dataclasses

import jax
import jax.numpy as jnp

from gradlab.types import Example, Task


@dataclasses.dataclass(frozen=True)
class Sign(Task):
    shortest: int = 0

    form = "many to one"
    least = 1

    @property
    def sizes(self):
        return 1, 1

    @property
    def solved(self):
        return 0.1

    def sample(self, key, T):
        xs = jax.random.normal(key, (T, 1))
        counted = (jnp.arange(T) == T - 1).astype(float)
        return Example(xs, jnp.sign(xs[:1]) * counted[:, None], counted, jnp.asarray(T))

    def loss(self, outputs, example):
        return ((outputs - example.target) ** 2).sum(1) @ example.counted

    def error(self, outputs, example):
        return self.loss(outputs, example)

    def chance(self, T):
        return 1.0
"""
FILES = {
    "cells": ("drip", CELL),
    "probes": ("distance", PROBE),
    "metrics": ("always", METRIC),
    "initializers": ("wide", INITIALIZER),
    "remedies": ("slower", REMEDY),
    "tasks": ("sign", TASK),
}
GRID = (
    "sweep",
    "--hidden",
    "3",
    "-T",
    "5",
    "--seeds",
    "2",
    "--w-rec",
    "0.5",
    "--out",
    "out",
    "--name",
    "run",
)


def forget():
    for name in [name for name in sys.modules if name.split(".")[0] == "another"]:
        del sys.modules[name]
    own = (registry.installed, registry.make, digests.source)
    for cached in (*own, probing.program, program.program, arms._factory):
        cached.cache_clear()
    importlib.invalidate_caches()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a file of the other package anew; what is not written is not there."""
    home, facts = tmp_path / "site/another", tmp_path / "site/another-1.dist-info"
    home.mkdir(parents=True)
    facts.mkdir()
    (home / "__init__.py").write_text("")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)
    lines = {}

    def write(kind, text, helper=""):
        name, _ = FILES[kind]
        (home / f"{name}.py").write_text(text)
        (home / "helper.py").write_text(helper)
        for compiled in home.glob("__pycache__/*"):
            compiled.unlink()
        lines[kind] = f"[gradlab.{kind}]\n{name} = another.{name}\n"
        (facts / "entry_points.txt").write_text("\n".join(lines.values()))
        forget()

    yield write
    forget()


def test_a_cell_that_has_changed_is_refused(package):
    package("cells", CELL)
    words = (*GRID, "--cell", "drip")
    assert command(*words).code == 0
    again = command(*words)
    assert (again.code, "already done" in again.err) == (0, True)
    package("cells", CELL.replace("0.5 * state.h", "0.4 * state.h"))
    changed = command(*words)
    assert changed.code == 2
    assert "was measured with other code: another measuring and step of drip" in changed.err
    assert command(*words, "--force").code == 0


def test_and_so_is_one_that_is_held_by_another(package):
    assert not registry.is_foreign("cells", "stacked(cell=drip)")
    package("cells", CELL)
    assert registry.is_foreign("cells", "stacked(cell=drip)")
    assert not registry.is_foreign("cells", "stacked(cell=gru)")


def test_a_probe_that_has_changed_is_refused(package):
    package("probes", PROBE)
    words = (*GRID, "--cell", "elman", "--probe", "distance")
    assert command(*words).code == 0
    code = json.loads(Path("out/run/run.json").read_text())["code"]["elman"]
    assert "probe distance" in code
    package("probes", PROBE.replace("jnp.max(", "2 * jnp.max("))
    changed = command(*words)
    assert (changed.code, "another probe distance of elman" in changed.err) == (2, True)


TRAIN = (
    *("remedies", "--hidden", "3", "-T", "5", "--seeds", "2", "--updates", "2", "--eval-every", "1"),
    *("--lr", "0.01", "--eval-size", "4", "--batch", "2", "-r", "none", "--out", "out", "--name", "run"),
)
LEANT = {
    ("cells", "sweep"): ("0.5 * state.h", (*GRID, "--cell", "drip"), "step of drip"),
    ("cells", "remedies"): (
        "0.5 * state.h",
        (*TRAIN, "latch", "--cell", "drip"),
        "step and training of none at T = 5",
    ),
    ("probes", "sweep"): (
        "jnp.max(jnp",
        (*GRID, "--cell", "elman", "--probe", "distance"),
        "another probe distance of elman",
    ),
    ("initializers", "sweep"): (
        "jax.random.normal",
        (*GRID, "--cell", "elman", "--init", "wide"),
        "another weights of elman",
    ),
    ("initializers", "remedies"): (
        "jax.random.normal",
        (*TRAIN, "latch", "--remedy", "wide"),
        "another initialiser of wide at T = 5",
    ),
    ("remedies", "remedies"): (
        "by))",
        (*TRAIN, "latch", "--remedy", "slower"),
        "another training of slower at T = 5",
    ),
    ("tasks", "remedies"): ("jnp.sign(xs", (*TRAIN, "sign"), "another training of none at T = 5"),
    ("metrics", "sweep"): ("np.ones(shape", (*GRID, "--cell", "elman"), "another metric always"),
}


@pytest.mark.parametrize(
    ("kind", "study"),
    few(
        LEANT,
        [("probes", "sweep"), ("metrics", "sweep")],
    ),
)
def test_what_a_member_imports_is_seen_to_change(package, kind, study):
    at, words, said = LEANT[kind, study]
    _, text = FILES[kind]
    assert at in text
    leaning = "from another import helper\n" + text.replace(at, f"helper.FACTOR * {at}")
    package(kind, leaning, "FACTOR = 1.0\n")
    assert command(*words).code == 0
    package(kind, leaning, "FACTOR = 1.0  # as it was\n")
    again = command(*words)
    assert (again.code, "already done" in again.err) == (0, True), again
    package(kind, leaning, "FACTOR = 0.75\n")
    changed = command(*words)
    assert (changed.code, changed.out, changed.err.count("\n")) == (2, "", 1), changed
    assert "out/run was measured with other code: another " in changed.err
    assert said in changed.err
    assert command(*words, "--force").code == 0
    assert command(*words).code == 0


@pytest.mark.slow
def test_a_task_that_calls_something_else_solved_is_refused(package):
    package("tasks", TASK)
    assert command(*TRAIN, "sign").code == 0
    assert command(*TRAIN, "sign").code == 0
    for old, new, said in (
        ("return 0.1", "return 0.2", "another solved of none at T = 5"),
        ("return 1.0", "return 2.0", "another chance of sign"),
    ):
        assert old in TASK
        package("tasks", TASK.replace(old, new))
        refused = command(*TRAIN, "sign")
        assert (refused.code, f"{said}; --force measures anew" in refused.err) == (2, True), refused


def test_a_metric_of_another_package_that_has_changed_is_refused(package):
    package("metrics", METRIC)
    words = (*GRID, "--cell", "elman")
    assert command(*words).code == 0
    assert command(*words).code == 0
    for old, new in (("np.ones(shape)", "2 * np.ones(shape)"), ("np.zeros(shape", "3 + np.zeros(shape")):
        package("metrics", METRIC.replace(old, new))
        said = command(*words)
        assert (said.code, said.out) == (2, "")
        assert (
            "out/run was measured with other code: another metric always; --force measures anew" in said.err
        )
    # What only reads shows what is stored.
    assert command("show", "out/run").code == 0


def test_and_so_is_one_of_gradlab_s_own_where_its_files_have_changed(package, monkeypatch):
    words = (*GRID, "--cell", "elman")
    assert command(*words).code == 0
    metric = next(one for one in every() if one.name == "credit_horizon")
    measure = type(metric).measure

    def more(self, norms):
        found = measure(self, norms)
        return found._replace(value=found.value + 1)

    monkeypatch.setattr(type(metric), "measure", more)
    assert command(*words).code == 0
    with monkeypatch.context() as edited:
        edited.setattr(digests, "source", lambda: "other files")
        said = command(*words)
    assert (said.code, "another metric credit_horizon;" in said.err) == (2, True), said


@pytest.mark.slow
def test_an_initialiser_of_an_arm_is_seen_where_files_have_changed(tmp_path, monkeypatch):
    """A file of one's own beside those of gradlab."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").mkdir()
    home = [*gradlab.initializers.__path__, str(tmp_path / "more")]
    monkeypatch.setattr(gradlab.initializers, "__path__", home)
    words = (*TRAIN, "latch", "--remedy", "wide", "--remedy", "orthogonal")

    def write(text):
        (tmp_path / "more/wide.py").write_text(text)
        for compiled in tmp_path.glob("more/__pycache__/*"):
            compiled.unlink()
        sys.modules.pop("gradlab.initializers.wide", None)
        forget()

    try:
        write(INITIALIZER)
        assert command(*words).code == 0
        assert command(*words).code == 0
        write(INITIALIZER.replace("/ n", "/ (2 * n)"))
        said = command(*words)
        assert (said.code, said.err.count("\n")) == (2, 1), said
        assert "was measured with other code: another initialiser of wide at T = 5" in said.err
    finally:
        sys.modules.pop("gradlab.initializers.wide", None)
        forget()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return Columns(jax", "return dict(far=jax", "probe distance: fails: AttributeError"),
        (
            "xs)[1])",
            "xs)[1][: setup.length.aval.size])",
            "probe distance: gives far with 1 entries along step",
        ),
        ('"far": ("step",)', '"far": ()', "probe distance: gives far with 1 axes, and states 0"),
        ('"far": ("step",)', '"rate": ("step",)', "distance has a column rate"),
        ('"far": ("step",)', '"near": ("step",)', "gives the columns far, and states axes for near"),
    ],
)
def test_a_probe_that_gives_something_else_is_named(package, old, new, said):
    package("probes", PROBE.replace(old, new))
    found = command(*GRID, "--cell", "elman", "--probe", "distance")
    assert (found.code, said in found.err) == (2, True), found.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return Columns(jax", "return dict(far=jax", "fails: AttributeError"),
        ('"far": ("step",)', '"near": ("step",)', "gives the columns far, and states axes for near"),
    ],
)
def test_measure_names_it_too(package, old, new, said):
    package("probes", PROBE.replace(old, new))
    with pytest.raises(GradlabError, match=f"probe distance: {said}"):
        measure(lambda w, h, x: w * h + x, np.ones(1), np.zeros(1), np.ones((4, 1)), probe="distance")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return Measured", "return 1 / 0, Measured", "fails: ZeroDivisionError"),
        ("np.ones(shape)", "np.ones(3)", "does not give one value and one state"),
        ("np.zeros(shape, np.int8)", "np.full(shape, 77, np.int8)", "has states other than 0 to"),
    ],
)
def test_a_metric_that_gives_something_else_is_named(package, old, new, said):
    package("metrics", METRIC.replace(old, new))
    found = command(*GRID, "--cell", "elman")
    assert (found.code, said in found.err) == (2, True), found.err
    assert "metric always (another.always)" in found.err


def test_a_file_that_cannot_be_imported_is_named(package):
    package("metrics", "import nothing_of_that_name")
    found = command("list", "metrics")
    assert (found.code, "another.always, cannot be imported: ModuleNotFoundError" in found.err) == (2, True)


def test_a_class_that_is_no_cell_is_told_what_to_inherit(package):
    package("cells", CELL.replace("class Drip(Cell)", "class Drip").replace("def recurrent", "def other"))
    found = command(*GRID, "--cell", "drip")
    assert (found.code, "is no gradlab.types.Cell" in found.err) == (2, True), found.err
