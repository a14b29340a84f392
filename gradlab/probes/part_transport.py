"""The transport from each part of the state to itself."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from gradlab.recurrence.blocks import Rows, scaled, sigma_and_frobenius
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import Norm
from gradlab.recurrence.scan import reverse_scan
from gradlab.types import ProbeContext, Step

AXES = {"part_transport": ("lag", "part"), "part_transport_frobenius": ("lag", "part")}
FACTS = {
    "part_transport": {
        "meaning": "Largest singular value of dpart_T/dpart_t, all other leaves of the state held",
        "unit": "log10",
        "heading": "part",
    },
    "part_transport_frobenius": {
        "meaning": "Frobenius norm of dpart_T/dpart_t, all other leaves of the state held",
        "unit": "log10",
        "heading": "frob",
    },
}


class Columns(NamedTuple):
    """Norms by lag and part: the whole state first, then its leaves if there are several."""

    part_transport: Norm
    part_transport_frobenius: Norm


def part_transport(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """The norms of dpart_T/dpart_t, from each leaf of the state to the same leaf later on; by lag.

    J_0 = 1,   J_{lag+1} = J_lag (dstate_t/dstate_{t-1}),   t = T - lag;   of J the block (part, part)

    The block is that of the whole product: what leaves the part and comes back is in it. Its columns are what
    the part at step t does with all other leaves held. Each row of J has an exponent of its own.

    Reference: Hochreiter, Schmidhuber 1997, Long short-term memory, for the memory's own path.
    """
    flat, unravel = ravel_pytree(state)
    one = pullback(step, params, state, jax.tree.map(lambda leaf: leaf[0], xs))
    ends = list(itertools.accumulate((leaf.size for leaf in jax.tree.leaves(state)), initial=0))
    spans = list(itertools.pairwise(ends)) if len(ends) > 2 else []

    def start(final: Any) -> Rows:
        return scaled(jax.vmap(unravel)(jnp.eye(flat.size, dtype=flat.dtype)))

    def back(rows: Rows, kept: Any) -> tuple[Rows, None]:
        return scaled(jax.vmap(lambda row: one.pull(kept, row)[1])(rows.value), rows.exponent), None

    def observe(rows: Rows, lag: Any) -> tuple[Rows, Any]:
        leaves = jax.tree.leaves(rows.value)
        blocks = [(leaves, rows.exponent)]
        blocks += [([leaf[a:b]], rows.exponent[a:b]) for leaf, (a, b) in zip(leaves, spans, strict=False)]
        pairs = [sigma_and_frobenius(*block) for block in blocks]
        return rows, jax.tree.map(lambda *some: jnp.stack(some), *pairs)

    forward = lambda state, x, t: one.forward(state, x)
    found, *_ = reverse_scan(forward, start, back, observe, state, xs, setup.length)
    return Columns(*found)
