"""The directions that a gradient is tried along: single entries, and random ones that see every entry."""

from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab.gradcheck.methods import Point, Vector

MOST = 512
"""Entries of one array that are tried one by one; of a larger array, `FEW` drawn at random."""
FEW = 64
MANY = 8
"""Random directions over all entries of a parameter."""
STATES = 2
"""Random directions over a state at one step, where its entries are not tried one by one."""


class Groups(NamedTuple):
    """What the entries of a flattened `Point` belong to."""

    names: list[str]
    """Of the parameters (a gate of one is a parameter), then `""` for every state and every input."""
    of: NDArray[np.int64]
    """The group of each entry."""
    bounds: tuple[int, int, int]
    """Where the groups of parameters, states at t = 0..T and inputs at t = 1..T end."""
    leaves: list[NDArray[np.int64]]
    """The entries of each array."""
    shapes: list[tuple[int, ...]]
    """Of the parameters."""

    def step(self, group: int) -> int:
        """The last step at work on the gradient of that state or input, on the way back; from 1."""
        ends = self.bounds
        return group - ends[0] + 1 if group < ends[1] else group - ends[1] + 1


def groups(point: Point, gates: tuple[str, ...]) -> Groups:
    """Parameters by name, split by their leading axis where it counts gates; states and inputs by step."""
    names: list[str] = []
    shapes: list[tuple[int, ...]] = []
    of: list[NDArray[np.int64]] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(point.params):
        label = jax.tree_util.keystr(path, simple=True, separator="/")
        split = leaf.ndim > 2 or (leaf.ndim > 0 and leaf.shape[0] == len(gates) > 0)
        rows = leaf.shape[0] if split else 1
        of.append(np.repeat(len(names) + np.arange(rows), leaf.size // rows))
        shapes += [leaf.shape[1:] if split else leaf.shape] * rows
        named = [f" (gate {gate})" for gate in gates] if rows == len(gates) else [""] * rows
        names += [f"{label}[{k}]{named[k]}" for k in range(rows)] if split else [label]
    bounds = [len(names)]
    for part in (point.nudges, point.inputs):
        leaves = jax.tree.leaves(part)
        for leaf in leaves:
            of.append(np.repeat(bounds[-1] + np.arange(len(leaf)), leaf.size // len(leaf)))
        bounds.append(bounds[-1] + (len(leaves[0]) if leaves else 0))
    starts = np.cumsum([0, *(part.size for part in of)])
    entries = [np.arange(start, start + part.size) for start, part in zip(starts, of, strict=False)]
    names += [""] * (bounds[2] - bounds[0])
    return Groups(names, np.concatenate(of), (bounds[0], bounds[1], bounds[2]), entries, shapes)


class Directions:
    """Unit-sized directions in the space of a flattened `Point`, each within one group.

    An entry alone, or all entries of a group at random: signs times numbers from 1/2 to 3/2, so that no
    entry is left out and no two cancel, over the root of their count.
    """

    def __init__(self, found: Groups, *, entries: bool) -> None:
        """All of them, or (without `entries`) only as many as it takes to see every entry."""
        self.size = found.of.size
        self._bounds = found.bounds
        rng = np.random.default_rng(0)
        self._rows: list[tuple[NDArray[np.int64], Vector]] = []
        kinds: list[int] = []
        self.entries = 0
        for leaf in found.leaves:
            first = int(found.of[leaf[0]]) if leaf.size else 0
            single, count = _plan(leaf.size, first, found.bounds, entries)
            for i in np.sort(rng.choice(leaf, single, replace=False)) if single < leaf.size else leaf:
                self._rows.append((np.array([i]), np.ones(1)))
                kinds.append(int(found.of[i]))
            self.entries += single
            for group in np.unique(found.of[leaf]) if count else ():
                members = leaf[found.of[leaf] == group]
                for _ in range(count):
                    weights = rng.choice([-1.0, 1.0], members.size) * rng.uniform(0.5, 1.5, members.size)
                    self._rows.append((members, weights / np.sqrt(members.size)))
                    kinds.append(int(group))
        self.group: NDArray[np.int64] = np.array(kinds, np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def until(self, T: int) -> NDArray[np.int64]:
        """Those of parameters, of the states up to step T and of the inputs up to step T."""
        params, states, _ = self._bounds
        late = ((self.group >= params + T + 1) & (self.group < states)) | (self.group >= states + T)
        return np.flatnonzero(~late)

    def matrix(self, which: NDArray[np.int64], rows: int) -> Vector:
        """Those directions as rows; padded with zeros to so many rows."""
        found = np.zeros((rows, self.size))
        for row, p in enumerate(which):
            members, weights = self._rows[p]
            found[row, members] = weights
        return found

    def along(self, vector: Vector) -> Vector:
        """The derivative along each direction of what has that gradient."""
        return np.array([vector[members] @ weights for members, weights in self._rows])


def _plan(size: int, group: int, bounds: tuple[int, int, int], entries: bool) -> tuple[int, int]:
    """How many entries of an array are tried one by one, and how many directions of each of its groups."""
    if group >= bounds[1]:
        return 0, 1
    states = group >= bounds[0]
    if not entries:
        return 0, 1 if states else MANY // 2
    return (size, 0) if size <= MOST else (FEW, STATES if states else MANY)
