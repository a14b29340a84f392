"""The figures of a report: every plot that a run can give, as SVG that may stand beside others in a page."""

import warnings
from typing import Any, NamedTuple

from gradlab import registry
from gradlab.errors import GradlabError, shown
from gradlab.plots._inline import inline
from gradlab.report.captions import ORDER, caption
from gradlab.report.sources import Source
from gradlab.report.words import clean
from gradlab.studies import base

ENLARGED = 1.7
"""CSS pixels for a point of a figure, at the most: its smallest letters are then as large as a caption's."""
LONGEST_LINE = 100
"""Characters of a line of text inside a figure."""


class Picture(NamedTuple):
    """One figure: what it was asked for as, its heading, its drawing and its words."""

    spec: str
    title: str
    svg: str
    caption: str


def pictures(source: Source, prefix: str) -> list[Picture]:
    """The plots that the run's experiment asks for, else those that a run draws without being asked.

    What cannot be drawn becomes a note of the source.
    """
    try:
        specs = _specs(source)
        made = [_picture(source, spec, f"{prefix}{i}-") for i, spec in enumerate(specs)]
    except ImportError as error:
        source.notes.append(f"There are no figures: {shown(str(error))}.")
        return []
    return [picture for picture in made if picture is not None]


def _specs(source: Source) -> list[str]:
    from gradlab.plots._default import fitting

    asked = source.about.get("figures")
    if isinstance(asked, list) and asked:
        return [str(spec) for spec in asked]
    return sorted(
        fitting(source.run), key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)
    )


def _picture(source: Source, spec: str, prefix: str) -> Picture | None:
    name = spec.partition("(")[0].strip()
    try:
        draw, home = registry.make("plots", spec), registry.home("plots", name)
        if home.READS not in ("", base.tables(source.command)):
            raise GradlabError("figures", f"it draws what `gradlab {home.READS}` has written")
        figure = draw(source.run)
        said = caption(source.run, spec, home)
        title = name.replace("_", " ").capitalize()
        words = clean(f"{title}. {said}")
        return Picture(spec, title, inline(svg(figure), f"{prefix}{name}-", words, ENLARGED), said)
    except (GradlabError, KeyError, OSError, RuntimeError, ValueError) as error:
        source.notes.append(f"The figure {shown(spec)} could not be drawn: {shown(str(error), 200)}.")
        return None


def svg(figure: Any) -> str:
    """A matplotlib figure as SVG; its texts are printable, short and no formulas, whatever they were."""
    from matplotlib.text import Text

    from gradlab.plots import _style

    for text in figure.findobj(Text):
        if text.get_text():
            lines = [clean(line) for line in text.get_text().split("\n")]
            text.set_text(
                "\n".join(line if len(line) <= LONGEST_LINE else f"{line[:97]}..." for line in lines)
            )
    with warnings.catch_warnings():
        # A letter that the font lacks becomes a box, which is no reason to stop.
        warnings.simplefilter("ignore")
        return _style.drawn(figure, "svg").decode()
