"""Formulas of the lesson's markup as MathML."""

import html
import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<script>[_^]\{[^}]*\})|(?P<number>\d+(?:\.\d+)?)|(?P<large>[ΣΠ])|(?P<name>[^\W\d_]+'?)|(?P<space>\s+)|(?P<sign>\.\.\.|.)"
)
_TAGS = {"number": "mn", "large": "mo", "name": "mi", "sign": "mo"}
"""A `large` sign has what it runs over below it."""
_ENDS = (")", "|")


class _Atom(NamedTuple):
    """One number, name or sign, with what is written below and above it."""

    kind: str
    text: str
    low: str = ""
    high: str = ""
    after_space: bool = False


def mathml(formula: str) -> str:
    """A formula in the lesson's markup as an element.

    >>> mathml("w^{2} = 4")
    '<math><msup><mi>w</mi><mn>2</mn></msup><mo>=</mo><mn>4</mn></math>'
    """
    return f"<math>{_row(formula)}</math>"


def _row(formula: str) -> str:
    atoms = _atoms(formula)
    made = []
    for k, atom in enumerate(atoms):
        if k > 0 and atom.after_space and _operand(atoms[k - 1], last=True) and _operand(atom, last=False):
            # Two things side by side are multiplied, which a reader aloud has to be told.
            made.append("<mo>&#8290;</mo>")
        made.append(_element(atom))
    return "".join(made)


def _atoms(formula: str) -> list[_Atom]:
    atoms: list[_Atom] = []
    space = False
    for found in _TOKEN.finditer(formula):
        kind, text = str(found.lastgroup), found[0]
        if kind == "script" and atoms:
            part, last = text[2:-1], atoms[-1]
            atoms[-1] = last._replace(low=part) if text[0] == "_" else last._replace(high=part)
        elif kind != "space":
            atoms.append(_Atom(kind, text, after_space=space))
        space = kind == "space"
    return atoms


def _operand(atom: _Atom, *, last: bool) -> bool:
    """Whether an atom can stand before (`last`) or behind a product that has no sign."""
    return atom.kind in ("number", "name") or (last and atom.text in _ENDS) or (not last and atom.text == "(")


def _element(atom: _Atom) -> str:
    tag = _TAGS[atom.kind]
    base = f"<{tag}>{html.escape(atom.text.replace('...', '…'))}</{tag}>"
    low, high = (_whole(part) for part in (atom.low, atom.high))
    if atom.low and atom.kind == "large":
        return f"<munder>{base}{low}</munder>"
    if atom.low and atom.high:
        return f"<msubsup>{base}{low}{high}</msubsup>"
    if atom.low:
        return f"<msub>{base}{low}</msub>"
    return f"<msup>{base}{high}</msup>" if atom.high else base


def _whole(part: str) -> str:
    """A script as one element."""
    return f"<mrow>{_row(part)}</mrow>" if len(_atoms(part)) > 1 else _row(part)
