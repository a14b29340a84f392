"""Another package with members of every kind, found by its entry points."""

import importlib
import sys

import pytest

from gradlab import digests, registry
from gradlab.studies.remedies import arms
from gradlab.studies.sweep import probing, program

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
    own = (registry.installed, registry.made, digests.source)
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
