"""The lesson as a walk in the terminal: the question first, then the figure, then the answer."""

import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from string import ascii_lowercase

from rich.text import Text

from gradlab.lesson.history import in_chapters, sources
from gradlab.lesson.languages import ENGLISH, Language
from gradlab.lesson.parts import Chapter, Figure
from gradlab.lesson.sketch import sketch
from gradlab.lesson.words import plain, typed

WIDEST = 80


def walk(
    number: int, chapter: Chapter, width: int, language: Language = ENGLISH, *, unicode: bool
) -> Iterator[list[str | Text]]:
    """The pieces of a chapter, line by line, with a breath between two of them.

    A piece ends with a question; the next one opens with the figure and its answer.
    """
    width = max(40, min(width, WIDEST))
    say: Callable[[str], list[str]] = lambda text: _wrapped(text, width, unicode)
    title = plain(f"{number}. {chapter.title}", unicode=unicode)
    lines: list[str | Text] = [Text(title, "bold"), "=" * len(title), ""]
    for paragraph in chapter.paragraphs:
        lines += [*say(paragraph), ""]
    for figure in chapter.figures:
        asked = [Text(line, "bold") for line in say(f"? {figure.question}")]
        yield [*lines, *asked, *_choices(figure, width, unicode), ""]
        lines = _shown(figure, width, language, unicode)
    for paragraph in chapter.closing:
        lines += [*say(paragraph), ""]
    for command in chapter.commands:
        lines += [f"  {line}" for line in typed(command, width - 2)]
    yield [*lines, ""] if chapter.commands else lines


def found(numbers: Iterable[int], width: int, language: Language = ENGLISH, *, unicode: bool) -> list[str]:
    """Who found what and when of these chapters, the year before each."""
    width = max(40, min(width, WIDEST))
    title = plain(language.of("page")("sources"), unicode=unicode)
    lines = [title, "=" * len(title), ""]
    for source in sources(numbers):
        chapters = in_chapters(source, language)
        place = f"{source.authors}: {source.title}. {source.where(language)}. {chapters}"
        named = place if unicode else unicodedata.normalize("NFKD", place).encode("ascii", "ignore").decode()
        sentence = _wrapped(source.found(language), width - 6, unicode)
        said, rest = [*sentence, *_wrapped(named, width - 8, unicode)], len(sentence)
        lines += [f"{source.year}  {said[0]}", *(f"{'':6}{line}" for line in said[1:rest])]
        lines += [*(f"{'':8}{line}" for line in said[rest:]), ""]
    return lines


def _shown(figure: Figure, width: int, language: Language, unicode: bool) -> list[str | Text]:
    lines: list[str | Text] = [*_wrapped(figure.title, width, unicode), ""]
    lines += [*sketch(figure.drawing, width, language, unicode=unicode), ""]
    lines += [*_true(figure, width, unicode), *_wrapped(figure.answer, width, unicode), ""]
    for command in figure.command.splitlines():
        first, *others = typed(command, width - 2)
        lines += [f"$ {first}", *(f"  {line}" for line in others)]
    return [*lines, ""]


def _choices(figure: Figure, width: int, unicode: bool) -> list[str]:
    """What can be chosen, each with a letter."""
    if figure.choices is None:
        return []
    lines = ["", *_wrapped(figure.choices.asked, width, unicode)]
    for letter, answer in zip(ascii_lowercase, figure.choices.answers, strict=False):
        first, *others = _wrapped(answer, width - 5, unicode)
        lines += [f"  {letter}) {first}", *(f"{'':5}{line}" for line in others)]
    return lines


def _true(figure: Figure, width: int, unicode: bool) -> list[str]:
    """The true one, before the answer."""
    if figure.choices is None:
        return []
    asked, answers, right = figure.choices
    return [*_wrapped(f"{asked} {ascii_lowercase[right]}) {answers[right]}.", width, unicode), ""]


def _wrapped(text: str, width: int, unicode: bool) -> list[str]:
    said = plain(text, unicode=unicode)
    return textwrap.wrap(said, width, break_long_words=False, break_on_hyphens=False)
