"""Contracts of metrics: what every one must do, ours and other people's."""

import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab import metrics
from gradlab.metrics import Measured, Metric
from gradlab.states import EXACT_ZERO, FORWARD_NONFINITE, OK, STATES, UNDEFINED
from gradlab.testing._held import Check, Contract, checks, hold

if TYPE_CHECKING:
    import xarray

GRID = ("cell", "init", "w_rec", "T", "seed")
VALUES = (0.0, 1.0, 64.25, 999.96, 123456.0, 1e9)
"""Numbers that must fit into a column."""


def metric_checks(metric: Metric | str) -> list[Check]:
    """The contracts of a metric, one callable each: of a `Metric`, or of the one of that name."""
    return checks(METRIC, metrics.named(metric) if isinstance(metric, str) else metric)


def check_metric(metric: Metric | str) -> None:
    """Hold a metric to all its contracts.

    Raises:
      AssertionError: for the first that does not hold.
    """
    hold(metric_checks(metric))


def norms() -> "xarray.Dataset":
    """What a sweep keeps, of made-up numbers: falling, growing, exactly zero from some lag on, overflown.

    Of two cells, the first with one part and the second with two; networks differ in all that they have.
    """
    import xarray as xr

    rng = np.random.default_rng(0)
    parts, T, gains = ("state", "h", "c"), np.array([6, 15]), np.array([0.0, 0.8, 1.3])
    sizes = {"cell": 2, "init": 1, "w_rec": len(gains), "T": len(T), "seed": 3, "part": 3, "lag": 16}
    lag, longest = np.arange(16), T[:, None, None, None]
    slope = np.array([-0.3, -0.2, 0.1])[:, None, None, None, None]
    log = slope * lag + 0.1 * rng.normal(size=tuple(sizes.values())).cumsum(axis=-1)
    state = np.where(lag <= longest, OK, UNDEFINED) + np.zeros(tuple(sizes.values()), np.int8)
    state[:, :, 0] = np.where((state[:, :, 0] == OK) & (lag > 3), EXACT_ZERO, state[:, :, 0])
    step = np.zeros(tuple(sizes.values())[:5], np.int32)
    step[0, :, 2, :, 1] = 4
    state[(step > 0)[..., None, None] & (state == OK)] = FORWARD_NONFINITE
    state[0, ..., 1:, :] = UNDEFINED
    whole = np.where(np.arange(3)[:, None] == 0, state, UNDEFINED)
    passed = np.where(lag < longest[..., 0], state[..., 0, :], UNDEFINED)
    broken = np.where(step > 0, UNDEFINED, OK)
    by_leaf = np.stack([broken] * 2, axis=-1)
    meanings = {"flag_values": np.arange(len(STATES), dtype=np.int8), "flag_meanings": " ".join(STATES)}

    def pair(name: str, value: Any, code: Any, axes: tuple[str, ...]) -> dict[str, Any]:
        shown = np.where(code == OK, value, np.nan)
        return {name: (axes, shown), f"{name}_state": (axes, code.astype(np.int8), meanings)}

    every = tuple(sizes)
    return xr.Dataset(
        pair("adjoint", 0.9 * log - 0.2, state, every)
        | pair("transport", log, whole, every)
        | pair("transport_frobenius", log + 0.3, state, every)
        | pair("weight_gradient", log[..., 0, :] - 1.0, passed, (*GRID, "lag"))
        | pair("reach", log[..., 0, :] - 2.0, passed, (*GRID, "lag"))
        | pair("target_chance", np.clip(0.2 + log[..., 0, :], 0.01, 1.0), passed, (*GRID, "lag"))
        | pair("readout_transport", log[..., 0, :] - 0.1, state[..., 0, :], (*GRID, "lag"))
        | pair("part_transport", log, state, every)
        | pair("state_shift", 10 ** rng.normal(-6, 1, step.shape), broken, GRID)
        | pair("gradient", rng.normal(size=(*step.shape, 2)), by_leaf, (*GRID, "leaf"))
        | pair("gradient_projection", rng.normal(size=(*step.shape, 2)), by_leaf, (*GRID, "leaf"))
        | {"nonfinite_step": (GRID, step)},
        coords={
            "cell": ["elman", "lstm"],
            "init": ["orthogonal"],
            "w_rec": gains,
            "T": T,
            "seed": np.arange(3),
            "part": list(parts),
            "lag": lag,
            "leaf": ["b", "w_rec"],
            "linear": ("cell", np.array([False, False])),
            "has_gain": ("cell", np.array([True, True])),
        },
        attrs={"schema": "gradlab.norms/1", "objective": "unit", "precision": "float32", "hidden": 4},
    )


