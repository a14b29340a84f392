"""The lesson: a course page whose every number is computed on the reader's machine.

A chapter is one file: `measure(seed)` computes its numbers, `tell(numbers, seed)` puts them into words.
The chapters draw nothing; `drawing` does, for `page`, and `sketch` for the terminal.
"""

import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from gradlab.lesson.parts import Chapter
from gradlab.status import GradlabError, shown

CHAPTERS = ("unrolled", "sent_back", "far_left", "cliff", "answers", "variants", "reading")
"""Chapter 1 first."""


def chosen(text: str | None) -> list[int]:
    """The numbers of the chapters that a number or a name asks for; all of them for None.

    Raises `GradlabError` for a chapter that there is not.

    >>> chosen("3"), chosen("cliff")
    ([3], [4])
    """
    if text is None:
        return list(range(1, len(CHAPTERS) + 1))
    if text in CHAPTERS:
        return [CHAPTERS.index(text) + 1]
    if text.isascii() and text.isdigit() and text.strip("0") and 1 <= int(text[:9]) <= len(CHAPTERS):
        return [int(text)]
    known = ", ".join(f"{i} {name}" for i, name in enumerate(CHAPTERS, start=1))
    raise GradlabError("CHAPTER", f"no chapter called {shown(text)}; known: {known}")


def chapters(numbers: list[int], seed: int) -> Iterator[tuple[int, Chapter]]:
    """Each chapter in turn; while one is told, the next ones are computed, two at a time.

    Most of the time goes into compiling, which takes one core a program.
    """
    pool = ThreadPoolExecutor(max_workers=2)
    try:
        waiting = [(number, pool.submit(_chapter, number, seed)) for number in numbers]
        for number, told in waiting:
            yield number, told.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _chapter(number: int, seed: int) -> Chapter:
    module = importlib.import_module(f"gradlab.lesson.{CHAPTERS[number - 1]}")
    told: Chapter = module.tell(module.measure(seed), seed)
    return told
