"""A step module of torch, measured as `gradlab.measure` measures a step of JAX, to the same dataset."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.foreign.pytorch import back, cells, known
from gradlab.foreign.pytorch.cells import Cell, Tensors
from gradlab.recurrence import objectives, projections
from gradlab.spelled import unknown
from gradlab.states import (
    BACKWARD_NONFINITE,
    BELOW_PRECISION,
    EXACT_ZERO,
    FORWARD_NONFINITE,
    OK,
    UNDEFINED,
)
from gradlab.studies.sweep import torch_losses
from gradlab.studies.sweep.cell_result import CellResult
from gradlab.studies.sweep.labelled import dataset
from gradlab.studies.sweep.program import GRADIENT, GRADIENT_AXES, SHIFT

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]
Extras = dict[str, tuple[tuple[str, ...], Array, Any]]


class Found(NamedTuple):
    """What one sequence gives."""

    cell: Cell
    recurrent: tuple[str, ...]
    logs: dict[str, Array]
    """log10 norms by lag, and of the gradient by parameter."""
    codes: dict[str, Any]
    """Their states."""
    sent: back.Sent
    broken: int
    """The first step whose state is not finite, or 0."""
    shift: float
    objective: str
    """In words."""

    @property
    def signed(self) -> Array:
        """The projections of the gradient, by parameter."""
        return projected({name: self.sent.gradient[name][0] for name in self.cell.params})


def measured(module: Any, xs: Any, state: Any, *, seed: int, **asked: Any) -> "xarray.Dataset":
    """The norms of a module's steps over one sequence; its own loss, or what a step of JAX would have.

    Raises:
      GradlabError: for whatever cannot be measured, by name.
    """
    inputs = known.sequence(xs, "float64")
    found = of_sequence(module, inputs, state, seed=seed, **asked)
    values = {name: np.where(found.codes[name] == OK, log, np.nan) for name, log in found.logs.items()}
    columns = {name: (values[name], found.codes[name]) for name in values if name != GRADIENT}
    extras: Extras = {SHIFT: ((), *shifted(found.shift))}
    if found.cell.params:
        code = found.codes[GRADIENT]
        signed = np.where(code == OK, found.signed, np.nan)
        pairs = zip(GRADIENT_AXES, (values[GRADIENT], signed), strict=True)
        extras |= {name: (GRADIENT_AXES[name], value, code) for name, value in pairs}
    return labelled(found, columns, extras, found.broken, len(inputs), seed)


def of_sequence(
    module: Any,
    xs: Any,
    state: Any,
    *,
    w_rec: Callable[[Any], Any],
    objective: str,
    loss: Callable[[Any, Any], Any] | None,
    targets: Any,
    readout: Callable[[Any], Any] | None,
    seed: int,
    heard: Callable[[dict[str, Array], int], None] | None = None,
) -> Found:
    """What a module gives over the inputs of one sequence, float64; errors as of `measured`."""
    if objective not in objectives.NAMES:
        raise unknown("objective", "objective", objective, objectives.NAMES)
    cell = cells.of_module(module, state, xs[0])
    inputs = xs.astype(cell.precision)
    recurrent = _picked(w_rec, cell)
    if loss is None:
        term = torch_losses.drawn(cell, objective, readout, seed)
    else:
        objective = "last" if objective == "unit" else objective
        term = torch_losses.own(cell, loss, targets, readout, len(inputs) if objective == "every" else None)
    states, broken = back.forward(cell, inputs)
    given = cell, states, inputs, term, objective == "every", recurrent
    sent = back.send(*given, heard)
    logs = {"adjoint": sent.adjoint, "transport": sent.sigma[:, None], "transport_frobenius": sent.frobenius}
    logs |= {"weight_gradient": np.append(sent.weights, np.nan), GRADIENT: _of_params(cell, sent)}
    codes = {name: _codes(log, broken) for name, log in logs.items()}
    codes["weight_gradient"][-1] = UNDEFINED
    if not recurrent:
        codes["weight_gradient"][:] = UNDEFINED
    if any((code == EXACT_ZERO).any() for code in codes.values()):
        codes = _told_apart(codes, back.zeros(*given), cell)
    said = objective if loss is None else f"own loss, {objective}"
    return Found(cell, recurrent, logs, codes, sent, broken, _shift(cell, inputs, states), said)


def _picked(w_rec: Callable[[Any], Any], cell: Cell) -> tuple[str, ...]:
    """The names of the recurrent weights among the parameters."""
    try:
        found = w_rec(cell.params)
    except Exception as error:
        what = f"fails on the parameters by name: {type(error).__name__}; like lambda p: p['weight_hh']"
        raise GradlabError("w_rec", what) from error
    leaves = (
        list(found.values())
        if isinstance(found, dict)
        else list(found)
        if isinstance(found, list | tuple)
        else [found]
    )
    names = tuple(name for name, p in cell.params.items() if any(p is leaf for leaf in leaves))
    if len(names) < len(leaves):
        has = ", ".join(list(cell.params)[:6])
        raise GradlabError("w_rec", f"picks what is no parameter of the module; it has {has}")
    return names


def _of_params(cell: Cell, sent: back.Sent) -> Array:
    logs = []
    for name in cell.params:
        value, exponent = sent.gradient[name]
        norm = float(np.linalg.norm(value)) if np.isfinite(value).all() else np.nan
        logs.append(-np.inf if norm == 0 else np.log10(norm) + exponent * np.log10(2))
    return np.array(logs, np.float64)


def _codes(log: Array, broken: int) -> NDArray[np.int8]:
    if broken:
        return np.full(log.shape, FORWARD_NONFINITE, np.int8)
    found = np.where(np.isneginf(log), EXACT_ZERO, np.where(np.isnan(log), BACKWARD_NONFINITE, OK))
    return found.astype(np.int8)


def _told_apart(codes: dict[str, Any], zeros: back.Zeros, cell: Cell) -> dict[str, Any]:
    by_definition = {
        "adjoint": zeros.adjoint,
        "transport": zeros.frobenius[:, :1],
        "transport_frobenius": zeros.frobenius,
        "weight_gradient": np.append(zeros.weights, True),
        GRADIENT: np.array([zeros.gradient[name] for name in cell.params], bool),
    }
    return {
        name: np.where((code == EXACT_ZERO) & ~by_definition[name], BELOW_PRECISION, code).astype(np.int8)
        for name, code in codes.items()
    }


def _shift(cell: Cell, xs: Array, states: list[Tensors]) -> float:
    """How far one rounding of the parameters moves the states, as the probe `state_shift` has it."""
    import torch

    rng = np.random.default_rng(0)
    eps = float(np.finfo(cell.precision).eps)
    nudged = {
        name: p * torch.as_tensor((1 + rng.choice([-1.0, 1.0], tuple(p.shape)) * eps).astype(cell.precision))
        for name, p in cell.params.items()
    }
    others, broken = back.forward(cell._replace(params=nudged), xs)
    worst = 0.0
    for here, there in zip(states[1:], others[1:], strict=True):
        apart = max(float((a - b).abs().max()) for a, b in zip(here, there, strict=True))
        size = max(float(leaf.abs().max()) for leaf in here)
        worst = max(worst, apart / max(size, float(np.finfo(cell.precision).tiny)))
    return float("nan") if broken or not np.isfinite(worst) else worst


def projected(gradients: dict[str, Array]) -> Array:
    """The projections of arrays by name; NaN where one is not finite."""
    signed = [
        projections.of_array(name, value)[1] if np.isfinite(value).all() else np.nan
        for name, value in gradients.items()
    ]
    return np.array(signed, np.float64)


def shifted(shift: float) -> tuple[Array, Array]:
    """The column of a shift."""
    return np.asarray(shift, np.float64), np.asarray(UNDEFINED if np.isnan(shift) else OK, np.int8)


def labelled(
    found: Found, columns: dict[str, tuple[Array, Any]], extras: Extras, broken: int, T: int, seed: int
) -> "xarray.Dataset":
    """The dataset of columns of one network, their axes those of a lag and of what they have beside it."""
    cell, names = found.cell, tuple(found.cell.params)

    def one(a: Any) -> Array:
        return np.asarray(a)[None, None, None, None]

    weights = np.array([projections.of_array(name, np.asarray(p)) for name, p in cell.params.items()])
    result = CellResult(
        cell.label,
        ("state", *cell.names) if len(cell.names) > 1 else ("state",),
        linear=False,
        columns={name: (one(value), one(code)) for name, (value, code) in columns.items()},
        nonfinite=one(np.int32(broken)),
        digests={},
        extras={name: (axes, one(value), one(code)) for name, (axes, value, code) in extras.items()},
        gates=(),
        has_gain=True,
        code={},
        leaves=names,
        weights=weights.T[:, None, None] if names else None,
    )
    facts = {
        "objective": found.objective,
        "precision": cell.precision,
        "networks": "given",
        "source": "torch module",
    }
    return dataset([result], ["given"], [float("nan")], [T], [seed], **facts)
