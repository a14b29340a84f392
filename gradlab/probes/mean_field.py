"""Mean-field theory at the network's own states: the growth of a gradient that is spread evenly."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence.forward import Product, log_of, one, times, with_jacobian
from gradlab.recurrence.scaled import Norm, rescale
from gradlab.recurrence.scan import scan
from gradlab.theory import mean_field as theory
from gradlab.types import ProbeContext, Step

AXES = {"mean_field_growth": ("step",), "mean_field_exponent": ("step",), "mean_field_exact": ()}
FACTS = {
    "mean_field_growth": {
        "meaning": "Factor per step on the norm of an evenly spread gradient",
        "unit": "log10 per step",
        "heading": "growth",
    },
    "mean_field_exponent": {
        "meaning": "Exponent of weights that are drawn anew at every step, the mean over the steps so far",
        "unit": "nats per step",
        "heading": "exponent",
    },
    "mean_field_exact": {
        "meaning": "1 where theory says that fixed weights do the same as N grows, 0 where they do not",
        "heading": "exact",
    },
}

UNKNOWN = f"{theory.REDRAWN}, as far as is known: there is no theory of this cell"


class Columns(NamedTuple):
    """Columns of the probe."""

    mean_field_growth: Norm
    """Root of chi_t: the factor on the norm of the evenly spread gradient in step t."""
    mean_field_exponent: Float[Array, " step"]
    """The mean log of it over steps 1..t: natural log per step; -inf where the product is exactly 0."""
    mean_field_exact: Float[Array, ""]
    """1 where theory says that this is what fixed weights do as N grows, 0 where it says that it is not; NaN
    where there is no theory of the cell."""


def mean_field(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """The rate at which a perturbation would grow if it were spread evenly over units at every step.

    v_t[p] = sum_q |D_t[p, q]|^2 / N_q v_{t-1}[q],   chi_t = sum_p v_t[p] / sum_p v_{t-1}[p]
    exponent = 1/2 mean over t of ln chi_t;   time scale of the squared norm = -1 / (2 exponent)

    D_t[p, q] is the block of the step's Jacobian from part q of the state, of N_q numbers, to part p; of a
    state of one part chi is the mean squared singular value of D_t. This is the theory's exponent for weights
    drawn anew at every step, taken at this network's size, input and states; `lyapunov` and `transport`
    measure what these weights do, so the two differ, and may in sign, where a network remembers its own
    weights: `mean_field_exact` is then 0. It starts with the same share for every number of the state, and
    takes all units for driven alike: with few inputs they are not.

    Reference: Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli 2016, Exponential expressivity in deep neural
    networks through transient chaos; Chen, Pennington, Schoenholz 2018, Dynamical isometry and a mean field
    theory of RNNs.
    """
    advance = with_jacobian(step, params, state, jax.tree.map(lambda leaf: leaf[0], xs))
    sizes = [leaf.size for leaf in jax.tree.leaves(state)]
    dtype = jax.tree.leaves(state)[0].dtype
    ends = [sum(sizes[:i]) for i in range(1, len(sizes))]

    def body(carry: tuple[Any, Any, Any], x: Any, t: Any) -> tuple[Any, tuple[Norm, Any]]:
        state, spread, grown = carry
        state, jacobian = advance(state, x)
        # Scaled before it is squared: the square of a saturated step would underflow.
        jacobian, scale = rescale(jacobian)
        blocks = [jnp.split(row, ends, axis=1) for row in jnp.split(jacobian, ends)]
        power = jnp.stack([jnp.stack([(b * b).sum() / b.shape[1] for b in row]) for row in blocks])
        after = power @ spread
        chi = after.sum()
        grown = times(grown, jnp.sqrt(chi))
        grown = Product(grown.value, grown.exponent + jnp.where(chi == 0, 0, scale))
        exponent = log_of(grown) / jnp.asarray(t, dtype)
        return (state, after / jnp.where(chi == 0, 1, chi), grown), (Norm(chi, scale), exponent)

    even = jnp.asarray(sizes, dtype) / sum(sizes)
    _, (growth, exponent) = scan(body, (state, even, one((), dtype)), xs, setup.length)
    return Columns(growth, exponent, jnp.asarray(_exact(setup.cell), dtype))


def _exact(cell: Any) -> float:
    """The fact of the cell's theory, in a drive."""
    solved = cell.mean_field(1.0, theory.Drive(1.0)) if hasattr(cell, "mean_field") else None
    return float("nan") if solved is None else float(solved.exact)


def notes(norms: Any) -> dict[str, str]:
    """What must be read beside a column, by its name."""
    exact = norms["mean_field_exact"].max(("init", "w_rec", "T", "seed")).values
    parts = []
    for words, which in ((theory.REDRAWN, exact == 0), (UNKNOWN, exact != exact)):
        if which.any():
            cells = ", ".join(map(str, norms["cell"].values[which]))
            parts.append(f"{cells}: {words}")
    if not parts:
        return {}
    return dict.fromkeys(("mean_field_growth", "mean_field_exponent"), "; ".join(parts))
