"""What each character of a text is, as far as it could be known on reading it: labels computed from the text.

A label's value at a character is that after it has been read: `inside quotes` is true from the opening quote
on, up to the character before the closing one. Binary labels are 0 or 1, the others count.
"""

import re
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.studies.neurons import own_labels, python_labels
from gradlab.studies.neurons.corpus import Part, Text

Values = NDArray[np.float32]


class Label(NamedTuple):
    """A label, and what it says of each character of a part."""

    name: str
    kind: Literal["binary", "number"]
    meaning: str
    values: Values

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Where a character counts as inside: where it is true, or its count is above the median."""
        found: NDArray[np.bool_] = self.values > (0 if self.kind == "binary" else np.median(self.values))
        return found

    @property
    def inside_means(self) -> str:
        """The same in words."""
        return (
            "where it is true" if self.kind == "binary" else f"where it is above {np.median(self.values):g}"
        )


PLAIN: dict[str, tuple[Literal["binary", "number"], str]] = {
    "position in line": ("number", "characters since the last line end"),
    "indentation": ("number", "blanks at the beginning of the line, as far as it is read"),
    "after newline": ("binary", "a line end"),
    "capital": ("binary", "a capital letter"),
    "digit": ("binary", "a digit"),
    "word start": ("binary", "the first letter of a word"),
    "URL": ("binary", "inside http://... or www..."),
}
"""Of any text."""
PROSE: dict[str, tuple[Literal["binary", "number"], str]] = {
    "inside quotes": ("binary", "between double quotes of one paragraph"),
    "bracket depth": ("number", "brackets that are open in this paragraph"),
}
"""Of text that is no Python."""


def of_part(text: Text, part: Part, own: tuple[str, ...] = (), most: int | None = None) -> list[Label]:
    """The labels of a part's first `most` characters, those of the user's own last.

    Files are labelled whole, and then cut, so that a piece which begins within quotes says so.

    Raises:
      GradlabError: for a pattern that is none, or takes too long.
    """
    kinds = PLAIN | (python_labels.MEANINGS if text.kind == "python" else PROSE)
    found: dict[str, list[Values]] = {name: [] for name in kinds}
    patterns = [one.partition("=")[::2] for one in own]
    mine: dict[str, list[Values]] = {name.strip(): [] for name, _ in patterns}
    left = most
    for one in text.parts[part]:
        content = text.files[one.file].content
        end = one.end if left is None else min(one.end, one.start + left)
        values = plain(content) | (python_labels.values(content) if text.kind == "python" else prose(content))
        for name, some in found.items():
            some.append(values[name][one.start : end])
        for name, pattern in patterns:
            spans = own_labels.spans(name, pattern, content[:end])
            mine[name.strip()].append(_marked(end, spans)[one.start :])
        left = None if left is None else left - (end - one.start)
        if left == 0:
            break
    made = [Label(name, *kinds[name], np.concatenate(some)) for name, some in found.items()]
    made += [
        Label(name.strip(), "binary", f"inside a match of {pattern}", np.concatenate(mine[name.strip()]))
        for name, pattern in patterns
    ]
    return made


def plain(text: str) -> dict[str, Values]:
    r"""Those of any text.

    >>> plain("  a\nB")["position in line"].tolist(), plain("  a\nB")["indentation"].tolist()
    ([1.0, 2.0, 3.0, 0.0, 1.0], [1.0, 2.0, 2.0, 0.0, 0.0])
    """
    letters = np.array(list(text), "U1")
    ends = letters == "\n"
    index = np.arange(len(text))
    last = np.maximum.accumulate(np.where(ends, index, -1))
    blank = (letters == " ") | (letters == "\t")
    # Blanks count as indentation until something else has come in their line.
    other = np.maximum.accumulate(np.where(~blank & ~ends, index, -1))
    leading = blank & (other <= last)
    counts = np.concatenate([[0], np.cumsum(leading)])
    indentation = counts[1:] - counts[last + 1]
    word = np.char.isalpha(letters) | (letters == "_") | np.char.isdigit(letters)
    begins = word & ~np.concatenate([[False], word[:-1]])
    found = {
        "position in line": index - last,
        "indentation": indentation,
        "after newline": ends,
        "capital": np.char.isupper(letters),
        "digit": np.char.isdigit(letters),
        "word start": begins,
        "URL": _marked(len(text), [one.span() for one in _URL.finditer(text)]),
    }
    return {name: values.astype(np.float32) for name, values in found.items()}


_URL = re.compile(r"(?:https?://|www\.)[^\s\"'<>]+")
_OPEN, _CLOSE = "([{", ")]}"


def prose(text: str) -> dict[str, Values]:
    """Quotes and brackets of plain text; both are over where a paragraph is.

    >>> prose('a "b" (c)')["inside quotes"].tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    quoted, deep = np.zeros(len(text), np.float32), np.zeros(len(text), np.float32)
    inside, depth, before = False, 0, ""
    for i, letter in enumerate(text):
        if letter == "\n" and before == "\n":
            inside, depth = False, 0
        elif letter == '"':
            inside = not inside
        elif letter in "“”":
            inside = letter == "“"
        elif letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth = max(0, depth - 1)
        quoted[i], deep[i], before = inside, depth, letter
    return {"inside quotes": quoted, "bracket depth": deep}


def _marked(length: int, spans: list[tuple[int, int]]) -> Values:
    """1 inside of spans."""
    found = np.zeros(length, np.float32)
    for start, end in spans:
        found[start:end] = 1
    return found
