"""One colour per name: the same cell has the same one in every figure of every run."""

import colorsys
import functools
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import is_color_like, to_hex, to_rgb

from gradlab import registry

PALETTE = (
    *("#0072b2", "#b84a00", "#007a5a", "#a8487f"),
    *("#463eb0", "#ca7200", "#588dc1", "#610000"),
    *("#7b6ae5", "#848d61", "#6a357b", "#951209"),
    *("#b07295", "#00353e", "#3e0084", "#4d4d4d"),
)
"""After Okabe and Ito; told apart by the colour-blind, dark enough for text on white."""
CELLS = PALETTE[:8]
"""For the curves of a figure in their order, where they are of no cell."""
DARKEST = 0.15
"""Luminance of the darkest colour on a terminal: a contrast of 4 to black, of 5 to white."""
KEPT = 4
"""The first ones are given to no name by chance."""


@functools.cache
def cell_color(label: str) -> str:
    """The colour of a cell, from its label alone: what its file states as `COLOR`, else one by its letters.

    A cell with settings of its own is another one. Two labels may share a colour: `repeats` says which do.

    >>> cell_color("lstm") == cell_color("lstm(forget_bias=3.0)")
    False
    """
    if label in registry.names("cells"):
        stated = registry.constant("cells", label, "COLOR")
        if isinstance(stated, str) and is_color_like(stated):
            return stated
    return PALETTE[_slot(label)]


def cell_colors(labels: Sequence[str]) -> dict[str, str]:
    """The colours of cells, by label."""
    return {label: cell_color(label) for label in labels}


def arm_colors(about: Mapping[str, Any], arms: Sequence[str]) -> dict[str, str]:
    """The colours of arms: that of a cell where one is called so, and no two alike among sixteen.

    `about` is that of the run: an arm keeps its colour where others are left out of a figure.
    """
    settings = about.get("settings")
    asked = settings.get("remedies", ()) if isinstance(settings, Mapping) else ()
    every = list(dict.fromkeys([*map(str, asked), *arms]))
    chosen = {arm: cell_color(arm) for arm in every if arm in registry.names("cells")}
    for arm in every:
        if arm not in chosen:
            slot = _slot(arm)
            order = [*PALETTE[slot:], *PALETTE[KEPT:slot], *PALETTE[:KEPT]]
            chosen[arm] = next((color for color in order if color not in chosen.values()), order[0])
    return {arm: chosen[arm] for arm in arms}


def repeats(colors: Mapping[str, str]) -> dict[str, int]:
    """How many names before each one have its colour: what needs another mark or dash to be told apart.

    >>> repeats({"a": "#000000", "b": "#ffffff", "c": "#000000"})
    {'a': 0, 'b': 0, 'c': 1}
    """
    values = list(colors.values())
    return {name: values[:k].count(color) for k, (name, color) in enumerate(colors.items())}


def lit(shade: str) -> str:
    """A colour that is seen on black as on white: what is darker than that is lifted.

    >>> lit("#1c1c1c"), lit("#0072b2")
    ('#6e6e6e', '#0072b2')
    """
    hue, light, full = colorsys.rgb_to_hls(*to_rgb(shade))
    rgb = to_rgb(shade)
    while _luminance(rgb) < DARKEST:
        light += 0.01
        rgb = colorsys.hls_to_rgb(hue, light, full)
    return to_hex(rgb)


def _luminance(rgb: Any) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def _slot(label: str) -> int:
    return KEPT + zlib.crc32(label.encode()) % (len(PALETTE) - KEPT)
