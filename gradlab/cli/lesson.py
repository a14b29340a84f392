"""`gradlab lesson`: a course page whose numbers are computed on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli import _options, _output, _stopping

if TYPE_CHECKING:
    from gradlab.lesson.languages import Language
    from gradlab.lesson.parts import Chapter
    from gradlab.planning.plan import Plan

MOST_SEEDS = 100


def command(
    chapter: Annotated[
        str | None, typer.Argument(help="One chapter, by number or name; all of them if left out.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The HTML file; results/lesson.html if left out."),
    ] = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Walk through it here; writes a file only with -o.")
    ] = False,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="A folder for every figure as SVG and PNG.")
    ] = None,
    language: Annotated[
        str,
        typer.Option("--language", help="Of its texts: en, de, or a .toml file with texts of your own."),
    ] = "en",
    seed: Annotated[str, typer.Option("--seed", help="Base seed.")] = "0",
    seeds: Annotated[
        str, typer.Option("--seeds", help="Seeds, from --seed on: bands around curves say how far they move.")
    ] = "1",
    readings: Annotated[
        list[Path] | None,
        typer.Option("--reading", help="Of chapter 7: a run of `gradlab neurons` to tell; may be repeated."),
    ] = None,
    device: _options.Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run, print one JSON document.")] = False,
    quiet: _options.Quiet = False,
    dry_run: _options.DryRun = False,
) -> int:
    """Compute the lesson on vanishing and exploding gradients: one HTML file, or a walk in the terminal."""
    from gradlab import lesson, memory, runtime
    from gradlab.errors import GradlabError, shown
    from gradlab.lesson import languages
    from gradlab.planning.left import Left
    from gradlab.runs.files import replace, storage
    from gradlab.spelled import number

    numbers = lesson.chosen(chapter)
    base = int(number("--seed", seed, seed, int))
    many = int(number("--seeds", seeds, seeds, int))
    if not 1 <= many <= MOST_SEEDS:
        raise GradlabError("--seeds", f"{shown(many)} is not possible; from 1 to {MOST_SEEDS}")
    if not 0 <= base <= 2**63 - many:
        raise GradlabError("--seed", f"{shown(base)} is not possible; from 0 to 2**63 - 1, --seeds included")
    spoken = languages.language(language)
    one = f"-{numbers[0]}" if chapter is not None else ""
    place = output or (None if terminal else Path("results") / f"lesson{one}.html")
    if as_json and not dry_run:
        raise GradlabError("--json", "goes with --dry-run here; a lesson is a page")
    runtime.configure(device)
    runtime.pick(device, 0.0)
    runtime.require_device(device)
    runs = _told(readings or [], numbers)
    planned = lesson.plan(numbers, many)
    lesson.check(planned)
    if dry_run:
        _say(planned, place, as_json)
        return 0
    if place is not None:
        _writable(place)
    if figures is not None:
        _open(figures)
    made: list[tuple[int, Chapter]] = []
    left = Left(planned)
    if not quiet and (place is not None or not _watched()):
        of = f" of {many} seeds" if many > 1 else ""
        _output.note(f"computing {len(numbers)} chapter{'s' * (len(numbers) > 1)}{of}: {planned.said()}")
    for at, told in lesson.chapters(numbers, base, runs, spoken, many):
        _stopping.check()
        left.credit(f"chapter {at}", 1.0, computed=True)
        memory.release(programs=False)
        made.append((at, told))
        if figures is not None:
            _draw(figures, at, told, spoken)
        if terminal:
            _walk(at, told, spoken, last=at == numbers[-1])
        elif not quiet:
            said = left.said()
            more = f" ({said})" if said and at != numbers[-1] else ""
            _output.note(f"chapter {at}: {told.title}{more}")
    if terminal:
        _sources(numbers, spoken)
    if place is not None:
        from gradlab.lesson import page

        again = lesson.command(numbers[0] if one else None, base, runs, spoken, many)
        with storage(place.parent):
            replace(place, page.html(made, base, again, spoken).encode())
        if not terminal:
            _output.say(str(place))
        elif not quiet:
            _output.note(str(place))
    return 0


def _told(readings: list[Path], numbers: list[int]) -> list[Path]:
    """The runs that a chapter will tell, read once before anything is computed."""
    from gradlab import lesson
    from gradlab.errors import GradlabError
    from gradlab.lesson import reading, shipped

    if not readings:
        return []
    if not lesson.telling_runs(numbers):
        raise GradlabError("--reading", "goes with chapter 7; no other one tells a run")
    if len(readings) > reading.MOST:
        raise GradlabError("--reading", f"is given {len(readings)} times; at most {reading.MOST} runs")
    shipped.of_runs(readings)
    return readings


def _say(planned: "Plan", place: Path | None, as_json: bool) -> None:
    from gradlab.cli import _planned

    chapters = planned.counts["chapters"]
    where = "the terminal" if place is None else str(place)
    _planned.say(planned, {"chapters": str(chapters), "page": where}, None, as_json)


def _watched() -> bool:
    """Whether somebody sits at both ends: only then may the walk wait for Enter."""
    import sys

    return sys.stdin.isatty() and sys.stdout.isatty()


def _walk(number: int, told: "Chapter", language: "Language", *, last: bool) -> None:
    """Print a chapter; between question and figure wait for Enter, if somebody is there to press it."""
    from rich.text import Text

    from gradlab.cli import _terminal
    from gradlab.lesson.terminal import walk

    pieces = list(walk(number, told, _terminal.width(), language, unicode=_terminal.unicode()))
    for i, lines in enumerate(pieces):
        shown = Text()
        for line in lines:
            shown.append(line).append("\n")
        _output.say(shown)
        if _watched() and not (last and i == len(pieces) - 1):
            _enter()


def _sources(numbers: list[int], language: "Language") -> None:
    """Print who found what."""
    from gradlab.cli import _terminal
    from gradlab.lesson.terminal import found

    _output.say("\n".join(found(numbers, _terminal.width(), language, unicode=_terminal.unicode())))


def _enter() -> None:
    import sys

    _output.ask("[Enter] ")
    if not sys.stdin.readline():
        raise KeyboardInterrupt
    _stopping.check()


def _draw(folder: Path, number: int, told: "Chapter", language: "Language") -> None:
    from gradlab.lesson import drawing
    from gradlab.runs.files import storage

    with storage(folder):
        drawing.save(folder, number, told, language)


def _open(folder: Path) -> None:
    """Fail with exit 5 before anything is computed, if nothing can be written there."""
    import tempfile

    from gradlab.errors import Exit, GradlabError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        what = f"cannot write to {folder}: {error.strerror or error}; name another folder"
        raise GradlabError("--figures", what, Exit.STORAGE) from error


def _writable(place: Path) -> None:
    """Fail with exit 5 before anything is computed, if the file could not be written."""
    import tempfile

    from gradlab.errors import Exit, GradlabError

    if place.is_dir():
        raise GradlabError("--output", f"{place} is a folder; name a file", Exit.STORAGE)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place.parent):
            pass
        if place.exists():
            with place.open("ab"):
                pass
    except OSError as error:
        what = f"cannot write {place}: {error.strerror or error}; name another file with -o"
        raise GradlabError("--output", what, Exit.STORAGE) from error
