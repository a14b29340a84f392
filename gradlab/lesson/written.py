"""Numbers in a figure as a language writes them: along its axes, and beside what it shows."""

import re

from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from gradlab.lesson.languages import Language

_NUMBER = re.compile(r"(?:\S* ?×)?[−-]?\d+\.\d+(?:e[−+-]\d+)?")


def written(figure: Figure, language: Language) -> None:
    """Write the numbers of a figure as the language does."""
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            if type(axis.get_major_formatter()) is ScalarFormatter:
                axis.set_major_formatter(_Written(language))
        for text in panel.texts:
            if _NUMBER.fullmatch(text.get_text()):
                text.set_text(language.written(text.get_text()))


class _Written(ScalarFormatter):
    """Numbers along an axis as a language writes them."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self.language = language

    def __call__(self, x: float, pos: int | None = None) -> str:
        return self.language.written(super().__call__(x, pos))
