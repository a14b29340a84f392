"""A batch of sequences of different lengths, as somebody gives it to `gradlab.measure`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.recurrence import brought

Tree = Any


class Batch(NamedTuple):
    """Sequences side by side; what stood beyond the end of one is its own last step again."""

    xs: Tree
    """Arrays (B, T, ...), T the longest length."""
    lengths: NDArray[np.int32]
    targets: Tree
    """Arrays (B, ...), or (B, T, ...) of a loss at every step."""
    resets: NDArray[np.bool_] | None
    """(B, T)"""

    def one(self, tree: Tree, i: int) -> Tree:
        """What sequence i has of arrays (B, ...)."""
        return jax.tree.map(lambda leaf: leaf[i], tree)

    @property
    def longest(self) -> int:
        """T."""
        return int(self.lengths.max())


def of(xs: Tree, lengths: Any, targets: Tree, resets: Any, every: bool) -> Batch:
    """The batch, its padding taken out.

    Raises:
      GradlabError: for lengths that are not whole numbers from 1 to the steps of `xs`, one for each sequence;
        for inputs, targets and resets that are not one for each sequence; for numbers that are not finite.
    """
    for root, tree in (("xs", xs), ("targets", targets), ("lengths", lengths), ("resets", resets)):
        brought.untraced(root, tree)
    xs = brought.arrays("xs", xs)
    count, steps = _sizes(xs)
    known = _lengths(lengths, count, steps)
    longest = int(known.max())
    filled = _filled(xs, known, longest)
    brought.finite("xs", filled)
    targets = brought.arrays("targets", targets)
    for name, leaf in brought.named("targets", targets):
        least = (count, longest) if every else (count,)
        if leaf.ndim < len(least) or leaf.shape[0] != count or (every and leaf.shape[1] < longest):
            form = f"({count}, {steps}, ...), one for each step" if every else f"({count}, ...), one for each"
            raise GradlabError(name, f"has shape {leaf.shape}; of these sequences it is {form}")
    if every:
        targets = _filled(targets, known, longest)
    brought.finite("targets", targets)
    return Batch(filled, known, targets, _resets(resets, known, count, steps))


def _sizes(xs: Tree) -> tuple[int, int]:
    """How many sequences, and for how many steps there is room."""
    sizes = {}
    for name, leaf in brought.named("xs", xs):
        if leaf.ndim < 2:
            what = f"has shape {leaf.shape}; with lengths it is a batch, batch first: (B, T, ...)"
            raise GradlabError(name, what)
        sizes[name] = leaf.shape[:2]
    if not sizes or 0 in next(iter(sizes.values())):
        raise GradlabError("xs", "is empty; a batch has at least 1 sequence of 1 step")
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise GradlabError(
            "xs", f"differs in its first two axes: {told[:150]}; all leaves need the same (B, T)"
        )
    count, steps = next(iter(sizes.values()))
    return count, steps


def _lengths(lengths: Any, count: int, steps: int) -> NDArray[np.int32]:
    allowed = f"a whole number from 1 to {steps} for each of the {count} sequences"
    try:
        found = np.asarray(lengths)
    except (TypeError, ValueError) as error:
        raise GradlabError("lengths", f"is a {type(lengths).__name__}; {allowed}") from error
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise GradlabError("lengths", f"is {found.dtype}{list(found.shape)}; {allowed}")
    if len(found) != count:
        raise GradlabError("lengths", f"has {len(found)} entries; {allowed}")
    bad = np.flatnonzero((found < 1) | (found > steps))
    if len(bad):
        at = int(bad[0])
        raise GradlabError(f"lengths[{at}]", f"is {found[at]}; {allowed}")
    return found.astype(np.int32)


def _filled(tree: Tree, lengths: NDArray[np.int32], longest: int) -> Tree:
    """The arrays (B, T, ...) without their padding: numbers that a sequence has are finite where it is."""
    at = np.minimum(np.arange(longest), lengths[:, None] - 1)
    return jax.tree.map(lambda leaf: leaf[jnp.arange(len(at))[:, None], at], tree)


def _resets(resets: Any, lengths: NDArray[np.int32], count: int, steps: int) -> NDArray[np.bool_] | None:
    if resets is None:
        return None
    found = np.asarray(resets)
    if found.dtype != bool or found.shape != (count, steps):
        came = f"{found.dtype}{list(found.shape)}"
        raise GradlabError(
            "resets", f"is {came}; write True or False for each step, of shape ({count}, {steps})"
        )
    longest = int(lengths.max())
    there: NDArray[np.bool_] = np.arange(longest) < lengths[:, None]
    return found[:, :longest] & there
