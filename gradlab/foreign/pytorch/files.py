"""Weights from a file, by name: `.safetensors`, `.npz` or `.pt`. A file may come from anybody."""

import io
import re
import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError, shown, size
from gradlab.foreign.pytorch.known import array, needed
from gradlab.runs import files

MOST = 2**32
"""Bytes that a file may have, and that what it holds may unpack to."""
NESTED = ("state_dict", "model_state_dict", "model")
"""Where a checkpoint of a training keeps the weights, beside its optimiser."""
ALPHABETS = ("alphabet", "vocabulary", "chars")
"""What a file may call the symbols that a character model reads and predicts."""

Weights = dict[str, NDArray[Any]]


def read(path: Path) -> Weights:
    """The arrays that a file holds, by name; nothing in it is ever run.

    Raises:
      GradlabError: for a file that is missing, too large, holds pickled objects or is no such file; for a
        number that is not finite; and where reading it needs the extra `torch`.
    """
    kinds = {".safetensors": _safetensors, ".npz": _npz, ".pt": _pt, ".pth": _pt}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise GradlabError(str(path), f"is no file of weights; {', '.join(kinds)} are read")
    try:
        files.regular(path, MOST)
        found = kind(path)
    except OSError as error:
        raise files.unreadable(path, error) from error
    return checked(str(path), found)


def alphabet(path: Path) -> str | None:
    """The symbols that a file of weights, which `read` has read, says it is for; None if it says nothing.

    Of a safetensors file an entry of its metadata, of an .npz an array, of torch.save one beside the weights:
    a text, or a list of symbols.
    """
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        with needed("safetensors", str(path)).safe_open(path, "numpy") as file:
            held: Mapping[str, Any] = file.metadata() or {}
    elif suffix == ".npz":
        with np.load(path, allow_pickle=False) as folder:
            held = {name: folder[name].tolist() for name in ALPHABETS if name in folder.files}
    else:
        held = _pt(path)
    for name in ALPHABETS:
        found = held.get(name)
        if isinstance(found, list | tuple) and all(isinstance(one, str) and len(one) == 1 for one in found):
            found = "".join(found)
        if isinstance(found, str):
            return found
    return None


def checked(where: str, given: Mapping[Any, Any]) -> Weights:
    """Weights by name as arrays of float32 or float64; what is not floating-point is left out."""
    nested = next((given[key] for key in NESTED if isinstance(given.get(key), Mapping)), given)
    found: Weights = {}
    for name, value in nested.items():
        if not isinstance(name, str):
            raise GradlabError(
                where, f"has a weight called {shown(name)}; names are text, as in a state_dict"
            )
        # Counters, such as those of batch norm, are no weights.
        if hasattr(value, "dtype") and re.search("float|complex", str(value.dtype)):
            found[name] = array(f"{where}: {shown(name)}", value)
    if not found:
        raise GradlabError(where, "holds no array of floating-point numbers; save module.state_dict()")
    return found


def _safetensors(path: Path) -> dict[str, Any]:
    numpy = needed("safetensors.numpy", str(path))
    try:
        found: dict[str, Any] = numpy.load_file(path)
    except OSError:
        raise
    except Exception as error:
        raise _broken(path, "a safetensors file", error) from error
    return found


def _npz(path: Path) -> dict[str, Any]:
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(files.named(path, MOST))) as folder:
            _require_room(path, folder)
            for member in folder.infolist():
                if member.filename.endswith(".npy"):
                    name = member.filename.removesuffix(".npy")
                    found[name] = _npy(path, name, folder.read(member))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise _broken(path, "an .npz file", error) from error
    return found


def _npy(path: Path, name: str, content: bytes) -> NDArray[Any]:
    """One array; what its header promises has to be there before room is made for it."""
    where, file = f"{path}: {shown(name)}", io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = header[version](file)
    except (ValueError, KeyError) as error:
        raise GradlabError(where, "is no array; write the file with numpy.savez") from error
    if dtype.hasobject:
        raise GradlabError(where, "holds pickled objects, which are never read; save plain arrays")
    if prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise GradlabError(where, f"promises an array of shape {shape} and holds another; save it again")
    return np.load(io.BytesIO(content), allow_pickle=False)  # type: ignore[no-any-return]


def _pt(path: Path) -> dict[str, Any]:
    torch = needed("torch", str(path))
    version = tuple(map(int, re.findall(r"\d+", torch.__version__)[:2]))
    if version < (2, 6):
        # Before that the reader of weights alone could be made to run code.
        raise GradlabError(str(path), f"is read with torch 2.6 or newer; this is {torch.__version__}")
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as folder:
                _require_room(path, folder)
        except zipfile.BadZipFile as error:
            raise _broken(path, "a file of torch.save", error) from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:
        what = "is not weights alone, and nothing else is unpickled; torch.save(module.state_dict(), path)"
        raise GradlabError(str(path), what) from error
    if not isinstance(found, Mapping):
        raise GradlabError(str(path), f"holds a {type(found).__name__}; save module.state_dict()")
    return dict(found)


def _require_room(path: Path, folder: zipfile.ZipFile) -> None:
    unpacked = sum(member.file_size for member in folder.infolist())
    if unpacked > MOST:
        raise GradlabError(str(path), f"unpacks to {size(unpacked)}; at most {size(MOST)} are read")


def _broken(path: Path, what: str, error: Exception) -> GradlabError:
    first = (str(error).splitlines() or [""])[0]
    return GradlabError(str(path), f"is not {what}: {shown(first, 80)}; save it again")
