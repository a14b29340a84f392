"""Arrays as text in a page: differences, zlib, base64; `unpack.js` is the way back."""

import base64
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Packed(NamedTuple):
    """An array as a page holds it."""

    dtype: str
    shape: tuple[int, ...]
    delta: bool
    """Each value is kept as its difference to the one before it on the last axis, wrapping around."""
    text: str

    @property
    def about(self) -> dict[str, Any]:
        """What a script has to know to read the text."""
        return {"dtype": self.dtype, "shape": list(self.shape), "delta": self.delta}


class Box:
    """The arrays of one page, by number."""

    def __init__(self) -> None:
        self.arrays: list[Packed] = []

    def put(self, values: NDArray[Any], *, delta: bool = False) -> int:
        """Keep an array, with `delta` as differences if that is shorter; its number."""
        self.arrays.append(pack(values, delta=delta))
        return len(self.arrays) - 1

    @property
    def size(self) -> int:
        """Bytes of the texts."""
        return sum(len(packed.text) for packed in self.arrays)


def pack(values: NDArray[Any], *, delta: bool = False) -> Packed:
    """An array of integers or float16 as text, little-endian; with `delta` as differences if that is shorter.

    >>> pack(np.arange(100, dtype=np.int8), delta=True).about
    {'dtype': 'int8', 'shape': [100], 'delta': True}
    """
    plain = _zipped(values)
    if delta and values.size:
        steps = _zipped(np.concatenate([values[..., :1], values[..., 1:] - values[..., :-1]], axis=-1))
        if len(steps) < len(plain):
            return Packed(values.dtype.name, values.shape, True, steps)
    return Packed(values.dtype.name, values.shape, False, plain)


def _zipped(values: NDArray[Any]) -> str:
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(zlib.compress(raw, 9)).decode()


def whole(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers from 0 in the smallest type that holds them."""
    largest = int(values.max(initial=0))
    kind = np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32
    return values.astype(kind)


def fixed(values: NDArray[Any], scale: float, dtype: Any) -> NDArray[Any]:
    """Multiples of `scale`, rounded; what is beyond the type is its end, and NaN the lowest signed number.

    >>> fixed(np.array([0.5, np.nan, 9.0]), 1e-4, np.int16)
    array([  5000, -32768,  32767], dtype=int16)
    """
    ends, values = np.iinfo(dtype), values.astype(np.float64)
    low = ends.min + 1 if ends.min < 0 else 0
    # Before it is divided, which infinity could not be.
    within = np.clip(np.nan_to_num(values, nan=0.0), low * scale, ends.max * scale)
    rounded = np.clip(np.round(within / scale), low, ends.max)
    return np.where(np.isnan(values), ends.min if ends.min < 0 else ends.max, rounded).astype(dtype)


def half(values: NDArray[Any]) -> NDArray[np.float16] | None:
    """The values in float16; None if one of them is beyond it."""
    with np.errstate(over="ignore"):
        made = values.astype(np.float16)
    return made if np.isfinite(made).all() else None
