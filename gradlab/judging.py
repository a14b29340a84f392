"""Whether two gradients agree, and where they do not: by parameter and by step."""

from typing import Literal, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab.gradients import Point, Vector

FLOOR = 1e-3
"""A part this far below the largest one is judged on a scale of FLOOR times the largest."""
MOST = 512
"""Entries of one array that are tried one by one; of a larger array, as many drawn at random."""


class Check(NamedTuple):
    """One comparison of two gradients."""

    name: str
    T: int
    error: float
    """The largest difference, relative to the largest entry of the same parameter or step."""
    result: Literal["ok", "WRONG", "none"]
    """`none`: there is nothing to compare, and `note` says why."""
    parameter: str = ""
    """The parameter that is furthest off, by path; a gate of it by index and name."""
    others: int = 0
    """How many other parameters are wrong."""
    step: int = 0
    """The wrong step that a backward pass comes to first, 1..T; 0 if no step is known to be wrong."""
    note: str = ""

    @property
    def where(self) -> str:
        """What is wrong, in words."""
        parameter = f"{self.parameter} (+{self.others})" if self.others else self.parameter
        return ", ".join(filter(None, [parameter, f"step {self.step}" if self.step else "", self.note]))


class Judge:
    """Compares gradients at a point, and names the parameter and the step that differ."""

    def __init__(self, point: Point, gates: tuple[str, ...]) -> None:
        names: list[str] = []
        groups, tried, start = [], [], 0
        for path, leaf in jax.tree_util.tree_leaves_with_path(point.params):
            label = jax.tree_util.keystr(path, simple=True, separator="/") or "params"
            split = leaf.ndim > 2 or (leaf.ndim > 0 and leaf.shape[0] == len(gates) > 0)
            rows = leaf.shape[0] if split else 1
            groups.append(np.repeat(len(names) + np.arange(rows), leaf.size // rows))
            named = [f" (gate {gate})" for gate in gates] if rows == len(gates) else [""] * rows
            names += [f"{label}[{k}]{named[k]}" for k in range(rows)] if split else [label]
        self.parameters = len(names)
        for leaf in jax.tree.leaves(point.nudges):
            groups.append(np.repeat(len(names) + np.arange(len(leaf)), leaf.size // len(leaf)))
        rng = np.random.default_rng(0)
        for group in groups:
            some = np.arange(group.size)
            tried.append(start + (some if group.size <= MOST else np.sort(rng.choice(some, MOST, False))))
            start += group.size
        self.names = np.array(names + [""] * len(jax.tree.leaves(point.nudges)[0]))
        self.group: NDArray[np.int64] = np.concatenate(groups)
        self.tried: NDArray[np.int64] = np.concatenate(tried)

    def compare(
        self, name: str, T: int, a: Vector, b: Vector, tolerance: float, at: NDArray[np.int64] | None = None
    ) -> Check:
        """The check of two gradients, whose entries are those `at` (or all)."""
        group = self.group if at is None else self.group[at]
        gap, size = np.zeros((2, len(self.names)))
        for worst, values in ((gap, np.abs(a - b)), (size, np.maximum(np.abs(a), np.abs(b)))):
            np.maximum.at(worst, group, values)
        error = np.zeros(len(self.names))
        for half in (slice(self.parameters), slice(self.parameters, None)):
            scale = np.maximum(size[half], FLOOR * size[half].max())
            error[half] = np.divide(gap[half], scale, out=np.zeros_like(scale), where=gap[half] != 0)
        error[np.isnan(error)] = np.inf
        wrong = error > tolerance
        if not wrong.any():
            return Check(name, T, float(error.max()), "ok")
        bad, late = np.flatnonzero(wrong[: self.parameters]), np.flatnonzero(wrong[self.parameters :])
        # The adjoint of state_t is the work of steps t+1 and later.
        step = min(int(late[-1]) + 1, T) if late.size else 0
        parameter = str(self.names[error[: self.parameters].argmax()]) if bad.size else ""
        return Check(name, T, float(error.max()), "WRONG", parameter, max(bad.size - 1, 0), step)
