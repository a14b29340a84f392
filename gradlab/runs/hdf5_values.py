"""The values of an array of a netCDF-4 file, taken from the bytes at hand: never more than were declared."""

import contextlib
import math
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError, shown

TEXT = 10_000
"""Characters of a text in a file."""


class Array(NamedTuple):
    """One array of a file, looked at and not yet read."""

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    """Of `hdf5.NUMBERS`, or `text`."""
    attrs: dict[str, Any]
    id: Any


def values(array: Array, content: bytes) -> NDArray[Any]:
    """The values of an array that has been found to be what it should; `content` is the whole file's."""
    if array.dtype == "text":
        return _texts(array, content)
    made = np.empty(array.shape, np.dtype(array.dtype))
    if not made.size:
        return made
    for at, piece in _pieces(array, made.dtype, content):
        made[at] = piece
    return made


def _texts(array: Array, content: bytes) -> NDArray[Any]:
    import h5py

    if math.prod(array.shape) * 16 > len(content):
        raise Fault("has more texts than the file has room for")
    raw = np.empty(array.shape, object)
    kind = h5py.h5t.py_create(h5py.string_dtype())
    array.id.read(h5py.h5s.ALL, h5py.h5s.ALL, raw, kind)
    return np.array([text(one, "a label") for one in raw.tolist()], object)


def _pieces(array: Array, dtype: Any, content: bytes) -> Iterator[tuple[Any, NDArray[Any]]]:
    """The places and values of an array's chunks, each there once; of an unchunked one, all of it."""
    import h5py

    plan = array.id.get_create_plist()
    if plan.get_layout() == h5py.h5d.CONTIGUOUS:
        start = array.id.get_offset()
        if start is None:
            raise Fault("has no values in the file")
        raw = _slice(content, start, math.prod(array.shape) * dtype.itemsize)
        yield ..., np.frombuffer(raw, dtype).reshape(array.shape)
        return
    width = plan.get_chunk()
    if any(not 0 < one <= most for one, most in zip(width, array.shape, strict=True)):
        raise Fault("has chunks larger than itself")
    filters = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
    deflated, shuffled = h5py.h5z.FILTER_DEFLATE in filters, h5py.h5z.FILTER_SHUFFLE in filters
    seen: dict[tuple[int, ...], Any] = {}
    array.id.chunk_iter(lambda chunk: seen.setdefault(tuple(chunk.chunk_offset), chunk) and None)
    if len(seen) != math.prod(-(-n // w) for n, w in zip(array.shape, width, strict=True)):
        raise Fault("has values that are not in the file")
    for offset, chunk in seen.items():
        places = zip(offset, width, array.shape, strict=True)
        if chunk.filter_mask or any(o % w or o >= n for o, w, n in places):
            raise Fault("has a chunk that is not in its place")
        raw = _slice(content, chunk.byte_offset, chunk.size)
        length = math.prod(width) * dtype.itemsize
        raw = _inflated(raw, length) if deflated else raw
        if len(raw) != length:
            raise Fault("has a chunk of another length")
        if shuffled and dtype.itemsize > 1:
            raw = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1).T.tobytes()
        whole = np.frombuffer(raw, dtype).reshape(width)
        here = tuple(slice(o, min(o + w, n)) for o, w, n in zip(offset, width, array.shape, strict=True))
        yield here, whole[tuple(slice(s.stop - s.start) for s in here)]


def _slice(content: bytes, start: int, length: int) -> bytes:
    if not 0 <= start <= start + length <= len(content):
        raise Fault("has values beyond the end of the file")
    return content[start : start + length]


def _inflated(raw: bytes, length: int) -> bytes:
    """What deflate packed, and never more than it should be."""
    packed = zlib.decompressobj()
    found = packed.decompress(raw, length)
    if not packed.eof or len(found) != length:
        raise Fault("has a chunk that does not unpack to its length")
    return found


def text(value: Any, what: str) -> str:
    """A text of the file, if it is a plain one of one line."""
    found = value.decode() if isinstance(value, bytes) else value
    if not isinstance(found, str) or len(found) > TEXT or not found.isprintable():
        raise Fault(f"holds {what} that is no plain text: {shown(found)}")
    return found


class Fault(Exception):
    """What a file is, in words."""


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """Whatever the library cannot make of a file is the file's fault, and named so."""
    try:
        yield
    except (GradlabError, MemoryError):
        raise
    except Fault as error:
        raise GradlabError(where, str(error)) from error
    except Exception as error:
        raise GradlabError(where, f"cannot be read: {shown(str(error), 160)}") from error
