"""Which colour a curve of the lesson has, on a page as in a terminal."""

import itertools

from matplotlib import colormaps
from matplotlib.colors import to_hex

from gradlab.lesson.parts import Curve
from gradlab.plots import _colors, _style

LINES = _colors.CELLS
DOTS = _style.LINEAR
NO, YES = (to_hex(colormaps[_style.RATES](at)) for at in (0.15, 0.85))
"""Of a strip, below and above the middle of its scale."""
OVER_MAP = ("#111111", "#d55e00", "#007a5a")


def shades(curves: tuple[Curve, ...]) -> list[str]:
    """Each line has that of its cell, or one of its own, in their order; all dots share one.

    >>> dots, first, second = (Curve(look, (), (), look) for look in ("dots", "line", "dashed"))
    >>> shades((first, dots, second)) == [LINES[0], DOTS, LINES[1]]
    True
    >>> shades((first, second._replace(cell="elman"))) == [LINES[1], _colors.cell_color("elman")]
    True
    """
    of_cells = {curve.cell: _colors.cell_color(curve.cell) for curve in curves if curve.cell}
    own = itertools.cycle([shade for shade in LINES if shade not in of_cells.values()] or LINES)
    return [DOTS if one.look == "dots" else of_cells.get(one.cell) or next(own) for one in curves]
