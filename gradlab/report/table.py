"""What a table of a report is made of: columns, entries, and its values to take away as CSV."""

import base64
import csv
import io
import math
from typing import Any, NamedTuple

from gradlab.escaping import spreadsheet
from gradlab.report.words import number


class Column(NamedTuple):
    """A column's heading and what it means."""

    name: str
    meaning: str = ""
    numeric: bool = True


class Entry(NamedTuple):
    """One entry: the value as it is, and as it is shown."""

    value: str | float | int | None
    text: str

    @property
    def key(self) -> str:
        """What the entry sorts by, as a script reads numbers; empty sorts last."""
        if self.value == math.inf:
            return "Infinity"
        return "" if self.value is None else str(self.value)


class Table(NamedTuple):
    """One table."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: list[list[Entry]]
    caption: str = ""
    mixed: str = ""
    """Which machines have computed the run, if they were not alike."""

    @property
    def csv(self) -> str:
        """The values as CSV; a text that a spreadsheet takes for a formula gets an apostrophe.

        A page says once which machines have computed a run; a file that is taken from it, in every row.
        """
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        last = [spreadsheet(self.mixed)] if self.mixed else []
        writer.writerow([spreadsheet(column.name) for column in self.columns] + ["mixed"] * len(last))
        for row in self.rows:
            values = ["" if entry.value is None else _plain(entry.value) for entry in row]
            writer.writerow([*values, *last])
        return file.getvalue()

    @property
    def link(self) -> str:
        """The CSV as an address that needs no script and no server."""
        content = self.csv.encode("utf-8", "backslashreplace")
        return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode()}"


def text(value: str) -> Entry:
    """A word, as it is."""
    return Entry(value, value)


def known(value: float) -> float | None:
    """The value of an entry; None for NaN, which sorts last."""
    return None if math.isnan(value) else value


def entry(value: float | int, digits: int = 4, otherwise: str = "–") -> Entry:
    """A number with so many digits; `otherwise` where it is NaN."""
    return Entry(None, otherwise) if math.isnan(value) else Entry(float(value), number(value, digits))


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return spreadsheet(value)
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
