"""Chapters for the tests of pages: told from measured numbers where those are cheap, made up where not."""

import functools
import importlib

import pytest

from gradlab.lesson.parts import (
    Anatomy,
    Chain,
    Chains,
    Chapter,
    Chart,
    Curve,
    Figure,
    Form,
    Grid,
    Inside,
    Link,
    Panel,
    Strip,
    Table,
    Unrolled,
)

SEEDS = [
    pytest.param(seed, marks=[] if seed < 2 else pytest.mark.slow if seed < 10 else pytest.mark.long)
    for seed in range(100)
]
"""Two seeds always, ten with the slow tests, a hundred with the long ones."""
LINE = Curve("a line", (0.0, 5.0, 10.0), (0.0, -3.0, -200.0))
LAW = Curve("the law w^{lag}", (0.0, 10.0), (0.0, -4.0), "dots")
INSIDE = Inside("1997", "lstm97", ("h", "c"), {"i": 0.5, "o": 0.25, "share h": 0.2, "share c": 0.8})
FORM = Form("many to one", (True, True), (False, True), (0.25, 1.0))
DRAWINGS = {
    "chart": Chart("lag", "transport", (Panel("one", (LINE, LAW)), Panel("two", (LINE,))), powers=True),
    "flat": Chart("k", "share", (Panel("", (Curve("flat", (0.0, 1.0), (1.0, 1.0)),)),)),
    "unrolled": Unrolled((FORM, FORM)),
    "chains": Chains(
        (Chain("reads", (Link("a\nb", ""), Link("x1", "h1", held=True)), loop=True),) * 2, onward=True
    ),
    "grid": Grid(
        (3.0, 4.0, 5.0),
        (-2.0, -1.0),
        ((0.0, 1.0, float("-inf")), (2.0, 0.5, 1.0)),
        ("w", "b", "|dE|"),
        (Curve("wall", (3.0, 5.0), (-2.0, -1.0), "dashed"), Curve("walk", (3.0, 90.0), (-1.5, 7.0), "dots")),
    ),
    "table": Table(("t", "c = c + i · g"), (("1", "−0.5"), ("2", "10^{−5}"))),
    "strip": Strip('says "no" <b>' * 12, (("inside quotes", tuple([-1.0, 0.0, 1.0] * 52)),)),
    "anatomy": Anatomy((INSIDE, Inside("plain", "esn", ("h",), {}))),
}


def chapter(**changes):
    """A chapter with every kind of drawing, and letters that HTML and ASCII must escape."""
    figures = tuple(
        Figure(
            name, f"Title of {name} <i>", "Is σ < 1?", drawing, "Yes: w^{T−t} ≤ 1 & more.", "gradlab lesson 2"
        )
        for name, drawing in DRAWINGS.items()
    )
    words = ("h_{t} = `w_rec` · h_{t−1}, a *word* and a **headword**; <script>alert(1)</script> " * 3,)
    return Chapter("A title & more", words, figures, ("Keep this: 2 × 2 = 4.",), ("gradlab sweep",))._replace(
        **changes
    )


@functools.cache
def numbers(name, seed=0):
    return importlib.import_module(f"gradlab.lesson.{name}").measure(seed)


def said(told):
    return " ".join([*told.paragraphs, *(f.question + f.answer for f in told.figures), *told.closing])
