"""Which colour a curve of the lesson has, on a page as in a terminal."""

import itertools

from gradlab.lesson.parts import Curve
from gradlab.plots import _colors, _style

LINES = _colors.CELLS
DOTS = _style.LINEAR
OVER_MAP = ("#111111", "#d55e00", "#007a5a")


def shades(curves: tuple[Curve, ...]) -> list[str]:
    """Each line has a colour of its own, in their order; all dots share one.

    >>> dots, first, second = (Curve(look, (), (), look) for look in ("dots", "line", "dashed"))
    >>> shades((first, dots, second)) == [LINES[0], DOTS, LINES[1]]
    True
    """
    own = itertools.cycle(LINES)
    return [DOTS if curve.look == "dots" else next(own) for curve in curves]
