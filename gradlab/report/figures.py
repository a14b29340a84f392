"""The figures of a report: every plot that a run can give, as SVG that may stand beside others in a page."""

import io
import re
import warnings
from typing import Any, NamedTuple

from gradlab import registry
from gradlab.report.captions import ORDER, caption
from gradlab.report.sources import Source
from gradlab.report.words import clean
from gradlab.status import GradlabError, shown
from gradlab.trained import Trained

BASE = {"adjoint", "transport", "transport_frobenius", "weight_gradient"}
"""What every sweep measures."""
ENLARGED = 1.7
"""CSS pixels for a point of a figure, at the most: its smallest letters are then as large as a caption's."""
LONGEST_LINE = 100
"""Characters of a line of text inside a figure."""

_HEAD = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL
)
_REFERENCE = re.compile(r'(\bid="|\burl\(#|(?:xlink:)?href="#)')


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
    if isinstance(source.run, Trained):
        return bool(home.READS == "remedies" and spoken)
    needs = set(home.NEEDS)
    return (
        home.READS == "sweep" and needs <= set(source.run.norms.data_vars) and (spoken or bool(needs - BASE))
    )


def _picture(source: Source, spec: str, prefix: str) -> Picture | None:
    name = spec.partition("(")[0].strip()
    try:
        figure = registry.make("plots", spec)(source.run)
        said = caption(source.run, spec, registry.home("plots", name))
        title = name.replace("_", " ").capitalize()
        return Picture(spec, title, scoped(svg(figure), f"{prefix}{name}-", f"{title}. {said}"), said)
    except (GradlabError, KeyError, OSError, RuntimeError, ValueError) as error:
        source.notes.append(f"The figure {shown(spec)} could not be drawn: {shown(str(error), 200)}.")
        return None


def svg(figure: Any) -> str:
    """A matplotlib figure as SVG; its texts are printable, short and no formulas, whatever they were."""
    from matplotlib.text import Text

    from gradlab.plots._style import style

    for text in figure.findobj(Text):
        if text.get_text():
            lines = [clean(line) for line in text.get_text().split("\n")]
            text.set_parse_math(False)
            text.set_text(
                "\n".join(line if len(line) <= LONGEST_LINE else f"{line[:97]}..." for line in lines)
            )
    file = io.StringIO()
    with style(), warnings.catch_warnings():
        # A letter that the font lacks becomes a box, which is no reason to stop.
        warnings.simplefilter("ignore")
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def scoped(text: str, prefix: str, words: str) -> str:
    """An SVG document as an element of a page: ids of its own, a text for those who cannot see it.

    >>> scoped('<svg width="9pt" height="9pt"><g id="a"/></svg>', "x-", "A < B")[:59]
    '<svg role="img" aria-labelledby="x-words" width="9pt" heigh'
    """
    from html import escape

    text = _REFERENCE.sub(rf"\g<1>{prefix}", _HEAD.sub("", text)).strip()
    label = f'<title id="{prefix}words">{escape(clean(words))}</title>'
    head, body = text.split(">", 1)
    head = head.replace("<svg", f'<svg role="img" aria-labelledby="{prefix}words"', 1)
    width = re.search(r'\bwidth="([\d.]+)pt"', head)
    most = f";max-width:{float(width[1]) * ENLARGED:.0f}px" if width else ""
    look = f' style="stroke-linejoin:round;stroke-linecap:butt{most}"'
    return f"{head}{look}>{label}{body}"
