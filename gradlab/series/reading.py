"""A series from a file: one row per step, one column per input. A file may come from anybody."""

import hashlib
import io
import math
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import Exit, GradlabError, shown
from gradlab.runs import files
from gradlab.spelled import unknown

MOST = 10**9
"""Bytes of a file, and of what it unpacks to."""
TEXT = ".txt"
"""What is read as text, by `gradlab.series.text`."""
LONGEST = 200
"""Letters of a column's name."""
INPUTS, TARGETS = "x", "y"
"""The arrays of an .npz with several: inputs (steps, columns) and targets (steps,) or (steps, columns)."""


class Series(NamedTuple):
    """Columns over time, all finite numbers."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    """(steps, columns)"""
    aims: tuple[str, ...] = ()
    """The columns that the file itself calls targets."""

    def picked(self, where: str, wanted: str) -> "Series":
        """Some columns, by name or number, in the order in which they are named.

        Raises:
          GradlabError: for one that there is not, or that is named twice.
        """
        names = [name.strip() for name in wanted.split(",") if name.strip()]
        for name in names:
            if name not in self.names:
                raise unknown(where, "column", name, self.names)
            if names.count(name) > 1:
                raise GradlabError(where, f"{shown(name)} is given twice; name each column once")
        at = [self.names.index(name) for name in names]
        return Series(tuple(names), self.values[:, at])


def digest(*paths: Path) -> str:
    """Of the content of files."""
    found = hashlib.sha256()
    for path in paths:
        try:
            found.update(files.named(path, MOST))
        except OSError as error:
            raise files.unreadable(path, error) from error
    return found.hexdigest()[:32]


def read(path: Path) -> Series:
    """The columns that a file holds.

    Raises:
      GradlabError: for a file that is missing, too large or of another kind; for a value that is no number,
        is missing or not finite, with its row and column; for pickled objects, which are never read.
    """
    kinds: dict[str, Callable[[Path], Series]] = {
        ".csv": _csv,
        ".npy": _npy,
        ".npz": _npz,
        ".parquet": _parquet,
    }
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise GradlabError(str(path), f"is no series; {', '.join([*kinds, TEXT])} are read")
    try:
        found = kind(path)
    except OSError as error:
        raise files.unreadable(path, error) from error
    if found.values.size == 0:
        raise GradlabError(str(path), "holds no row; one row is one step")
    _require_finite(path, found)
    return found


def _csv(path: Path) -> Series:
    import pandas as pd

    try:
        text = files.named(path, MOST).decode("utf-8-sig")
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except UnicodeDecodeError as error:
        raise GradlabError(f"{path}:byte {error.start}", "is not UTF-8; save the file as UTF-8") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        said = (str(error).splitlines() or [""])[0]
        raise GradlabError(
            str(path), f"is no table: {shown(said, 100)}; a header and a row per step"
        ) from error
    names = [str(name) for name in table.columns]
    columns = []
    for name in names:
        # Line 1 is the header.
        columns.append([_number(path, i, name, text) for i, text in enumerate(table[name].tolist(), start=2)])
    values = np.array(columns, np.float64).reshape(len(names), -1).T
    return Series(_unlike(path, names), values)


def _number(path: Path, line: int, name: str, text: Any) -> float:
    where, advice = f"{path}:line {line}.{name}", "fill it, or leave such rows out"
    if not str(text).strip():
        raise GradlabError(where, f"is missing; {advice}")
    try:
        found = float(text)
    except ValueError as error:
        raise GradlabError(where, f"is {shown(text)}, which is no number") from error
    if not math.isfinite(found):
        raise GradlabError(where, f"is {found}; {advice}")
    return found


def _parquet(path: Path) -> Series:
    import pandas as pd

    files.regular(path, MOST)
    try:
        table = pd.read_parquet(path)
    except ImportError as error:
        what = "needs pyarrow, which is not here; install it with the extra: pip install 'gradlab[parquet]'"
        raise GradlabError(str(path), what, Exit.ENVIRONMENT) from error
    except OSError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        raise GradlabError(str(path), f"is no Parquet file: {shown(said, 100)}") from error
    names = [str(name) for name in table.columns]
    for name, kind in zip(names, table.dtypes, strict=True):
        if kind.kind not in "fiub":
            raise GradlabError(f"{path}:{name}", f"is a column of {kind}; a series is of numbers")
    return Series(_unlike(path, names), table.to_numpy(np.float64).reshape(len(table), len(names)))


def _npy(path: Path) -> Series:
    return _columns(str(path), _array(str(path), files.named(path, MOST)), "")


def _npz(path: Path) -> Series:
    """The only array of a file, or `x` and beside it `y`, or columns by their names."""
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(files.named(path, MOST))) as folder:
            unpacked = sum(member.file_size for member in folder.infolist())
            if unpacked > MOST:
                raise GradlabError(str(path), f"unpacks to {unpacked} bytes; at most {MOST} are read")
            for member in folder.infolist():
                name = member.filename.removesuffix(".npy")
                found[name] = _array(f"{path}:{shown(name)}", folder.read(member))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise GradlabError(str(path), "is no .npz file; write it with numpy.savez") from error
    if len(found) > 1 and INPUTS not in found:
        return _by_name(path, found)
    if len(found) <= 1:
        return _columns(str(path), next(iter(found.values()), np.zeros((0, 1))), "")
    series = _columns(f"{path}:{INPUTS}", found[INPUTS], "")
    if TARGETS not in found:
        return series
    more = _columns(f"{path}:{TARGETS}", found[TARGETS], TARGETS)
    if len(more.values) != len(series.values):
        what = f"has {len(more.values)} rows, and {INPUTS} {len(series.values)}; one for each step"
        raise GradlabError(f"{path}:{TARGETS}", what)
    values = np.concatenate([series.values, more.values], axis=1)
    return Series((*series.names, *more.names), values, more.names)


def _by_name(path: Path, found: dict[str, NDArray[Any]]) -> Series:
    """An array (steps,) for each column."""
    if len({values.shape for values in found.values()}) > 1 or next(iter(found.values())).ndim != 1:
        told = ", ".join(f"{shown(name)} {list(values.shape)}" for name, values in list(found.items())[:6])
        what = (
            f"holds {told}; call the inputs {INPUTS} and the targets {TARGETS}, or give columns of one length"
        )
        raise GradlabError(str(path), what)
    columns = [_columns(f"{path}:{shown(name)}", values, "").values for name, values in found.items()]
    return Series(_unlike(path, list(found)), np.concatenate(columns, axis=1))


def _array(where: str, content: bytes) -> NDArray[Any]:
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise GradlabError(where, "is no array of numbers; write it with numpy.save") from error
    return np.asarray(found)


def _columns(where: str, found: NDArray[Any], begin: str) -> Series:
    """An array (steps,) or (steps, columns) with its columns counted from 0, or called `y`, `y1`, ..."""
    if found.dtype.kind not in "fiub" or found.ndim not in (1, 2):
        came = f"{found.dtype}{list(found.shape)}"
        raise GradlabError(where, f"is {came}; a series is an array (steps, columns) of numbers")
    values = found.reshape(len(found), -1).astype(np.float64)
    count = values.shape[1]
    names = [f"{begin}{i}" if not (begin and i == 0) else begin for i in range(count)]
    return Series(tuple(names), values)


def _unlike(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise GradlabError(str(path), f"has two columns called {shown(name)}")
        if not name.isprintable() or not 0 < len(name) <= LONGEST:
            raise GradlabError(str(path), f"has a column called {shown(name, 60)}; names are one plain line")
    return tuple(names)


def _require_finite(path: Path, found: Series) -> None:
    bad = np.argwhere(~np.isfinite(found.values))
    if len(bad):
        row, column = map(int, bad[0])
        what = f"is {found.values[row, column]}; fill it, or leave such rows out"
        raise GradlabError(f"{path}:row {row + 1}.{found.names[column]}", what)
