"""`norms.nc` of a run, read: the arrays that its settings allow, on the axes that they name."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab import memory
from gradlab.errors import GradlabError, shown
from gradlab.profiles import STEEPEST
from gradlab.runs import hdf5
from gradlab.runs.hdf5_values import Array
from gradlab.states import OK, REASONS, STATES
from gradlab.studies.remedies.rows import ENDS
from gradlab.studies.sweep.rows import whole
from gradlab.studies.sweep.updates import UPDATE

if TYPE_CHECKING:
    import xarray

POINT = ("cell", "init", "w_rec", "T", "seed")
PARTS = 1000
"""Of a cell's state, or gates."""
_LABELS = {"cell": "text", "init": "text", "part": "text", "gate": "text", "arm": "text", "when": "text"}
_LABELS |= {"leaf": "text", "w_rec": "float64", "T": "int64", "seed": "int64", "lag": "int64"}
_FLAGS = ("linear", "has_gain", "rescales")
"""Of each cell: true or false."""
_SWEPT: dict[str, tuple[str, ...]] = {
    "adjoint": ("part", "lag"),
    "transport": ("part", "lag"),
    "transport_frobenius": ("part", "lag"),
    "weight_gradient": ("lag",),
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "gradient": ("leaf",),
    "gradient_projection": ("leaf",),
    "state_shift": (),
}
"""Of sweeps of this version; earlier ones may not have them."""
_MARKS = ("weights", "weights_projection")
"""Of the weights that were drawn."""
PROFILES = ("adjoint", "transport", "weight_gradient")
"""Of every network of a comparison."""
REASON = "reason"
"""Of a model as a whole, by lag: why its reach has a norm or none; runs that are older have no such array."""
SIGNAL = ("gradient_share", "target_chance")
"""Of the task's own loss, where a gradient was followed; earlier versions have none."""
SEQUENCES = 128
"""Fresh sequences that tell it; in the attributes of a dataset that has it."""
REACH = ("reach", "reach_state")
"""What is known of a model as a whole."""
FURTHER = {"part", "lag", "step", "from_step", "to_step", "gate", "leaf", "index", "unit", "delay"}
"""Axes that a further measurement of each network may have."""


def swept(content: bytes, where: str, settings: Mapping[str, Any]) -> "xarray.Dataset":
    """The dataset of a sweep with these settings.

    Raises `GradlabError` that names the array, before any value is read, if one is there that they do not
    allow, or is missing; and then for labels that are others, states that are none, values without a state.
    """
    file = hdf5.File(content, where)
    longest = max(settings["T"])
    sizes = {axis: len(settings[axis]) for axis in ("cell", "init", "w_rec", "T")}
    sizes |= {"seed": settings["seeds"], "lag": longest + 1}
    sizes |= dict.fromkeys(("step", "from_step", "to_step"), longest)
    _require(file, (*POINT, "part", "lag", *_SWEPT, "nonfinite_step", "linear"))
    if file.attrs.get("only") == "reach":
        _require(file, REACH)
    for name, array in file.arrays.items():
        _require_sizes(file, array, sizes)
        if name in _LABELS:
            _require_kind(file, array, (name,), _LABELS[name])
        elif name in _FLAGS:
            _require_kind(file, array, ("cell",), "int8")
        elif name == UPDATE:
            _require_kind(file, array, ("cell",), "int64")
        elif name in _MARKS:
            _require(file, (*_MARKS, "leaf"))
            _require_kind(file, array, ("cell", "init", "seed", "leaf"), "float64")
        elif name == "nonfinite_step":
            _require_kind(file, array, POINT, "int32")
        elif name == REASON:
            _require(file, REACH)
            _require_kind(file, array, (*POINT, "lag"), "int8")
        else:
            _require_measured(file, array)
    for name in ("objective", "precision", "hidden"):
        if name in file.attrs and file.attrs[name] != settings.get(name):
            said = settings.get(name, "nothing of it")
            what = f"{shown(file.attrs[name])}, where the settings of the run say {said}"
            raise GradlabError(f"{where}:{name}", what)
    file.require_room(memory.available_bytes())
    made = hdf5.dataset(file)
    labels = {axis: settings[axis] for axis in ("cell", "init", "w_rec", "T")}
    _require_labels(made, where, labels | {"seed": range(settings["seeds"]), "lag": range(longest + 1)})
    for name in ("part", "gate", "leaf"):
        if name in made.dims:
            _require_unlike(made[name].values.tolist(), f"{where}:{name}")
    if made["part"].values[0] != "state":
        raise GradlabError(
            f"{where}:part", f"begins with {shown(made['part'].values[0])}, and not with state"
        )
    _require_states(made, where)
    if REASON in made:
        _require_reasons(made, where)
    for name in _SWEPT:
        _require_reached(made, where, name)
    flags = {name: made[name].astype(bool) for name in _FLAGS if name in made}
    marks = {UPDATE: made[UPDATE]} if UPDATE in made else {}
    return made.assign_coords(flags | marks)


