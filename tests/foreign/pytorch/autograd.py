"""What torch's own autograd in float64 says of a network: sequences so short that nothing underflows."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import torch

from gradlab.recurrence import objectives
from gradlab.states import EXACT_ZERO, OK
from gradlab.studies.sweep.networks import stream


class Found(NamedTuple):
    """Norms by lag from 0, as log10."""

    adjoint: np.ndarray
    sigma: np.ndarray
    frobenius: np.ndarray
    weights: np.ndarray
    gradient: dict


def target(size, name):
    """The target that a seed of 0 draws: an input of the measurement, not a result of it."""
    key = stream(0, "target", objective=name)
    return torch.tensor(np.asarray(objectives.draw_target(name, key, jnp.zeros(size), lambda h: h)))


def backward(step, params, state, xs, read, recurrent, every=False, terms=None):
    """Backpropagation with weights that are copied at every step, so that each use has a gradient of its own.

    `step(params, leaves, x) -> leaves`; L is half the squared distance of `read(leaves)` from the target, or
    the sum of `terms(leaves, t)` over the steps that count.
    """
    copies = [{name: p.detach().clone().requires_grad_() for name, p in params.items()} for _ in xs]
    states = [[leaf.detach().clone().requires_grad_() for leaf in state]]
    for copy, x in zip(copies, xs, strict=True):
        # Apart from each other: one part of a state may be computed from another of the same step.
        states.append([leaf.clone() for leaf in step(copy, states[-1], x)])
        for leaf in states[-1]:
            leaf.retain_grad()
    if terms is None:
        y = target(read(states[-1]).numel(), "every" if every else "last")
        terms = lambda leaves, t: ((read(leaves) - y) ** 2).sum() / 2
    lost = range(1, len(states)) if every else [len(states) - 1]
    sum(terms(states[t], t) for t in lost).backward(retain_graph=True)
    lags = [*reversed(states)]
    adjoint = [size(leaf.grad for leaf in leaves) for leaves in lags]
    weights = [size(copy[name].grad for name in recurrent) for copy in reversed(copies)]
    gradient = {name: sum(copy[name].grad for copy in copies).norm().log10().item() for name in params}
    last = torch.cat([leaf.reshape(-1) for leaf in states[-1]])
    jacobians = [_jacobian(last, leaves) for leaves in lags]
    sigma = [np.log10(np.linalg.norm(J, 2)) for J in jacobians]
    return Found(
        np.array(adjoint),
        np.array(sigma),
        np.array([np.log10(np.linalg.norm(J)) for J in jacobians]),
        np.array(weights),
        gradient,
    )


def size(gradients):
    """Log10 of the norm of all of them together; what has none counts for zero."""
    return torch.cat([g.reshape(-1) for g in gradients if g is not None]).norm().log10().item()


def _jacobian(last, leaves):
    rows = [torch.autograd.grad(entry, leaves, retain_graph=True, allow_unused=True) for entry in last]
    filled = [
        [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(row, leaves, strict=True)]
        for row in rows
    ]
    return np.stack([torch.cat([g.reshape(-1) for g in row]).numpy() for row in filled])


def assert_measured(found, known, cell=0, bound=1e-9):
    """`gradlab.measure` found these norms, and every one of them is a number."""
    one = found.isel(cell=cell).squeeze()
    whole = one.sel(part="state") if "part" in one.dims else one
    for name, values in (
        ("adjoint", known.adjoint),
        ("transport", known.sigma),
        ("transport_frobenius", known.frobenius),
    ):
        assert (whole[f"{name}_state"] == OK).all(), name
        np.testing.assert_allclose(whole[name], values, rtol=0, atol=bound, err_msg=name)
    # Where the initial state is zero, the first use of the recurrent weights has a gradient of exactly zero.
    zero = np.isneginf(known.weights)
    assert (one.weight_gradient_state[:-1] == np.where(zero, EXACT_ZERO, OK)).all()
    some = one.weight_gradient.values[:-1][~zero]
    np.testing.assert_allclose(some, known.weights[~zero], rtol=0, atol=bound)
    for name, value in known.gradient.items():
        np.testing.assert_allclose(one.gradient.sel(leaf=name), value, rtol=0, atol=bound, err_msg=name)
