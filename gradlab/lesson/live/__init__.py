"""What the lesson's page computes again while a hand moves a slider: one script per widget, and shared ones.

A widget is a function `(element, facts)`: it fills its element, and computes from `facts` and its sliders
alone. Its numbers are those of Python; a test asks the browser for them.
"""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import gradlab.report
import gradlab.viewer

SHARED = ("drawn", "controls")
"""Before the widgets, in this order."""


def scripts(widgets: Iterable[str], *, asks: bool = False) -> list[str]:
    """The texts of a page's scripts: none for no widget, but for what counts the answers if it `asks`."""
    names = list(dict.fromkeys(widgets))
    course = [_text(_here("course"))] if asks else []
    words = [_text(_here("words"))] if names or asks else []
    if not names:
        return [*words, *course]
    homes = ((gradlab.viewer, "elements"), (gradlab.report, "ticks"))
    own = [Path(str(home.__file__)).with_name(f"{name}.js") for home, name in homes]
    return [*words, *map(_text, own), *(_text(_here(name)) for name in (*SHARED, *names, "start")), *course]


def policy(texts: Iterable[str]) -> str:
    """Of a Content-Security-Policy: these scripts and no others."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    return "script-src " + (" ".join(f"'sha256-{one}'" for one in hashes) or "'none'")


def _here(name: str) -> Path:
    return Path(__file__).parent / f"{name}.js"


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
