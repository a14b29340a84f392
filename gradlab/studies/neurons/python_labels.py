"""Labels of Python's own tokens and syntax tree."""

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Span = tuple[int, int]

MEANINGS: dict[str, tuple[Literal["binary", "number"], str]] = {
    "inside quotes": ("binary", "inside a string, from its opening quote on"),
    "comment": ("binary", "inside a comment"),
    "bracket depth": ("number", "brackets that are open"),
    "nesting": ("number", "blocks that the line stands in"),
    "if condition": ("binary", "inside the condition of if, elif or while"),
}


def values(text: str) -> dict[str, Values]:
    r"""The labels of a source file; all 0 from where on it is no Python.

    >>> found = values('if a(b): # c\n    d = "e"\n')
    >>> "".join("01"[int(one)] for one in found["if condition"])
    '0001111000000000000000000'
    >>> "".join("01"[int(one)] for one in found["inside quotes"])
    '0000000000000000000001100'
    """
    found = {name: np.zeros(len(text), np.float32) for name in MEANINGS}
    lines = _Lines(text)
    depth = nesting = 0
    opened: list[int] = []
    marks: dict[str, list[tuple[int, int]]] = {"bracket depth": [], "nesting": []}
    for token in _tokens(text):
        start, end = lines.at(*token.start), lines.at(*token.end)
        name = tokenize.tok_name[token.type]
        if token.type == tokenize.STRING:
            # The closing quote itself is read outside again.
            found["inside quotes"][start : end - 1] = 1
        elif name.endswith("STRING_START"):
            opened.append(start)
        elif name.endswith("STRING_END") and opened:
            found["inside quotes"][opened.pop() : end - 1] = 1
        elif token.type == tokenize.COMMENT:
            found["comment"][start:end] = 1
        elif token.type == tokenize.OP and token.string in "([{":
            depth += 1
            marks["bracket depth"].append((start, depth))
        elif token.type == tokenize.OP and token.string in ")]}":
            depth = max(0, depth - 1)
            marks["bracket depth"].append((start, depth))
        elif token.type in (tokenize.INDENT, tokenize.DEDENT):
            nesting += 1 if token.type == tokenize.INDENT else -1
            marks["nesting"].append((lines.at(token.start[0], 0), max(0, nesting)))
    for name, some in marks.items():
        _steps(found[name], some)
    for start, end in _conditions(text, lines):
        found["if condition"][start:end] = 1
    return found


def _steps(row: Values, marks: list[tuple[int, int]]) -> None:
    """A count that changes at marks and is kept between them."""
    ends = [*(place for place, _ in marks[1:]), len(row)]
    for (place, value), end in zip(marks, ends, strict=False):
        row[place:end] = value


class _Lines:
    """Where lines begin, as Python counts them: by line feeds alone."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.starts = np.concatenate([[0], np.cumsum([len(line) + 1 for line in self.lines])])
        self.end = len(text)

    def at(self, row: int, column: int) -> int:
        """The place of a line, from 1, and a character of it."""
        return min(int(self.starts[min(row - 1, len(self.starts) - 1)]) + column, self.end)

    def of_bytes(self, row: int, column: int) -> int:
        """The same, the column counted in bytes of UTF-8."""
        line = self.lines[row - 1]
        return self.at(row, column if line.isascii() else len(line.encode()[:column].decode(errors="ignore")))


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    """The tokens up to the first place that is none."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(text, newline="\n").readline)
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return


def _conditions(text: str, lines: _Lines) -> Iterator[Span]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        nodes = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in nodes:
        if isinstance(node, ast.If | ast.While):
            test = node.test
            if test.end_lineno is not None and test.end_col_offset is not None:
                yield (
                    lines.of_bytes(test.lineno, test.col_offset),
                    lines.of_bytes(test.end_lineno, test.end_col_offset),
                )
