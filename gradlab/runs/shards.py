"""Finished pieces of a run that is not finished: a repeated command reads them instead of computing them.

A shard is one file, named by the hash of what it holds: a digest, a line of JSON (names, types and shapes)
and the arrays' bytes. It appears whole or not at all; one that is damaged is noticed, kept aside and said.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlab.runs import documents
from gradlab.runs.files import below, inside, replace, storage

Arrays = dict[str, NDArray[Any]]
FOLDER = "shards"
TYPES = ("<f4", "<f8", "|i1", "<i4", "<i8", "<u4", "|b1")
"""Of arrays that may be stored; nothing that could hold an object."""
LONGEST = 2**40
"""Of an axis."""
LARGEST = 2**34
"""Bytes of a shard."""


class Shards:
    """The shards of one run folder."""

    def __init__(self, folder: Path, *, looking: bool = False) -> None:
        self.folder = below(folder, FOLDER)
        self.looking = looking
        """Nothing is to be changed: what is damaged stays where it is."""
        self.damaged: list[Path] = []
        """Files that were not what had been written, where they are now."""

    def get(self, fits: Callable[[Arrays], bool] = lambda arrays: True, **key: Any) -> Arrays | None:
        """The arrays stored under a key, or None; those that do not fit are damaged.

        Exit 5 if the file system refuses, 2 for what is no regular file.
        """
        place = self._place(key)
        with storage(self.folder, "read"):
            try:
                arrays = unpack(inside(self.folder.parent, f"{FOLDER}/{place.name}", LARGEST))
            except FileNotFoundError:
                return None
            except ValueError:
                arrays = None
            if arrays is not None and fits(arrays):
                return arrays
            if self.looking:
                return None
            aside = place.with_suffix(".damaged")
            place.replace(aside)
            self.damaged.append(aside)
            return None

    def put(self, arrays: Mapping[str, NDArray[Any]], **key: Any) -> None:
        """Store arrays under a key; on the disk before this returns. Exit 5 if the file system refuses."""
        with storage(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            replace(self._place(key), pack(arrays))

    def content(self, key: Mapping[str, Any]) -> bytes | None:
        """The bytes stored under a key, or None; ValueError if they are damaged, other errors as of `get`."""
        with storage(self.folder, "read"):
            try:
                content = inside(self.folder.parent, f"{FOLDER}/{self._place(key).name}", LARGEST)
            except FileNotFoundError:
                return None
        unpack(content)
        return content

    def take(self, key: Mapping[str, Any], content: bytes) -> None:
        """Store what another folder has under a key."""
        with storage(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            replace(self._place(key), content)

    def drop(self) -> None:
        """Remove the shards, which the finished files have made useless; what is damaged stays."""
        if not self.folder.is_dir():
            return
        with storage(self.folder):
            for place in self.folder.glob("*.shard"):
                place.unlink()
            for place in self.folder.glob(".*.tmp"):
                place.unlink()
            if not any(self.folder.iterdir()):
                self.folder.rmdir()

    def _place(self, key: Mapping[str, Any]) -> Path:
        text = json.dumps(key, sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.shard"


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as bytes: equal arrays, equal bytes. TypeError for a type that `unpack` would refuse."""
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in plain.items():
        if array.dtype.str not in TYPES:
            raise TypeError(f"{name}: arrays of {array.dtype.str} are not stored")
    head = [[name, array.dtype.str, list(array.shape)] for name, array in plain.items()]
    body = json.dumps(head).encode() + b"\n" + b"".join(array.tobytes() for array in plain.values())
    return hashlib.sha256(body).digest() + body


def unpack(content: bytes) -> Arrays:
    """What `pack` packed; ValueError for anything else. Nothing is allocated that the bytes do not fill."""
    digest, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("the digest does not fit")
    line, newline, rest = body.partition(b"\n")
    if not newline:
        raise ValueError("there is no head")
    arrays: Arrays = {}
    at = 0
    for name, dtype, shape in _head(line):
        size = np.dtype(dtype).itemsize * math.prod(shape)
        if at + size > len(rest):
            raise ValueError("the arrays are longer than the file")
        arrays[name] = np.frombuffer(rest[at : at + size], dtype).reshape(shape)
        at += size
    if at != len(rest):
        raise ValueError("the file is longer than its arrays")
    return arrays


def _head(line: bytes) -> list[tuple[str, str, tuple[int, ...]]]:
    """The names, types and shapes that a shard begins with; ValueError if these are none."""
    try:
        if not isinstance(found := documents.parsed(line), list):
            raise ValueError("the head is no list")
        head = [(name, dtype, tuple(shape)) for name, dtype, shape in found]
    except TypeError as error:
        raise ValueError("the head is no list of arrays") from error
    if len({str(name) for name, _, _ in head}) < len(head):
        raise ValueError("a name is there twice")
    for name, dtype, shape in head:
        if not isinstance(name, str) or dtype not in TYPES:
            raise ValueError(f"arrays of {dtype} are not stored")
        if any(type(size) is not int or not 0 <= size <= LONGEST for size in shape):
            raise ValueError(f"{shape} is not a shape")
    return head
