"""Figures as elements of a page, where several stand beside each other."""

import re
from html import escape

_HEAD = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL
)
_REFERENCE = re.compile(r'(\bid="|\burl\(#|(?:xlink:)?href="#)')


def inline(svg: str, prefix: str, words: str, enlarged: float | None = None) -> str:
    """An SVG document as an element: ids of its own, and words for those who cannot see it.

    With `enlarged` it is at most so many CSS pixels wide for a point of the figure.

    >>> inline('<svg width="9pt" height="9pt"><g id="a"/></svg>', "x-", "A < B")[:59]
    '<svg role="img" aria-labelledby="x-words" width="9pt" heigh'
    """
    text = _REFERENCE.sub(rf"\g<1>{prefix}", _HEAD.sub("", svg)).strip()
    head, body = text.split(">", 1)
    head = head.replace("<svg", f'<svg role="img" aria-labelledby="{prefix}words"', 1)
    width = re.search(r'\bwidth="([\d.]+)pt"', head) if enlarged is not None else None
    most = f";max-width:{float(width[1]) * (enlarged or 1):.0f}px" if width else ""
    look = f' style="stroke-linejoin:round;stroke-linecap:butt{most}"'
    return f'{head}{look}><title id="{prefix}words">{escape(words)}</title>{body}'
