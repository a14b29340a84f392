"""The two sides of a comparison: every number of a run by seed, with what it depends on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradlab import summary
from gradlab.verdicts import place

if TYPE_CHECKING:
    from gradlab.tables import Run

Value = float | str
"""A number that is ok, or the state that says why there is none."""

SAME = ("hidden", "inputs", "input_std", "batch", "precision", "objective")
"""Settings that must be equal for two runs to have measured the same thing; the rest is the grid."""
DRAWN = ("seed", "hidden", "inputs")
"""Settings that, with cell, initialiser and seed, decide which weights are drawn."""
MACHINE = ("platform", "device_kind", "cpu", "jax", "jaxlib", "numpy")
"""Versions and hardware: with all of them equal, equal settings give equal bits."""


class Key(NamedTuple):
    """What a number is of."""

    metric: str
    cell: str
    init: str
    w_rec: float
    T: int
    part: str

    @property
    def where(self) -> dict[str, Any]:
        """The point of the grid; `part` only where it is not the whole state."""
        point = dict(zip(self._fields[1:], self[1:], strict=True))
        return point if self.part != "state" else {k: v for k, v in point.items() if k != "part"}

    def __str__(self) -> str:
        return f"{self.metric} {place(self.where)}"


class Series(NamedTuple):
    """One number for each seed."""

    values: dict[int, Value]
    chaotic: bool
    """Another machine's rounding follows another trajectory: not to be compared seed by seed there."""

    @property
    def numbers(self) -> list[float]:
        """The values that are numbers."""
        return [value for value in self.values.values() if not isinstance(value, str)]

    @property
    def states(self) -> list[str]:
        """The state of each seed."""
        return [value if isinstance(value, str) else "ok" for value in self.values.values()]

    @property
    def mean(self) -> float:
        """Over the seeds that have a number; NaN if none has."""
        return float(np.mean(self.numbers)) if self.numbers else float("nan")


class Side(NamedTuple):
    """What is compared: a run, or the baseline that was made from one."""

    settings: dict[str, Any]
    versions: dict[str, Any]
    weights: dict[str, dict[str, str]]
    """Digests of the weights: cell, then `init/seed`."""
    series: dict[Key, Series]


def side(run: "Run") -> Side:
    """A run as one side of a comparison."""
    table = run.metrics
    names = ("metric", "cell", "init", "w_rec", "T", "part", "seed", "value", "state")
    values: dict[Key, dict[int, Value]] = {}
    for *key, seed, value, state in zip(*(table[name].tolist() for name in names), strict=True):
        values.setdefault(Key(*key), {})[seed] = value if state == "ok" else state
    linear = dict(zip(run.norms["cell"].values.tolist(), run.norms["linear"].values.tolist(), strict=True))
    chaotic = {
        key[1:5]
        for key, seeds in values.items()
        if key.metric == "rate" and key.part == "state" and not linear[key.cell] and _chaotic(seeds, key.T)
    }
    series = {key: Series(seeds, key[1:5] in chaotic) for key, seeds in values.items()}
    about = run.about
    return Side(about.get("settings", {}), about.get("versions", {}), about.get("weights", {}), series)


def _chaotic(seeds: Mapping[int, Value], T: int) -> bool:
    """Whether any of the networks is; their rates by seed."""
    known = [value for value in seeds.values() if not isinstance(value, str)]
    return bool(summary.trajectory_dependent(known, T, linear=False).any())


def different(old: Side, new: Side, names: tuple[str, ...]) -> list[str]:
    """The settings among `names` that are not equal."""
    return [name for name in names if old.settings.get(name) != new.settings.get(name)]


def same_machine(old: Side, new: Side) -> bool:
    """Whether equal settings must give equal bits on both sides."""
    return all(
        old.versions.get(name) is not None and old.versions[name] == new.versions.get(name)
        for name in MACHINE
    )


def equal_weights(old: Side, new: Side) -> dict[tuple[str, str], list[int]]:
    """The seeds of each (cell, init) whose weights, inputs and targets are equal on both sides."""
    found: dict[tuple[str, str], list[int]] = {}
    if different(old, new, ("seed",)):
        return found
    for cell, digests in old.weights.items():
        for name, digest in digests.items():
            if new.weights.get(cell, {}).get(name) == digest:
                init, _, seed = name.rpartition("/")
                found.setdefault((cell, init), []).append(int(seed))
    return found
