"""What the last readout still feels of each input, and of each readout before it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool

from gradlab.recurrence.blocks import Rows, scaled, sigma_and_frobenius
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import Norm
from gradlab.recurrence.scan import reverse_scan
from gradlab.recurrence.trees import merged, split
from gradlab.types import ProbeContext, Step

AXES = {
    "reach": ("lag",),
    "reach_frobenius": ("lag",),
    "readout_transport": ("lag",),
    "readout_transport_frobenius": ("lag",),
}
FACTS = {
    "reach": {"meaning": "Largest singular value of dreadout_T/dx_t", "unit": "log10"},
    "reach_frobenius": {"meaning": "Frobenius norm of dreadout_T/dx_t", "unit": "log10", "heading": "frob"},
    "readout_transport": {
        "meaning": "Largest singular value of dreadout_T/dreadout_t, all other leaves of the state held",
        "unit": "log10",
        "heading": "readout",
    },
    "readout_transport_frobenius": {
        "meaning": "Frobenius norm of dreadout_T/dreadout_t, all other leaves of the state held",
        "unit": "log10",
        "heading": "frob",
    },
}


class Columns(NamedTuple):
    """Norms by lag; the reach has none at lag T, where no input is read."""

    reach: Norm
    reach_frobenius: Norm
    readout_transport: Norm
    readout_transport_frobenius: Norm
    hidden: dict[str, Bool[Array, " lag"]]
    """The readout transport of a readout that is no leaf of the state."""


def reach(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """The norms of the readout's derivative by each input: no bookkeeping of the state moves it; by lag.

    reach                dreadout_T/dx_t                        t = T - lag,   lag = 0..T-1
    readout transport    dreadout_T/dreadout_t, the other leaves of state_t held

    r_T = dreadout_T/dstate_T,   dreadout_T/dx_t = r_t dstate_t/dx_t,   r_{t-1} = r_t dstate_t/dstate_{t-1}

    One row for each number of the readout is sent back, with an exponent of its own. Inputs that have no
    derivative (integers) give no reach: undefined. The readout transport is not computed where the readout is
    no leaf of the state.

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks, for
    the products of Jacobians; Beck et al. 2024, xLSTM, for a state that is rescaled as it goes.
    """
    inputs, others = split(jax.tree.map(lambda leaf: leaf[0], xs))
    felt = bool(jax.tree.leaves(inputs))
    place = leaf_of(setup.read, state)

    def entered(params: Any, before: tuple[Any, Any], others: Any) -> Any:
        return step(params, before[0], merged(before[1], others))

    one = pullback(entered, params, (state, inputs), others)

    def forward(state: Any, x: Any, t: Any) -> tuple[Any, Any]:
        numbers, others = split(x)
        return one.forward((state, numbers), others)

    def start(final: Any) -> Rows:
        flat, pull = jax.vjp(lambda state: ravel_pytree(setup.read(state))[0], final)
        return scaled(jax.vmap(lambda row: pull(row)[0])(jnp.eye(flat.size, dtype=flat.dtype)))

    def back(rows: Rows, kept: Any) -> tuple[Rows, Any]:
        of_state, of_input = jax.vmap(lambda row: one.pull(kept, row)[1])(rows.value)
        found = sigma_and_frobenius(jax.tree.leaves(of_input), rows.exponent) if felt else None
        return scaled(of_state, rows.exponent), found

    def observe(rows: Rows, lag: Any) -> tuple[Rows, Any]:
        if place is None:
            return rows, None
        return rows, sigma_and_frobenius(jax.tree.leaves(rows.value)[place : place + 1], rows.exponent)

    seen, passed, _ = reverse_scan(forward, start, back, observe, state, xs, setup.length)
    lags = jnp.arange(len(jax.tree.leaves(xs)[0]) + 1, dtype=jnp.int32)
    dtype = jax.tree.leaves(state)[0].dtype
    nothing = Norm(jnp.full(len(lags), jnp.nan, dtype), jnp.zeros(len(lags), jnp.int32))
    sigma, frobenius = (_until(norm, lags < setup.length) for norm in passed) if felt else (nothing, nothing)
    of_readout, of_readout_frobenius = (nothing, nothing) if place is None else seen
    hidden = (lags <= setup.length) & (place is None)
    names = ("readout_transport", "readout_transport_frobenius")
    return Columns(sigma, frobenius, of_readout, of_readout_frobenius, dict.fromkeys(names, hidden))


def notes(norms: Any) -> dict[str, str]:
    """Why there is no readout transport, where there is none."""
    from gradlab.states import NOT_COMPUTED

    names = ("readout_transport", "readout_transport_frobenius")
    none = (norms[f"{names[0]}_state"] == NOT_COMPUTED).any(set(norms[names[0]].dims) - {"cell"})
    cells = [str(cell) for cell in norms["cell"].values[none.values]]
    why = f"not computed of {', '.join(cells)}, whose readout is no leaf of the state"
    return dict.fromkeys(names, why) if cells else {}


def leaf_of(read: Any, state: Any) -> int | None:
    """Which leaf of the state the readout is; None if it is none of them, or more than one."""
    closed = jax.make_jaxpr(read)(state).jaxpr
    out = closed.outvars
    return closed.invars.index(out[0]) if len(out) == 1 and out[0] in closed.invars else None


def _until(norm: Norm, within: Bool[Array, " lag"]) -> Norm:
    """A norm by lag, one lag longer and NaN beyond what was sent back."""
    square, exponent = (jnp.pad(part, (0, 1)) for part in norm)
    return Norm(jnp.where(within, square, jnp.nan), exponent)
