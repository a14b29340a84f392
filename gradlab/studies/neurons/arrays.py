"""`units.nc` of a reading: how its arrays are made, and what they must be before they are believed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab import memory
from gradlab.errors import GradlabError
from gradlab.runs import hdf5

if TYPE_CHECKING:
    import xarray

STEPS = 127
"""Of a quantised value, from 0 to the largest."""
LARGEST_WEIGHTS = 64
"""Arrays of weights of a cell."""
Variables = dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]]


def quantised(values: NDArray[np.float32]) -> tuple[NDArray[np.int8], dict[str, Any]]:
    """Values as whole numbers from -127 to 127, and the scale that brings them back to within half a step.

    They are not squashed before: what a unit does between -3 and -2.5 would be lost in its tanh.

    >>> q, attributes = quantised(np.array([0.5, -2.0], np.float32))
    >>> q.tolist(), float(attributes["scale"]) * 127
    ([32, -127], 2.0)
    """
    scale = max(float(np.abs(values).max()), 1e-30) / STEPS
    return np.rint(values / scale).astype(np.int8), {"scale": np.float64(scale)}


def restored(array: "xarray.DataArray") -> NDArray[np.float64]:
    """The values of a quantised array, to within half a step."""
    found: NDArray[np.float64] = array.values.astype(np.float64) * float(array.attrs["scale"])
    return found


def read(content: bytes, where: str, about: Mapping[str, Any]) -> "xarray.Dataset":
    """The dataset of a reading; the errors name the array that is not what `run.json` says.

    Raises:
      GradlabError: before any value is read for what is of another form; then for codes that are no symbols.
    """
    file = hdf5.File(content, where)
    known = wanted(about)
    for name, (axes, dtype, shape) in known.items():
        array = file.arrays.get(name)
        if array is None:
            raise GradlabError(f"{where}:{name}", "is missing; run the command again")
        if (array.axes, array.dtype, array.shape) != (axes, dtype, shape):
            came = f"{array.dtype} by ({', '.join(array.axes)}), shape {array.shape}"
            what = f"is {came}, and not {dtype} by ({', '.join(axes)}), shape {shape}"
            raise GradlabError(f"{where}:{name}", what)
    for name, array in file.arrays.items():
        if name not in known and not _is_weight(name, array, about):
            raise GradlabError(f"{where}:{name}", "is nothing that a reading holds")
    file.require_room(memory.available_bytes())
    made = hdf5.dataset(file)
    symbols = len(about["vocabulary"])
    for name in known:
        values = made[name].values
        if name == "codes" or name.endswith("_top"):
            if ((values < 0) | (values >= symbols)).any():
                raise GradlabError(f"{where}:{name}", f"holds what is no symbol; 0 to {symbols - 1} are")
        elif values.dtype == np.int8:
            # An attribute of one number comes as an array from older versions of h5netcdf.
            scale = np.ravel(made[name].attrs.get("scale", "none"))
            if scale.dtype.kind != "f" or len(scale) != 1 or not 0 < scale[0] < np.inf:
                raise GradlabError(f"{where}:{name}", "has no scale by which its values are read")
            made[name].attrs["scale"] = float(scale[0])
    return made


def _is_weight(name: str, array: Any, about: Mapping[str, Any]) -> bool:
    """Whether this is one of the cell's own parameters, whose form its class alone knows."""
    cell, _, leaf = name.partition("_weight_")
    own = [f"{cell}_{leaf}_{axis}" for axis in range(len(array.shape))]
    numbers = [f"cell{k}" for k in range(len(about["cells"]))]
    return bool(leaf) and cell in numbers and array.dtype == "float32" and list(array.axes) == own


def wanted(about: Mapping[str, Any]) -> dict[str, tuple[tuple[str, ...], str, tuple[int, ...]]]:
    """Axes, type and shape of each array, by what `run.json` says; the cells' own parameters left out."""
    shown, symbols = about["shown"]["characters"], len(about["vocabulary"])
    few = min(5, symbols)
    found: dict[str, tuple[tuple[str, ...], str, tuple[int, ...]]] = {
        "codes": (("character",), "int32", (shown,)),
        "labels": (("label", "character"), "float32", (len(about["labels"]), shown)),
    }
    for k, one in enumerate(about["cells"]):
        unit, count = f"unit{k}", one["hidden"]
        names = [*one["leaves"], *(f"gate_{gate}" for gate in one["gates"])]
        found |= {f"cell{k}_{name}": (("character", unit), "int8", (shown, count)) for name in names}
        anchors = -(-shown // about["anchor"])
        found |= {
            f"cell{k}_start_{name}": (("anchor", unit), "float32", (anchors, count)) for name in one["leaves"]
        }
        found |= {
            f"cell{k}_top": (("character", "rank"), "int32", (shown, few)),
            f"cell{k}_probability": (("character", "rank"), "float32", (shown, few)),
            f"cell{k}_place": (("character",), "int32", (shown,)),
            f"cell{k}_bits": (("character",), "float32", (shown,)),
            f"cell{k}_weight_out": (("symbol", unit), "float32", (symbols, count)),
            f"cell{k}_bias_out": (("symbol",), "float32", (symbols,)),
            f"cell{k}_influence": (("lag",), "float64", (one["lags"] + 1,)),
        }
    return found
