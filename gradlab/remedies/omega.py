"""Pascanu's regulariser against vanishing gradients."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from gradlab.remedies import _checks
from gradlab.types import Remedy, Scalar, Trajectory

LEAST = 1e-20
"""Steps whose squared adjoint is smaller are left out, as in the authors' code."""


def omega(*, weight: Scalar = 2.0) -> Remedy:
    """Push the recurrent matrix to keep the length of the error as it goes back one step.

    Ω = sum_t (|(dL/da_{t+1}) da_{t+1}/da_t|^2 / |dL/da_{t+1}|^2 - 1)^2,   da_{t+1}/da_t = W_rec diag f'(a_t)

    with a the pre-activations; as in the authors' code the norms are squared, steps whose adjoint is below
    10^-20 are left out and the sum is divided by the number of the others. Its gradient is the immediate
    one: a and dL/da count as constants, only W_rec changes. The loss gets `weight` times Ω.

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks.
    """
    _checks.not_negative("weight", weight)

    def penalty(trail: Trajectory) -> Scalar:
        cell = trail.cell
        if not hasattr(cell, "drive"):
            raise ValueError("needs a cell whose state is one activation of one matrix product")
        held = jax.lax.stop_gradient
        drive = jax.vmap(lambda state, x: cell.drive(held(trail.params), state, x))(
            held(trail.before), trail.xs
        )
        slope = jax.vmap(jax.vmap(jax.grad(cell.f)))(drive)
        of_drive: Float[jax.Array, "T N"] = held(trail.adjoints.h) * slope
        later, slope = of_drive[1:], slope[:-1]
        inside = jnp.arange(len(of_drive), dtype=trail.length.dtype) < trail.length
        squares = jnp.sum(later**2, axis=1)
        back = jnp.sum((later @ trail.params.w_rec * slope) ** 2, axis=1)
        counted = (squares > LEAST) & inside[1:]
        ratio = jnp.where(counted, back / jnp.where(counted, squares, 1), 1)
        live = jnp.maximum(counted.sum(dtype=ratio.dtype), 1)
        misses: Scalar = jnp.sum((ratio - 1) ** 2) / live
        return weight * misses

    return Remedy(penalty=penalty)