def says_what_it_is(metric: Metric) -> None:
    """A docstring that begins with the meaning, a unit, and facts that are possible."""
    own = inspect.getdoc(type(metric)) if type(metric).__doc__ else None
    assert own, "has no docstring, whose first line would be its meaning"
    assert metric.meaning[:1].isupper(), f"the meaning {metric.meaning!r} does not begin with a capital"
    assert metric.unit, "has no unit"
    assert metric.pooling in ("mean", "median"), f"pooling is {metric.pooling!r}"
    assert metric.undefined in ("unknown", "never", "beyond"), f"undefined is {metric.undefined!r}"
    limits = (0.0, 0.0) if metric.limits is None else metric.limits
    possible = len(limits) == 2 and all(0 <= one < math.inf for one in limits)
    assert possible, f"limits is {limits!r}, and not two numbers of 0 or more"
    relative = f"limits is {limits!r}: relative to a logarithm means nothing"
    assert not (metric.logarithm and limits[1]), relative


def a_value_fits_its_column(metric: Metric) -> None:
    """What it says on the terminal is no longer than `width`, and there is something to say of no value."""
    for value in VALUES:
        text = metric.shown(value, 100)
        assert len(text) <= metric.width, f"{value:g} is said as {text!r}, where width is {metric.width}"
    assert metric.shown(math.nan, 100), "says nothing where there is no value"


def gives_each_network_a_value_or_says_why_not(metric: Metric) -> None:
    """Arrays (cell, init, w_rec, T, seed); a number where the state is ok, and nowhere else."""
    given = norms()
    found, shape = metric.measure(given), tuple(given.sizes[axis] for axis in GRID)
    assert isinstance(found, Measured), f"gives {type(found).__name__}, and not Measured(value, state)"
    came = np.shape(found.value), np.shape(found.state)
    assert came == (shape, shape), f"gives arrays of the shapes {came}, and there are {shape} networks"
    known = (found.state >= 0) & (found.state < len(STATES))
    assert known.all(), f"has states other than 0 to {len(STATES) - 1}"
    odd = np.isfinite(found.value) != (found.state == OK)
    assert not odd.any(), f"{odd.sum()} networks have a number without the state ok, or the other way round"


def a_network_is_measured_by_itself(metric: Metric) -> None:
    """What it says of a network does not depend on which others there are."""
    given = norms()
    whole = metric.measure(given)
    for at in np.ndindex(*(given.sizes[axis] for axis in GRID)):
        alone = metric.measure(given.isel({axis: [i] for axis, i in zip(GRID, at, strict=True)}))
        for one, other in ((alone.value, whole.value), (alone.state, whole.state)):
            where = given.isel(dict(zip(GRID, at, strict=True)))
            message = f"{where['cell'].item()}, w_rec = {where['w_rec'].item():g}, T = {where['T'].item()}"
            np.testing.assert_allclose(one.item(), other[at], rtol=1e-12, err_msg=f"alone: {message}")


def the_order_of_axes_does_not_matter(metric: Metric) -> None:
    """Axes are found by their names."""
    given = norms()
    turned = given.transpose("lag", "seed", "part", ...)
    for one, other in zip(metric.measure(given), metric.measure(turned), strict=True):
        np.testing.assert_array_equal(one, other, err_msg="differs where the axes are in another order")


METRIC: tuple[Contract, ...] = (
    says_what_it_is,
    a_value_fits_its_column,
    gives_each_network_a_value_or_says_why_not,
    a_network_is_measured_by_itself,
    the_order_of_axes_does_not_matter,
)
"""Contracts of every metric."""
