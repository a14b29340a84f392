"""`norms.nc`, as it must be before a value of it is read: plain arrays of known names, types and sizes.

HDF5 files can point into other files, compute their values from other data sets, or unpack to any size. Here
the library only says what the file declares; what is not an array that gradlab writes is refused by name.
The numbers are then taken from the bytes at hand, never more of them than were declared.
"""

import contextlib
import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import Exit, GradlabError, shown, size
from gradlab.runs.hdf5_values import Array, Fault, text, told, values

if TYPE_CHECKING:
    import xarray

LARGEST = 2**36
"""Bytes of a file."""
MOST = 1000
"""Arrays in a file."""
DEEPEST = 16
"""Axes of an array."""
UNPACKED = 1032
"""Times as long as packed data can become by deflate."""

NUMBERS = {"<f8": "float64", "<f4": "float32", "|i1": "int8", "<i4": "int32", "<i8": "int64"}
_WITHOUT = b"This is a netCDF dimension but not a netCDF variable"
_OWN = {
    *("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Coordinates", "_Netcdf4Dimid"),
    *("_FillValue", "coordinates", "dtype", "_NCProperties"),
}
"""Attributes by which netCDF keeps its own books; of these only two are read."""


class File:
    """The arrays of a netCDF-4 file at hand; `where` names it in errors."""

    def __init__(self, content: bytes, where: str) -> None:
        import h5py

        self.content, self.where = content, where
        with self._told(""):
            self._file = h5py.File(io.BytesIO(content), "r")
            names = self._names()
            found = {name: self._opened(name) for name in names}
            self.attrs = self._attributes(self._file.id, "")
            dimensions = self._dimensions(found)
        self.arrays: dict[str, Array] = {}
        for name, data in found.items():
            with self._told(name):
                made = self._array(name, data, dimensions)
            if made is not None:
                self.arrays[name] = made

    def _told(self, name: str) -> contextlib.AbstractContextManager[None]:
        return told(f"{self.where}:{name}" if name else self.where)

    def _names(self) -> list[str]:
        import h5py

        links = self._file.id.links
        if len(self._file) > MOST:
            raise Fault(f"holds more than {MOST} arrays")
        names = []
        for raw in self._file.id:
            name = raw.decode()
            if not name.isprintable() or len(name) > 100:
                raise Fault(f"{shown(name)} is no name of an array")
            if links.get_info(raw).type != h5py.h5l.TYPE_HARD:
                raise Fault(f"{shown(name)} is a link; only arrays may be in it")
            names.append(name)
        return names

    def _opened(self, name: str) -> Any:
        import h5py

        with self._told(shown(name)[1:-1]):
            found = h5py.h5o.open(self._file.id, name.encode())
            if not isinstance(found, h5py.h5d.DatasetID):
                raise Fault("is no array; only arrays may be in it")
            if found.get_space().get_simple_extent_type() != h5py.h5s.SIMPLE or found.rank > DEEPEST:
                raise Fault(f"is no array of 1 to {DEEPEST} axes")
            plan = found.get_create_plist()
            layouts = (h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED)
            if plan.get_external_count() or plan.get_layout() not in layouts:
                raise Fault("lies outside of the file, or is made of other arrays; refused")
            known = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE)
            filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
            if filters not in ([], [known[1]], list(known)):
                raise Fault("is packed otherwise than by shuffle and deflate; refused")
            return found

    def _dimensions(self, found: Mapping[str, Any]) -> dict[int, tuple[str, int]]:
        """Names and sizes of the axes, by the number that netCDF gave them."""
        import h5py

        made: dict[int, tuple[str, int]] = {}
        for name, data in found.items():
            with self._told(name):
                if not h5py.h5a.exists(data, b"CLASS"):
                    continue
                if data.rank != 1:
                    raise Fault("is no axis of one dimension")
                number = int(self._integers(data, "_Netcdf4Dimid", 1)[0])
                if number in made:
                    raise Fault(f"has the number of the axis {made[number][0]}")
                made[number] = (name, int(data.shape[0]))
        return made

    def _array(self, name: str, data: Any, dimensions: Mapping[int, tuple[str, int]]) -> Array | None:
        import h5py

        kind = data.get_type()
        if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str():
            dtype = "text"
        elif kind.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT) and kind.dtype.str in NUMBERS:
            dtype = NUMBERS[kind.dtype.str]
        elif h5py.h5a.exists(data, b"NAME") and _is_bare(data):
            return None  # its values are never read
        else:
            raise Fault("is of a type that no run holds; numbers and text may be in it")
        # h5netcdf before 1.6 gives an array of one axis the axis's own number alone.
        alone = data.rank == 1 and not h5py.h5a.exists(data, b"_Netcdf4Coordinates")
        numbers = self._integers(data, "_Netcdf4Dimid" if alone else "_Netcdf4Coordinates", data.rank)
        axes = [dimensions.get(int(i)) for i in numbers]
        if None in axes or tuple(axis[1] for axis in axes if axis) != data.shape:
            raise Fault(f"has the shape {data.shape}, and not that of its axes")
        names = tuple(axis[0] for axis in axes if axis)
        return Array(name, names, tuple(map(int, data.shape)), dtype, self._attributes(data, name), data)

    def _integers(self, data: Any, name: str, count: int) -> NDArray[Any]:
        import h5py

        if not h5py.h5a.exists(data, name.encode()):
            raise Fault(f"has no {name}")
        attribute = h5py.h5a.open(data, name.encode())
        kind = attribute.get_type()
        if (
            kind.get_class() != h5py.h5t.INTEGER
            or kind.get_size() != 4
            or math.prod(attribute.shape) != count
        ):
            raise Fault(f"has a {name} that is not {count} whole numbers")
        values: NDArray[Any] = np.zeros(attribute.shape, np.int32)
        attribute.read(values)
        return values.reshape(-1)

    def _attributes(self, owner: Any, name: str) -> dict[str, Any]:
        """The attributes of an array or of the file that are not netCDF's own books."""
        import h5py

        if h5py.h5a.get_num_attrs(owner) > 64:
            raise Fault("has more than 64 attributes")
        found: dict[str, Any] = {}
        for i in range(h5py.h5a.get_num_attrs(owner)):
            attribute = h5py.h5a.open(owner, index=i)
            key = attribute.name.decode()
            if key in _OWN:
                continue
            kind, shape = attribute.get_type(), attribute.shape
            if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str() and shape == ():
                value = np.empty((), object)
                attribute.read(value)
                found[key] = text(value.item(), f"the attribute {shown(key)}")
            elif kind.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT) and len(shape) < 2:
                if kind.dtype.str not in NUMBERS or math.prod(shape) > 64:
                    raise Fault(f"has an attribute {shown(key)} that no run has")
                number = np.zeros(shape, kind.dtype)
                attribute.read(number)
                # One number is stored as such or in a list, by the version of the libraries.
                found[key] = number.reshape(-1)[0] if number.size == 1 else number
            else:
                raise Fault(f"has an attribute {shown(key)} of a type that no run has")
        return found

    def read(self, array: Array) -> NDArray[Any]:
        """The values of an array that has been found to be what it should."""
        with self._told(array.name):
            return values(array, self.content)

    def require_room(self, free: int) -> None:
        """Refuse arrays that are larger than the file can hold, or than there is memory for (exit 7)."""
        total = 0
        for array in self.arrays.values():
            each = 16 if array.dtype == "text" else np.dtype(array.dtype).itemsize
            count = math.prod(array.shape) * each
            if count > UNPACKED * len(self.content):
                what = f"has the shape {array.shape}, which {size(len(self.content))} of file cannot hold"
                raise GradlabError(f"{self.where}:{array.name}", what)
            total += count
        if total > free:
            what = f"needs {size(total)} of memory, {size(free)} available; read it on a larger machine"
            raise GradlabError(self.where, what, Exit.RESOURCES)


def _is_bare(data: Any) -> bool:
    """Whether this stands for an axis without labels: it has no values."""
    import h5py

    attribute = h5py.h5a.open(data, b"NAME")
    kind = attribute.get_type()
    if kind.get_class() != h5py.h5t.STRING or kind.is_variable_str() or not 1 <= kind.get_size() <= 100:
        return False
    value = np.zeros(attribute.shape, kind.dtype)
    attribute.read(value)
    return bytes(value.reshape(-1)[0]).startswith(_WITHOUT)


def dataset(file: File) -> "xarray.Dataset":
    """The labelled arrays of a file, all of them."""
    import xarray as xr

    read = {name: (array.axes, file.read(array), array.attrs) for name, array in file.arrays.items()}
    labels = {name for name, array in file.arrays.items() if array.axes == (name,)}
    return xr.Dataset(
        {name: one for name, one in read.items() if name not in labels},
        {name: one for name, one in read.items() if name in labels},
        file.attrs,
    )
