"""A text as a series: a row per character, a column per symbol, 1 where the character is that symbol."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError, shown
from gradlab.runs import files

LARGEST = 10**8
"""Bytes of a text."""
SYMBOLS, RARE = 255, 1e-5
"""At most so many, none of them rarer; one more stands for all other characters."""
OTHER = "\N{REPLACEMENT CHARACTER}"


def read(path: Path, most: int = LARGEST) -> str:
    """A file of UTF-8 text, its line ends made one character each.

    Raises:
      GradlabError: for what is no readable text, or larger than `most`.
    """
    try:
        content = files.named(path, most)
    except OSError as error:
        raise files.unreadable(path, error) from error
    if (place := content.find(b"\0")) >= 0:
        raise GradlabError(str(path), f"is a binary file: byte {place} is 0; name a text")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"is not UTF-8 at byte {error.start} (line {line}); save it as UTF-8"
        raise GradlabError(str(path), what) from error
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").replace("\r\n", "\n").replace("\r", "\n")


def points(text: str) -> NDArray[np.uint32]:
    """The characters as numbers."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def common(text: str) -> set[str]:
    """The characters that have a symbol of their own.

    >>> sorted(common("abba"))
    ['a', 'b']
    """
    found, counts = np.unique(points(text), return_counts=True)
    often = np.argsort(-counts, kind="stable")[:SYMBOLS]
    return {chr(found[i]) for i in often if counts[i] >= RARE * counts.sum()}


def alphabet(text: str) -> str:
    """Its symbols in the order of their code points; `OTHER` stands for all that have none of their own."""
    own = common(text)
    rest = set(map(chr, np.unique(points(text)))) - own
    return "".join(sorted(own | ({OTHER} if rest else set())))


def coded(text: str, vocabulary: str) -> NDArray[np.int32]:
    """A text as places in the vocabulary; what is not in it is that of `OTHER`, else an error.

    >>> coded("abba", "ab").tolist()
    [0, 1, 1, 0]
    """
    known = points(vocabulary)
    here = points(text)
    order = np.argsort(known)
    place = order[np.minimum(np.searchsorted(known[order], here), len(known) - 1)]
    missing = known[place] != here
    if missing.any():
        place[missing] = vocabulary.index(OTHER)
    return place.astype(np.int32)


def given(path: Path, text: str, name: str) -> str:
    """The alphabet in a file: every character of it is a symbol, a line end, too, in their order.

    Raises:
      GradlabError: for a symbol that is there twice, and for a character of the text that is not there.
    """
    own = symbols(path)
    require_known(text, own, name, str(path))
    return own


def symbols(path: Path) -> str:
    """The alphabet in a file; errors as of `unlike` and `read`."""
    return unlike(str(path), read(path))


def unlike(where: str, alphabet: str) -> str:
    """An alphabet, refused if it has a symbol twice or less than two."""
    twice = next((one for i, one in enumerate(alphabet) if one in alphabet[:i]), None)
    if twice is not None or len(alphabet) < 2:
        what = f"holds {shown(twice)} twice" if twice is not None else f"holds {len(alphabet)} symbols"
        raise GradlabError(where, f"{what}; an alphabet is at least two symbols, each once, in order")
    return alphabet


def require_known(text: str, alphabet: str, name: str, where: str) -> None:
    """Refuse a text with a character that an alphabet lacks, naming the first and its place."""
    if OTHER in alphabet:
        return
    strange = set(map(chr, np.unique(points(text)))) - set(alphabet)
    if strange:
        at = min(text.index(one) for one in strange)
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        what = f"holds {shown(text[at])}, which is not in {where}; add it, or {OTHER} for all such"
        raise GradlabError(f"{name}:line {line}, column {column}", what)
