"""A measured window as a shard: its arrays by name, and what else its dataset says as a line of JSON."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab import digests
from gradlab.runs import documents
from gradlab.runs.shards import TYPES, Arrays

if TYPE_CHECKING:
    import xarray

HEAD, OF = "dataset", "of "
"""The array that holds the JSON, and what the names of all others begin with."""


def packed(norms: "xarray.Dataset", code: digests.Code) -> Arrays:
    """A dataset whose arrays are numbers or texts, and by what code it was measured."""
    arrays: Arrays = {}
    variables: dict[str, Any] = {}
    for name, variable in norms.variables.items():
        said = {"dims": list(variable.dims), "attrs": _written(variable.attrs), "axis": name in norms.coords}
        if variable.dtype.kind == "O":
            said["texts"] = [str(text) for text in variable.values]
        else:
            arrays[f"{OF}{name}"] = variable.values
        variables[str(name)] = said
    head = json.dumps({"attrs": _written(norms.attrs), "variables": variables})
    return arrays | {HEAD: np.frombuffer(head.encode(), np.int8)} | digests.packed(code)


def unpacked(arrays: Arrays) -> "xarray.Dataset":
    """The dataset that was packed; ValueError for what is none."""
    import xarray

    if HEAD not in arrays:
        raise ValueError("there is no dataset")
    found = documents.record(arrays[HEAD].tobytes(), attrs=dict, variables=dict)
    data: dict[str, Any] = {}
    axes: dict[str, Any] = {}
    try:
        for name, said in found["variables"].items():
            texts = said.get("texts")
            values = arrays[f"{OF}{name}"] if texts is None else np.array(texts, object)
            (axes if said["axis"] else data)[name] = (said["dims"], values, _read(said["attrs"]))
        return xarray.Dataset(data, axes, _read(found["attrs"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"it is no dataset: {error}") from error


def fits(arrays: Arrays, T: int) -> bool:
    """Whether these are the arrays of one window of T steps."""
    try:
        norms = unpacked(arrays)
        once = all(norms.sizes[axis] == 1 for axis in ("init", "w_rec", "T", "seed"))
        return once and norms["T"].values.tolist() == [T] and "transport" in norms
    except (KeyError, ValueError):
        return False


def _written(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as JSON; numbers of numpy with their type."""
    return {str(name): _plain(value) for name, value in attrs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return {"type": value.dtype.str, "values": value.tolist()}
    return value


def _read(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _numbers(value) if isinstance(value, dict) else value for name, value in attrs.items()}


def _numbers(value: dict[str, Any]) -> NDArray[Any]:
    if value["type"] not in TYPES:
        raise ValueError(f"numbers of {value['type']} are not stored")
    # Without an axis it is the scalar that it was.
    made: NDArray[Any] = np.array(value["values"], value["type"])[()]
    return made
