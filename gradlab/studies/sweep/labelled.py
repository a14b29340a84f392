"""Measurements as a labelled dataset: the arrays of every cell on one set of axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.states import STATES, UNDEFINED

if TYPE_CHECKING:
    import xarray

    from gradlab.studies.sweep.cell_result import CellResult

SCHEMA = "gradlab.norms/1"


def dataset(
    results: "Sequence[CellResult]",
    inits: Sequence[str],
    w_rec: Sequence[float],
    T: Sequence[int],
    seeds: Sequence[int],
    fixed: Sequence[str] = (),
    **attrs: Any,
) -> "xarray.Dataset":
    """The dataset of `norms.nc`: log10 norms by (cell, init, w_rec, T, seed, part, lag) and their states.

    `fixed` names the cells whose recurrent weights are not trained: their weight gradient is undefined.
    """
    import xarray as xr

    parts = ["state", *dict.fromkeys(part for result in results for part in result.parts[1:])]
    axes = ("cell", "init", "w_rec", "T", "seed")
    shape = (len(results), len(inits), len(w_rec), len(T), len(seeds))
    lags = max(T) + 1
    variables: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    meanings = {"flag_values": np.arange(len(STATES), dtype=np.int8), "flag_meanings": " ".join(STATES)}
    for name in results[0].columns:
        by_part = results[0].columns[name][0].ndim == 6
        extra = ("part", "lag") if by_part else ("lag",)
        size = (len(parts), lags) if by_part else (lags,)
        values, states = np.full(shape + size, np.nan), np.full(shape + size, UNDEFINED, np.int8)
        for i, result in enumerate(results):
            if name == "weight_gradient" and result.cell in fixed:
                continue
            value, state = result.columns[name]
            if by_part:
                for j, part in enumerate(result.parts[: value.shape[-1]]):
                    at = parts.index(part)
                    values[i, ..., at, :], states[i, ..., at, :] = value[..., j], state[..., j]
            else:
                values[i], states[i] = value, state
        variables[name] = (axes + extra, values, {"units": "log10 of a norm"})
        variables[f"{name}_state"] = (axes + extra, states, meanings)
    variables["nonfinite_step"] = (
        axes,
        np.stack([r.nonfinite for r in results]),
        {"units": "step, 0 for none"},
    )
    counted = {
        "gate": tuple(dict.fromkeys(gate for result in results for gate in result.gates)),
        "leaf": tuple(dict.fromkeys(leaf for result in results for leaf in result.leaves)),
    }
    for name in dict.fromkeys(name for result in results for name in result.extras):
        own, values, states = _together(results, name, counted | {"part": tuple(parts)})
        variables[name] = (axes + own, values)
        variables[f"{name}_state"] = (axes + own, states, meanings)
    if counted["leaf"]:
        marks = np.full((2, len(results), len(inits), len(seeds), len(counted["leaf"])), np.nan)
        for i, result in enumerate(results):
            marks[:, i][..., [counted["leaf"].index(leaf) for leaf in result.leaves]] = result.weights
        for name, values in zip(("weights", "weights_projection"), marks, strict=True):
            variables[name] = (("cell", "init", "seed", "leaf"), values)
    for axis, names in counted.items():
        if names:
            labels[axis] = np.array(names, dtype=object)
    if any(result.rescales for result in results):
        labels["rescales"] = ("cell", np.array([result.rescales for result in results]))
    coords = {
        "cell": np.array([result.cell for result in results], dtype=object),
        "init": np.array(list(inits), dtype=object),
        "w_rec": np.array(w_rec, np.float64),
        "T": np.array(T, np.int64),
        "seed": np.array(seeds, np.int64),
        "part": np.array(parts, dtype=object),
        "lag": np.arange(lags),
        "linear": ("cell", np.array([result.linear for result in results])),
        "has_gain": ("cell", np.array([result.has_gain for result in results])),
    } | labels
    return xr.Dataset(variables, coords, {"schema": SCHEMA} | attrs)


def _together(
    results: "Sequence[CellResult]", name: str, counted: dict[str, tuple[str, ...]]
) -> tuple[Any, Any, Any]:
    """A further column of all cells: its axes, values and states; shorter axes are filled up.

    Along the axes that are `counted` by names, each cell's own names say where its numbers belong. Of a cell
    that was not asked it is undefined.
    """
    found = {i: result.extras[name] for i, result in enumerate(results) if name in result.extras}
    own, first, _ = next(iter(found.values()))
    widths = np.max([values.shape[4:] for _, values, _ in found.values()], axis=0).tolist()
    widths = [len(counted.get(axis, range(width))) for axis, width in zip(own, widths, strict=True)]
    values = np.full((len(results), *first.shape[:4], *widths), np.nan)
    states = np.full(values.shape, UNDEFINED, np.int8)
    for i, (_, value, state) in found.items():
        result = results[i]
        of_cell = {"gate": result.gates, "leaf": result.leaves, "part": result.parts}
        ways = [
            [counted[axis].index(one) for one in of_cell[axis]] if axis in counted else list(range(width))
            for axis, width in zip(own, value.shape[4:], strict=True)
        ]
        place = np.ix_(*(range(n) for n in value.shape[:4]), *ways)
        values[i][place], states[i][place] = value, state
    return own, values, states
