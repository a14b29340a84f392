"""How far the curves of the lesson move from seed to seed: a band around each that is not always the same."""

from collections.abc import Sequence

import numpy as np

from gradlab.lesson.languages import ENGLISH, Language
from gradlab.lesson.parts import Band, Chapter, Chart, Curve, Figure, Panel


def banded(told: Sequence[Chapter], language: Language = ENGLISH) -> Chapter:
    """The first of these chapters, one of each seed, with the others in bands around its curves.

    Its words and tables are those of the first seed.
    """
    first, *others = told
    words = language.of("bands")("band", seeds=len(told))
    by_name = [{figure.name: figure for figure in chapter.figures} for chapter in others]
    figures = []
    for figure in first.figures:
        same = [named[figure.name] for named in by_name if figure.name in named]
        figures.append(_figure(figure, same, words) if len(same) == len(others) else figure)
    return first._replace(figures=tuple(figures))


def _figure(first: Figure, others: Sequence[Figure], words: str) -> Figure:
    if not isinstance(first.drawing, Chart):
        return first
    charts = [other.drawing for other in others if isinstance(other.drawing, Chart)]
    if [len(chart.panels) for chart in charts] != [len(first.drawing.panels)] * len(others):
        return first
    panels = tuple(
        _panel(panel, [chart.panels[i] for chart in charts]) for i, panel in enumerate(first.drawing.panels)
    )
    if not any(band for panel in panels for band in panel.bands):
        return first
    return first._replace(drawing=first.drawing._replace(panels=panels, band=words))


def _panel(first: Panel, others: Sequence[Panel]) -> Panel:
    if any(len(other.curves) != len(first.curves) for other in others):
        return first
    bands = tuple(
        _band([curve, *(other.curves[i] for other in others)]) for i, curve in enumerate(first.curves)
    )
    return first._replace(bands=bands)


def _band(curves: Sequence[Curve]) -> Band | None:
    """Around curves of one name at the same places; None if they are equal, or if one of them is another."""
    first = curves[0]
    alike = all((curve.label, curve.look, curve.x) == (first.label, first.look, first.x) for curve in curves)
    if not alike or first.look == "dots":
        return None
    y = np.array([curve.y for curve in curves])
    # A number that is missing in one seed is missing in the band.
    low, high = y.min(axis=0), y.max(axis=0)
    if np.array_equal(low, high, equal_nan=True):
        return None
    return Band(first.x, tuple(low.tolist()), tuple(high.tolist()))
