"""CSV tables that others may have written: exact columns, and every cell what its column may hold."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.errors import GradlabError, shown
from gradlab.runs.readers import Reader

if TYPE_CHECKING:
    import pandas

LARGEST = 2 * 10**9
"""Bytes of a table."""
MIXED = "mixed"
"""The last column of a run that machines have computed which differ; `run.json` says the same."""


def read(content: bytes, where: str, columns: Mapping[str, Reader], key: list[str]) -> "pandas.DataFrame":
    """The table, its columns read by `columns`; `key` names those that no two rows share.

    A last column `mixed` is for those who read the file alone, and left out here.

    Raises `GradlabError` that names the line and the column of what is wrong.
    """
    import pandas as pd

    try:
        head, _, _ = content.partition(b"\n")
        names = head.decode().rstrip("\r").split(",")
        if names != [*columns] and names != [*columns, MIXED]:
            raise ValueError(f"has the columns {shown(head.decode(), 80)}; not {','.join(columns)}")
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except (ValueError, OverflowError) as error:
        raise GradlabError(where, f"cannot be read as CSV: {shown(str(error), 200)}") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise GradlabError(f"{where}:line 2", f"has not {len(names)} cells")
    short = table.isna().any(axis=1)
    if short.any():
        line = int(np.argmax(short.to_numpy())) + 2
        raise GradlabError(f"{where}:line {line}", f"has not {len(names)} cells")
    found = {name: _column(table[name], where, name, reader) for name, reader in columns.items()}
    made = pd.DataFrame(found)
    twice = made.duplicated(key)
    if twice.any():
        line = int(np.argmax(twice.to_numpy())) + 2
        raise GradlabError(f"{where}:line {line}", f"has the {', '.join(key)} of an earlier line; keep one")
    return made


def _column(texts: "pandas.Series[str]", where: str, name: str, reader: Reader) -> Any:
    values = {}
    for text in texts.unique().tolist():
        try:
            values[text] = reader(text)
        except ValueError as error:
            line = int(np.argmax((texts == text).to_numpy())) + 2
            raise GradlabError(f"{where}:line {line}.{name}", f"{shown(text)} {error}") from error
    column = [values[text] for text in texts.tolist()]
    kinds = {type(value) for value in values.values()}
    return np.array(column, object if kinds <= {str} else np.float64 if float in kinds else np.int64)
