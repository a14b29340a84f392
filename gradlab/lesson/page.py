"""The lesson as one HTML file that needs nothing beside itself."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gradlab import __version__
from gradlab.escaping import script
from gradlab.lesson import drawing, live
from gradlab.lesson.history import in_chapters, sources
from gradlab.lesson.languages import ENGLISH, Language
from gradlab.lesson.parts import Chapter, Figure, Table
from gradlab.lesson.words import to_html, typed


def html(
    chapters: Sequence[tuple[int, Chapter]], seed: int, command: str, language: Language = ENGLISH
) -> str:
    """The page of some chapters, each with its number."""
    from markupsafe import Markup

    def figure(number: int, given: Figure) -> Any:
        if isinstance(given.drawing, Table):
            return None
        name = f"c{number}-{given.name}"
        wide = drawing.svg(given.drawing, name, given.title, language)
        narrow = drawing.svg(given.drawing, f"{name}-phone", given.title, language, phone=True)
        return Markup(f'<div class="wide">{wide}</div><div class="phone">{narrow}</div>')

    figures = [given for _, chapter in chapters for given in chapter.figures]
    asks = any(given.choices for given in figures)
    scripts = live.scripts((given.live.widget for given in figures if given.live is not None), asks=asks)
    page: str = _template().render(
        chapters=chapters,
        say=language.of("page"),
        language=language,
        hand={"decimal": language.decimal, "group": language.group, "texts": language.texts["live"]},
        sources=sources(number for number, _ in chapters),
        chapters_of=lambda source: in_chapters(source, language),
        svg=figure,
        asks=asks,
        seed=seed,
        command=command,
        css=Markup((Path(__file__).parent / "page.css").read_text(encoding="utf-8")),
        policy=Markup(live.policy(scripts)),
        scripts=[Markup(text) for text in scripts],
        version=__version__,
    )
    return page


@cache
def _template() -> Any:
    """The page's template; every value is escaped but for the lesson's own markup."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["said"] = lambda text: Markup(to_html(text))
    environment.filters["json"] = lambda value: Markup(script(value))
    environment.filters["typed"] = lambda text: "\n".join(
        line for command in text.splitlines() for line in typed(command)
    )
    return environment.get_template("page.html.j2")
