"""The lesson: a course page whose numbers are computed on the reader's machine, but for its last chapter.

A chapter is one file: `measure(seed)` computes its numbers, `tell(numbers, seed)` puts them into words.
The chapters draw nothing; `drawing` does, for `page`, and `sketch` for the terminal.
"""

import importlib
import shlex
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gradlab import runtime
from gradlab.errors import GradlabError, shown
from gradlab.lesson import bands
from gradlab.lesson.parts import Chapter
from gradlab.planning import compiled
from gradlab.planning.plan import STARTING, Piece, Plan, require_room

if TYPE_CHECKING:
    from gradlab.lesson.languages import Language

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


class Cost(NamedTuple):
    """Of a chapter: seconds of one core and MB of memory, with an empty compile cache and with a full one."""

    new: float
    kept: float
    new_mb: int
    kept_mb: int


COSTS = {
    "unrolled": Cost(2.6, 1.0, 70, 40),
    "sent_back": Cost(3.3, 0.8, 120, 60),
    "far_left": Cost(11.0, 3.3, 310, 60),
    "cliff": Cost(3.2, 0.6, 100, 65),
    "answers": Cost(6.0, 1.6, 155, 135),
    "variants": Cost(10.7, 1.4, 150, 90),
    "reading": Cost(0.2, 0.2, 5, 5),
}
AT_ONCE = 2
"""Chapters that are computed side by side."""
GAIN = 1.5
"""How much sooner two are done: a good part of them is Python, which one thread runs at a time."""


def plan(numbers: list[int], seeds: int = 1) -> Plan:
    """What the chapters will take, each computed of so many seeds."""
    from gradlab.planning import costs

    together = GAIN if min(AT_ONCE, len(numbers), runtime.cores()) > 1 else 1.0
    pieces = {STARTING: Piece(costs.IMPORTS)}
    programs, most = 0, 0
    for number in numbers:
        cost = COSTS[CHAPTERS[number - 1]]
        new = not compiled.known(lesson=CHAPTERS[number - 1])
        compiling = (cost.new - cost.kept) / together if new else 0.0
        # Another seed takes the same programs, and none has another text.
        pieces[f"chapter {number}"] = Piece(seeds * cost.kept / together + compiling, compiling)
        # Programs stay; what compiling one takes beyond that does not.
        programs += cost.kept_mb
        most = max(most, cost.new_mb - cost.kept_mb if new else 0)
    need = costs.LESSON + (programs + most) * costs.MB
    return Plan({"chapters": len(numbers)}, pieces, need, "the lesson")


def check(planned: Plan) -> None:
    """Refuse what does not fit, with exit 7."""
    require_room(planned, "lesson", f"{planned.counts['chapters']} chapters", "choose one CHAPTER")


def telling_runs(numbers: list[int]) -> bool:
    """Whether one of these chapters takes runs of the reader's own."""
    return any(_tells_runs(_module(number)) for number in numbers)


def chapters(
    numbers: list[int],
    seed: int,
    runs: Sequence[Path] = (),
    language: "Language | None" = None,
    seeds: int = 1,
) -> Iterator[tuple[int, Chapter]]:
    """Each chapter in turn; while one is told, the next ones are computed, two at a time.

    A chapter that takes runs tells `runs`, where there are some; without a language it is told in English. Of
    several `seeds`, from `seed` on, the first is told, and the others are bands around its curves.

    Most of the time goes into compiling, which takes one core a program.
    """
    pool = ThreadPoolExecutor(max_workers=AT_ONCE)
    try:
        waiting = [(number, pool.submit(_chapter, number, seed, runs, language, seeds)) for number in numbers]
        for number, told in waiting:
            yield number, told.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def command(
    chapter: int | None,
    seed: int,
    runs: Sequence[Path] = (),
    language: "Language | None" = None,
    seeds: int = 1,
) -> str:
    """What computes a chapter again, or all of them.

    >>> command(4, 0, seeds=5), command(None, 3)
    ('gradlab lesson 4 --seed 0 --seeds 5', 'gradlab lesson --seed 3')
    """
    from gradlab.lesson.languages import ENGLISH

    words = ["gradlab", "lesson", *([] if chapter is None else [str(chapter)]), "--seed", str(seed)]
    words += ["--seeds", str(seeds)] if seeds > 1 else []
    words += ["--language", language.name] if language not in (None, ENGLISH) else []
    return shlex.join([*words, *(word for run in runs for word in ("--reading", str(run)))])


def _chapter(
    number: int, seed: int, runs: Sequence[Path], language: "Language | None", seeds: int
) -> Chapter:
    from gradlab.lesson.languages import ENGLISH

    module, spoken = _module(number), language or ENGLISH
    measured = module.measure(seed, runs) if runs and _tells_runs(module) else module.measure(seed)
    told: Chapter = module.tell(measured, seed, spoken)
    if not told.computed_before:
        others = range(seed + 1, seed + seeds)
        told = bands.banded(
            [told, *(module.tell(module.measure(one), one, spoken) for one in others)], spoken
        )
    compiled.note(lesson=CHAPTERS[number - 1])
    again = command(number, seed, runs, language, seeds)
    figures = (one if one.command else one._replace(command=again) for one in told.figures)
    return told._replace(figures=tuple(figures))


def _module(number: int) -> Any:
    return importlib.import_module(f"gradlab.lesson.{CHAPTERS[number - 1]}")


def _tells_runs(module: Any) -> bool:
    return bool(getattr(module, "TELLS_RUNS", False))