def trained(content: bytes, where: str, settings: Mapping[str, Any], arms: Sequence[str]) -> "xarray.Dataset":
    """The dataset of a comparison of these arms; the errors are those of `swept`."""
    file = hdf5.File(content, where)
    longest = max(settings["T"])
    sizes = {"arm": len(arms), "T": len(settings["T"]), "w_rec": len(settings["w_rec"])}
    sizes |= {"seed": settings["seeds"], "when": len(ENDS), "lag": longest + 1}
    axes = ("arm", "T", "w_rec", "seed", "when", "lag")
    _require(file, (*axes, *PROFILES))
    for name, array in file.arrays.items():
        _require_sizes(file, array, sizes)
        if name in axes:
            _require_kind(file, array, (name,), _LABELS[name])
        elif name in (*PROFILES, *SIGNAL):
            _require_kind(file, array, axes, "float64")
        else:
            raise GradlabError(f"{where}:{name}", "is nothing that a comparison of remedies holds")
    if any(name in file.arrays for name in SIGNAL):
        many = file.attrs.get("sequences")
        if not isinstance(many, int | np.integer) or not 0 < many < 2**31:
            raise GradlabError(f"{where}:sequences", f"is {shown(many)}, and no number of sequences")
    file.require_room(memory.available_bytes())
    made = hdf5.dataset(file)
    labels = {"arm": arms, "T": settings["T"], "w_rec": settings["w_rec"], "when": ENDS}
    _require_labels(made, where, labels | {"seed": range(settings["seeds"]), "lag": range(longest + 1)})
    for name in PROFILES:
        if np.isposinf(made[name].values).any():
            raise GradlabError(f"{where}:{name}", "holds an infinite norm; those are finite, -inf or NaN")
        _require_reached(made, where, name)
    for name in SIGNAL:
        if name in made:
            _require_signal(made[name].values, f"{where}:{name}", chance=name == "target_chance")
    return made


def _require_signal(value: Any, where: str, *, chance: bool) -> None:
    if np.isinf(value).any():
        raise GradlabError(where, "holds an infinite number; those are finite or NaN")
    if chance and ((value < 0) | (value > 1)).any():
        raise GradlabError(where, "holds what is no chance; those are 0 to 1")


def _require(file: hdf5.File, names: Sequence[str]) -> None:
    for name in names:
        if name not in file.arrays:
            raise GradlabError(f"{file.where}:{name}", "is missing; run the command again")


def _require_sizes(file: hdf5.File, array: Array, sizes: Mapping[str, int]) -> None:
    for axis, count in zip(array.axes, array.shape, strict=True):
        fits = count == sizes[axis] if axis in sizes else count >= 1
        if axis in ("part", "gate", "leaf"):
            fits = 1 <= count <= PARTS
        if not fits:
            allowed = sizes.get(axis, f"1 to {PARTS}")
            what = f"has {count} places on the axis {axis}, where the settings of the run say {allowed}"
            raise GradlabError(f"{file.where}:{array.name}", what)


