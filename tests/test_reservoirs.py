"""Reservoirs on the tasks they are known for, beside a delay line: a memory of plain inputs."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.studies.remedies import readout
from gradlab.studies.remedies.networks import Setting, initialised
from gradlab.types import Cell, Remedy

SEEDS = 3
ESN = "esn(leak=1, density=1, input_scaling=0.1)"


class Taps(NamedTuple):
    h: jax.Array


@dataclasses.dataclass(frozen=True)
class DelayLine(Cell):
    """The last N inputs, and nothing else."""

    def init(self, key, inputs, hidden, w_rec, initializer):
        return (), Taps(jnp.zeros(hidden))

    def step(self, params, state, x):
        return Taps(jnp.concatenate([x, state.h[:-1]]))


def error(cell, hidden, task="narma10", updates=10, T=400):
    """NRMSE on fresh sequences, the median over networks, after `20 updates T` steps of fitting."""
    made = registry.make("cells", cell) if isinstance(cell, str) else cell
    setting = Setting(registry.make("tasks", task), made, Remedy(), T, hidden, 20, eval_size=100)
    start = registry.make("initializers", "gaussian")
    begin = lambda key: initialised(setting, start, 0.9, 0.1, key, jnp.float64)
    networks = [begin(jax.random.key(seed)) for seed in range(SEEDS)]
    networks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)
    _, found = readout.fit(setting, networks, updates, jax.random.key(9))
    return float(np.median(found.error))


@pytest.fixture(scope="module")
def narma():
    return {hidden: error(ESN, hidden) for hidden in (25, 50, 100)}


@pytest.mark.slow
def test_narma_gets_easier_with_more_units(narma):
    assert narma[25] > narma[50] > narma[100]


@pytest.mark.slow
def test_narma_is_followed_better_than_by_a_delay_line(narma):
    """Jaeger's kind of set-up: radius 0.9, inputs scaled by 0.1; a line of 20 taps reaches 0.40."""
    line = error(DelayLine(), 20)
    assert 0.35 < line < 0.45
    assert narma[50] < line
    assert narma[100] < 0.9 * line


def test_a_chaotic_series_is_predicted():
    """Mackey and Glass's, six steps ahead: 100 untuned units leave a few percent of its spread."""
    assert error("esn(leak=1, density=1)", 100, "mackey_glass") < 0.15
