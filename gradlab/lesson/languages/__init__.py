"""The languages of the lesson: a file of texts for each, `CODE.toml`, in the lesson's markup.

A table of a file holds the texts of the module of its name; `{name}` in a text is what the module puts there.
Where `_` or `^` stand before it, it is markup.
"""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gradlab.errors import GradlabError, shown
from gradlab.lesson import words

PLACE = re.compile(r"(?<![_^])\{([^{}]*)\}")
"""Where something is put into a text."""
SETTINGS = "language"
"""The table that holds no texts."""
GROUPED = 5
"""Digits before the decimal sign from which on they are grouped by three."""
_NUMBER = re.compile(r"(\d+)(\.\d+)?")


class Language(NamedTuple):
    """Texts, and how numbers are written among them."""

    name: str
    """What `--language` takes for it."""
    code: str
    """As in the `lang` of a page."""
    decimal: str
    group: str
    """Between three digits and the next three."""
    texts: Mapping[str, Mapping[str, str]]

    def of(self, part: str) -> "Say":
        """What says the texts of a part of the lesson."""
        return Say(self, self.texts[part])

    def written(self, number: str) -> str:
        r"""A number as this language writes it, from one with a decimal point.

        >>> ENGLISH.written("−0.5"), known("de").written("2.63 · 10^{−5}"), known("de").written("123000")
        ('−0.5', '2,63 · 10^{−5}', '123\u202f000')
        """

        def one(found: re.Match[str]) -> str:
            whole, rest = found[1], (found[2] or "").replace(".", self.decimal)
            if len(whole) >= GROUPED:
                whole = f"{int(whole):,}".replace(",", self.group)
            return whole + rest

        return _NUMBER.sub(one, number)

    def number(self, value: float, digits: int = 3) -> str:
        """As `words.number`."""
        say = self.of("words")
        if value != value:
            return say("no_number")
        if abs(value) == float("inf"):
            return say("infinity" if value > 0 else "minus_infinity")
        return self.written(words.number(value, digits))

    def ten_to(self, log: float) -> str:
        """As `words.ten_to`."""
        return self.written(words.ten_to(log))

    def fixed(self, value: float, digits: int, *, signed: bool = False) -> str:
        """A number with so many digits behind the decimal sign.

        >>> known("de").fixed(-0.5, 2), ENGLISH.fixed(0.5, 2, signed=True)
        ('−0,50', '+0.50')
        """
        return self.written(f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−"))

    def listed(self, parts: Sequence[str]) -> str:
        """A list in words; where numbers have a comma of their own, what stands between them is none.

        >>> ENGLISH.listed(["a", "b", "c"]), known("de").listed(["0,1", "0,2", "0,3"])
        ('a, b and c', '0,1; 0,2 und 0,3')
        """
        if len(parts) == 1:
            return parts[0]
        between = "; " if any(re.search(r"\d,\d", part) for part in parts) else ", "
        return self.of("words")("and", first=between.join(parts[:-1]), last=parts[-1])


class Say(NamedTuple):
    """Says the texts of a part of the lesson by their keys."""

    language: Language
    texts: Mapping[str, str]

    def __call__(self, key: str, /, **given: str | int | float) -> str:
        """A text with what is given in its places: words as they are, numbers as the language writes them."""
        put = {name: self._put(value) for name, value in given.items()}
        return PLACE.sub(lambda found: put[found[1]], self.texts[key])

    def in_forms(self, one: str, other: str) -> list[tuple[str, ...]]:
        """The words of two texts that differ in some: each once, or in both its forms.

        >>> ENGLISH.of("unrolled").in_forms("source_one", "source_other")[:3]
        [('The',), ('boy', 'girl'), ('from',)]
        """
        pairs = zip(self.texts[one].split(), self.texts[other].split(), strict=True)
        return [tuple(dict.fromkeys(pair)) for pair in pairs]

    def _put(self, value: str | int | float) -> str:
        if isinstance(value, str):
            return value
        return self.number(value) if isinstance(value, float) else self.language.written(str(value))

    def number(self, value: float, digits: int = 3) -> str:
        return self.language.number(value, digits)

    def ten_to(self, log: float) -> str:
        return self.language.ten_to(log)

    def fixed(self, value: float, digits: int, *, signed: bool = False) -> str:
        return self.language.fixed(value, digits, signed=signed)

    def listed(self, parts: Sequence[str]) -> str:
        return self.language.listed(parts)


@functools.cache
def known(code: str) -> Language:
    """A language that ships."""
    path = Path(__file__).parent / f"{code}.toml"
    raw: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Language(code, **raw.pop(SETTINGS), texts=raw)


NAMES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))
"""Those that ship."""
ENGLISH = known("en")


def language(text: str) -> Language:
    """The language that a name or a file of one's own stands for.

    Raises `GradlabError` for what is neither, and for a file that is at fault.
    """
    if text in NAMES:
        return known(text)
    if text.endswith(".toml"):
        from gradlab.lesson.languages import own

        return own.read(Path(text))
    names = ", ".join(NAMES)
    raise GradlabError(
        "--language", f"no language {shown(text)}; known: {names}; or name a .toml file of texts"
    )
