"""The norms that gradlab measures, from torch in float64: autograd, exact products and LAPACK."""

import math
from typing import Any

import jax
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_network import Network

Profiles = dict[str, NDArray[np.float64]]
"""log10 norms by lag, -inf for a zero; of the adjoint and the transport's Frobenius norm by (part, lag)."""


def followed(network: Network, params: Any, state: list[Tensor], xs: Tensor) -> list[list[Tensor]]:
    """The states 0..T."""
    states = [state]
    for x in xs:
        states.append([leaf.detach() for leaf in network.step(params, states[-1], x)])
    return states


def profiles(network: Network, params: Any, states: list[list[Tensor]], xs: Tensor, u: Tensor) -> Profiles:
    """All norms at the given states, for the cotangent u of the last state."""
    adjoint, weights = sent_back(network, params, states, xs, u)
    sigma, frobenius = transported(network, params, states, xs)
    found = {
        "adjoint": adjoint,
        "weight_gradient": weights,
        "transport": sigma,
        "transport_frobenius": frobenius,
    }
    return {name: np.array(rows).T for name, rows in found.items()}


def sent_back(
    network: Network, params: Any, states: list[list[Tensor]], xs: Tensor, u: Tensor
) -> tuple[list[list[float]], list[float]]:
    """The adjoint, whole and by parts, and what each step adds to the weights' gradient; by autograd."""
    leaves, structure = jax.tree.flatten(params)
    leaves = [leaf.detach().requires_grad_() for leaf in leaves]
    sizes = [leaf.numel() for leaf in states[0]]
    adjoint, power = rescaled(u, 0)
    observed, of_weights = [parted(adjoint, power, sizes)], []
    for state, x in zip(states[-2::-1], xs.flip(0), strict=True):
        before = [leaf.detach().requires_grad_() for leaf in state]
        after = flat(network.step(jax.tree.unflatten(structure, leaves), before, x))
        given = [*leaves, *before]
        # Of what does not matter, None.
        sent = torch.autograd.grad(after, given, adjoint, allow_unused=True)
        grads = [torch.zeros_like(to) if g is None else g for to, g in zip(given, sent, strict=True)]
        of_params = jax.tree.unflatten(structure, grads[: len(leaves)])
        of_weights.append(log10(flat(network.recurrent(of_params)), power))
        adjoint, power = rescaled(flat(grads[len(leaves) :]), power)
        observed.append(parted(adjoint, power, sizes))
    return observed, of_weights


def transported(
    network: Network, params: Any, states: list[list[Tensor]], xs: Tensor
) -> tuple[list[float], list[list[float]]]:
    """The largest singular value and the Frobenius norms of the product of all steps' Jacobians, in full."""
    sizes = [leaf.numel() for leaf in states[0]]
    product, power = torch.eye(sum(sizes), dtype=torch.float64), 0
    sigma, frobenius = [0.0], [parted(product, power, sizes)]
    for state, x in zip(states[-2::-1], xs.flip(0), strict=True):
        product, power = rescaled(product @ jacobian(network, params, state, x), power)
        sigma.append(log10(torch.linalg.svdvals(product)[:1], power))
        frobenius.append(parted(product, power, sizes))
    return sigma, frobenius


def jacobian(network: Network, params: Any, state: list[Tensor], x: Tensor) -> Tensor:
    """The Jacobian d state_t / d state_{t-1} of all leaves, one after the other."""
    shapes = [leaf.shape for leaf in state]

    def step(vector: Tensor) -> Tensor:
        parts = vector.split([math.prod(shape) for shape in shapes])
        leaves = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return flat(network.step(params, leaves, x))

    return torch.func.jacrev(step)(flat(state))


def flat(leaves: list[Tensor]) -> Tensor:
    return torch.cat([leaf.reshape(-1) for leaf in leaves])


def rescaled(value: Tensor, power: int) -> tuple[Tensor, int]:
    """The same `value * 2**power`, its largest entry near 1."""
    peak = float(value.abs().max())
    shift = math.frexp(peak)[1]
    return value * math.ldexp(1.0, -shift), power + shift


def parted(value: Tensor, power: int, sizes: list[int]) -> list[float]:
    """log10 norms of the whole and, if there are several, of the columns of each leaf."""
    parts = value.split(sizes, dim=-1) if len(sizes) > 1 else ()
    return [log10(part, power) for part in (value, *parts)]


def log10(value: Tensor, power: int) -> float:
    value, power = rescaled(value, power)
    norm = float(torch.linalg.vector_norm(value))
    return math.log10(norm) + power * math.log10(2) if norm else -math.inf