def _require_kind(file: hdf5.File, array: Array, axes: tuple[str, ...], dtype: str) -> None:
    if array.axes != axes or array.dtype != dtype:
        came = f"{array.dtype} by ({', '.join(array.axes)})"
        what = f"is {came}, and not {dtype} by ({', '.join(axes)})"
        raise GradlabError(f"{file.where}:{array.name}", what)


def _require_measured(file: hdf5.File, array: Array) -> None:
    """A quantity and its states, one pair, by network and by what else it may be counted."""
    name, own = array.name.removesuffix("_state"), array.axes[len(POINT) :]
    pair = [file.arrays.get(name), file.arrays.get(f"{name}_state")]
    known = (_SWEPT | _OPTIONAL).get(name, own)
    if "leaf" in own:
        _require(file, ("leaf",))
    if not name.isidentifier() or None in pair or own != known or not set(own) <= FURTHER:
        raise GradlabError(f"{file.where}:{array.name}", "is nothing that a sweep holds, or is not whole")
    dtype = "float64" if array.name == name else "int8"
    _require_kind(file, array, (*POINT, *known), dtype)


def _require_labels(made: "xarray.Dataset", where: str, labels: Mapping[str, Sequence[Any]]) -> None:
    for axis, wanted in labels.items():
        came = made[axis].values.tolist()
        if came != list(wanted):
            other = next(one for one, two in zip(came, wanted, strict=True) if one != two)
            what = f"has {shown(other)} where the settings of the run have another; run the command again"
            raise GradlabError(f"{where}:{axis}", what)


def _require_unlike(labels: list[str], where: str) -> None:
    if len(set(labels)) < len(labels):
        raise GradlabError(where, "has a label twice")


def _require_reached(made: "xarray.Dataset", where: str, name: str) -> None:
    """No norm is farther from 1 than that many steps can take it."""
    value = made[name].values
    if (np.abs(value[np.isfinite(value)]) > STEEPEST * made.sizes["lag"]).any():
        raise GradlabError(f"{where}:{name}", "holds a norm that no sequence of that many steps reaches")


def _require_states(made: "xarray.Dataset", where: str) -> None:
    """Every state is one, and what has a value is what is ok."""
    for name in map(str, made.data_vars):
        if not name.endswith("_state"):
            continue
        code, value = made[name].values, made[name.removesuffix("_state")].values
        if ((code < 0) | (code >= len(STATES))).any():
            raise GradlabError(f"{where}:{name}", f"holds what is no state; 0 to {len(STATES) - 1} are")
        if (np.isfinite(value) != (code == OK)).any() or np.isinf(value).any():
            what = "has values without a state that is ok, or the other way round"
            raise GradlabError(f"{where}:{name.removesuffix('_state')}", what)
    for name in _MARKS:
        if name in made and np.isinf(made[name].values).any():
            raise GradlabError(f"{where}:{name}", "holds an infinite number")
    step = made["nonfinite_step"].transpose(*POINT).values
    if ((step < 0) | (step > made["T"].values[:, None])).any():
        raise GradlabError(f"{where}:nonfinite_step", "holds a step that no sequence has")


def _require_reasons(made: "xarray.Dataset", where: str) -> None:
    """Every reason is one, and goes with the state of the reach there; of a model as a whole alone."""
    code, states = made[REASON].values, np.array(list(REASONS.values()))
    if not whole(made):
        raise GradlabError(f"{where}:{REASON}", "is of a model as a whole, and this run is of none")
    if ((code < 0) | (code >= len(REASONS))).any():
        raise GradlabError(f"{where}:{REASON}", f"holds what is no reason; 0 to {len(REASONS) - 1} are")
    if (states[code] != made["reach_state"].transpose(*made[REASON].dims).values).any():
        raise GradlabError(f"{where}:{REASON}", "has a reason that does not go with the state of the reach")
