"""The figures of a report: every plot that a run can give, as SVG that may stand beside others in a page."""

import warnings
from typing import Any, NamedTuple

from gradlab import registry
from gradlab.errors import GradlabError, shown
from gradlab.metrics.profiles import QUANTITIES
from gradlab.plots._inline import inline
from gradlab.report.captions import ORDER, caption
from gradlab.report.sources import Source
from gradlab.report.words import clean
from gradlab.studies.remedies.results import TrainingRun

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
    """The plots that the run's experiment asks for, else every plot that draws what the run holds.

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
    asked = source.about.get("figures")
    if isinstance(asked, list) and asked:
        return [str(spec) for spec in asked]
    homes = {name: registry.home("plots", name) for name in registry.names("plots")}
    kept = [name for name, home in homes.items() if _draws(name, home, source)]
    return sorted(kept, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def _draws(name: str, home: Any, source: Source) -> bool:
    """Whether a plot reads such runs, this one holds what it needs, and it has something of its own to say.

    Of what every sweep holds, a report draws the plots that have a sentence; of what was measured besides,
    each.
    """
    spoken = name in ORDER or hasattr(home, "sentence")
    if isinstance(source.run, TrainingRun):
        return bool(home.READS == "remedies" and spoken)
    needs = set(home.NEEDS)
    own = spoken or bool(needs - set(QUANTITIES))
    return home.READS == "sweep" and needs <= set(source.run.norms.data_vars) and own


def _picture(source: Source, spec: str, prefix: str) -> Picture | None:
    name = spec.partition("(")[0].strip()
    try:
        draw, home = registry.make("plots", spec), registry.home("plots", name)
        if home.READS not in ("", source.command):
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
