"""Backpropagation through the steps of a torch module: torch's own vector-Jacobian products, our exponent.

Every vector that is sent back is brought to [1/2, 1) by an exact power of two after every step, and its
exponent kept beside it as an integer: nothing underflows however long the sequence is.

v_{t-1} = (dstate_t/dstate_{t-1})^T v_t
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.foreign.pytorch.cells import Cell, Tensors
from gradlab.foreign.pytorch.rows import (
    Rows,
    added,
    log10,
    norm,
    norms,
    rescaled,
    sigma,
    unit_rows,
    with_term,
)
from gradlab.foreign.pytorch.saturated import unsaturated

Array = NDArray[Any]


class Sent(NamedTuple):
    """What has been found on the way back: log10 of norms by lag, -inf for a zero, NaN where not finite."""

    adjoint: Array
    """(T + 1, parts): the whole, and each leaf if there are several."""
    sigma: Array
    frobenius: Array
    """(T + 1, parts)."""
    weights: Array
    """(T,), of the recurrent weights."""
    gradient: dict[str, tuple[Array, int]]
    """dL/dparams as value and exponent of two."""


class Zeros(NamedTuple):
    """Whether a norm is zero by definition of the derivative, in the forms of `Sent`."""

    adjoint: NDArray[np.bool_]
    frobenius: NDArray[np.bool_]
    weights: NDArray[np.bool_]
    gradient: dict[str, bool]


def forward(cell: Cell, xs: Array) -> tuple[list[Tensors], int]:
    """The states 0..T, and the first step whose state is not finite, or 0."""
    import torch

    states, broken = [cell.state], 0
    with torch.no_grad():
        for t, x in enumerate(torch.as_tensor(xs), start=1):
            states.append(cell.step(cell.params, states[-1], x))
            if not broken and not all(leaf.isfinite().all() for leaf in states[-1]):
                broken = t
    return states, broken


def send(
    cell: Cell,
    states: list[Tensors],
    xs: Array,
    term: Callable[[Tensors, int], Tensors],
    every: bool,
    recurrent: Sequence[str],
    heard: Callable[[dict[str, Array], int], None] | None = None,
) -> Sent:
    """Send the loss's cotangents and every direction of the last state back to the initial state.

    `term(state_t, t)` is dL_t/dstate_t, of the last step, or with `every` of each. `heard` is told, lag by
    lag, what each parameter gets, and its exponent of two.
    """
    import torch

    size = sum(leaf.numel() for leaf in states[-1])
    adjoint = rescaled(Rows([leaf[None] for leaf in term(states[-1], len(xs))], np.zeros(1, np.int64)))
    jacobian = Rows(unit_rows(states[-1], size), np.zeros(size, np.int64))
    total: dict[str, tuple[Array, int]] = {}
    adjoints, sigmas, frobenius, weighted = [norms(adjoint)], [sigma(jacobian)], [norms(jacobian)], []
    for t in range(len(xs), 0, -1):
        pull = one_step(cell, states[t - 1], torch.as_tensor(xs[t - 1]))
        of_params, sent = pull(adjoint.values, True)
        weights = {name: np.asarray(leaf[0], np.float64) for name, leaf in of_params.items()}
        exponent = int(adjoint.exponents[0])
        if heard is not None:
            heard(weights, exponent)
        weighted.append(log10(norm([weights[name] for name in recurrent]), exponent))
        for name, value in weights.items():
            total[name] = added(total.get(name), (value, exponent))
        adjoint = rescaled(Rows(sent, adjoint.exponents))
        if every and t > 1:
            adjoint = with_term(adjoint, term(states[t - 1], t - 1))
        jacobian = rescaled(Rows(pull(jacobian.values, False)[1], jacobian.exponents))
        adjoints.append(norms(adjoint))
        sigmas.append(sigma(jacobian))
        frobenius.append(norms(jacobian))
    return Sent(np.array(adjoints), np.array(sigmas), np.array(frobenius), np.array(weighted), total)


def zeros(
    cell: Cell,
    states: list[Tensors],
    xs: Array,
    term: Callable[[Tensors, int], Tensors],
    every: bool,
    recurrent: Sequence[str],
) -> Zeros:
    """Send vectors without small numbers back through the same states, with nothing saturated.

    After every step what is not zero becomes a random number of size [1/2, 1) again. The transport's columns
    of a part are zero if and only if that part of a random vector is.
    """
    import torch

    rng = torch.Generator().manual_seed(0)

    def redrawn(rows: Tensors) -> Tensors:
        return [torch.where(leaf == 0, leaf, _random(leaf, rng)) for leaf in rows]

    start = [torch.stack([a, _random(a, rng)]) for a in term(states[-1], len(xs))]
    rows = redrawn(start)
    adjoints, jacobians, weighted = [_flags(rows, 0)], [_flags(rows, 1)], []
    gone: dict[str, bool] = dict.fromkeys(cell.params, True)
    for t in range(len(xs), 0, -1):
        with unsaturated():
            of_params, rows = one_step(cell, states[t - 1], torch.as_tensor(xs[t - 1]))(rows, True)
        none = {name: not bool((leaf[0] != 0).any()) for name, leaf in of_params.items()}
        gone = {name: gone[name] and none[name] for name in gone}
        weighted.append(all(none[name] for name in recurrent))
        rows = redrawn(rows)
        if every and t > 1:
            for leaf, more in zip(rows, term(states[t - 1], t - 1), strict=True):
                leaf[0] += more
        adjoints.append(_flags(rows, 0))
        jacobians.append(_flags(rows, 1))
    return Zeros(np.array(adjoints), np.array(jacobians), np.array(weighted), gone)


Pull = Callable[[Tensors, bool], tuple[dict[str, Any], Tensors]]


def one_step(cell: Cell, before: Tensors, x: Any) -> Pull:
    """`(cotangents, with params) -> (of the params, of the state)`, each with a leading axis of rows.

    All rows go back at once (`is_grads_batched`), or one by one where an operation cannot do that.
    """
    import torch

    leaves = [leaf.detach().requires_grad_() for leaf in before]
    params = {name: p.detach().requires_grad_() for name, p in cell.params.items()}
    with torch.enable_grad():
        after = cell.step(params, leaves, x)
    kept = [i for i, leaf in enumerate(after) if leaf.requires_grad]

    def gradients(wanted: Tensors, rows: Tensors) -> Tensors:
        outs = [after[i] for i in kept]
        if not outs:
            return [torch.zeros((len(rows[0]), *leaf.shape), dtype=leaf.dtype) for leaf in wanted]
        given = [rows[i] for i in kept]
        options: dict[str, Any] = {"retain_graph": True, "allow_unused": True}
        if len(rows[0]) > 1:
            try:
                with warnings.catch_warnings():
                    # Torch tells that it falls back to one row at a time, which changes no number.
                    warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
                    found = torch.autograd.grad(outs, wanted, given, is_grads_batched=True, **options)
                return _filled(found, wanted, len(rows[0]))
            except RuntimeError:
                # No batching rule for an operation of the module's.
                pass
        each = [
            torch.autograd.grad(outs, wanted, [leaf[i] for leaf in given], **options)
            for i in range(len(rows[0]))
        ]
        alone = [_filled([None if g is None else g[None] for g in some], wanted, 1) for some in each]
        return [torch.cat(some) for some in zip(*alone, strict=True)]

    def pull(rows: Tensors, with_params: bool) -> tuple[dict[str, Any], Tensors]:
        wanted = [*leaves, *params.values()] if with_params else leaves
        found = gradients(wanted, rows)
        return dict(zip(params, found[len(leaves) :], strict=False)), found[: len(leaves)]

    return pull


def _filled(found: Sequence[Any], wanted: Tensors, rows: int) -> Tensors:
    """Gradients, zeros where an output does not depend on what is asked for."""
    import torch

    return [
        torch.zeros((rows, *leaf.shape), dtype=leaf.dtype) if g is None else g.detach()
        for g, leaf in zip(found, wanted, strict=True)
    ]


def _random(like: Any, rng: Any) -> Any:
    import torch

    size = torch.rand(like.shape, generator=rng, dtype=like.dtype) / 2 + 0.5
    sign = torch.randint(0, 2, like.shape, generator=rng, dtype=like.dtype) * 2 - 1
    return size * sign


def _flags(rows: Tensors, row: int) -> list[bool]:
    parts = [not bool((leaf[row] != 0).any()) for leaf in rows]
    return parts if len(parts) == 1 else [all(parts), *parts]
