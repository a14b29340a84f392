"""Numbers in words, and the lesson's small markup as HTML or as the text of a terminal."""

import html
import math
import re
import unicodedata
from collections.abc import Iterator

from gradlab.lesson.formulas import mathml

_PIECE = re.compile(r"`([^`]*)`")
_FORMULA = re.compile(r"\$([^$]*)\$")
_STRONG, _EMPHASIS = re.compile(r"\*\*([^*]+)\*\*"), re.compile(r"\*([^*]+)\*")
_SUB, _SUPER = re.compile(r"_\{([^}]*)\}"), re.compile(r"\^\{([^}]*)\}")
_WHOLE = re.compile(r"[−-]?[\w.,]+")
_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_ASCII = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "·": "*",
        "×": "x",
        "σ": "sigma",
        "√": "sqrt ",
        "≤": "<=",
        "≈": "~",
        "→": "->",
        "½": "1/2",
        "Σ": "sum",
        "Π": "product",
        "⊙": "*",
        "¶": "$",
        "„": '"',
        "“": '"',
        "”": '"',
        "’": "'",
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ß": "ss",
    }
)


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits; very large or small ones as powers of ten.

    >>> number(-0.0457631), number(12.0), number(6.02e23), number(0.0)
    ('−0.0458', '12', '6.02 · 10^{23}', '0')
    """
    if value == 0 or not math.isfinite(value):
        return {math.inf: "infinity", -math.inf: "−infinity"}.get(value, "0" if value == 0 else "no number")
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 6:
        text = f"{value:.{digits}g}"
        text = f"{float(text):.0f}" if "e" in text and exponent > 0 else text
        text = f"{value:.{digits - 1 - exponent}f}" if "e" in text else text
        return text.replace("-", "−")
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa} · 10^{{{int(power)}}}".replace("-", "−")


def ten_to(log: float) -> str:
    """A number from its log10, however small or large.

    >>> ten_to(-2.0), ten_to(-4.58), ten_to(-602.06)
    ('0.01', '2.63 · 10^{−5}', '10^{−602.1}')
    """
    if abs(log) < 100:
        return number(10**log)
    return f"10^{{{log:.1f}}}".replace("-", "−")


def typed(command: str, width: int = 80) -> list[str]:
    r"""A command in lines of at most `width` columns, as a shell takes them; a longer word stays whole.

    An option stays beside its value where both fit.

    >>> typed('gradlab sweep --cell "a, b" -T 100', 26)
    ['gradlab sweep \\', '    --cell "a, b" -T 100']
    """
    lines = [""]
    parts = list(_parts(command, width - len("     \\")))
    for i, part in enumerate(parts):
        # Only the last part needs no room for the mark behind it.
        room = width - (2 if i + 1 < len(parts) else 0)
        if not lines[-1].strip() or len(lines[-1]) + 1 + len(part) <= room:
            lines[-1] = f"{lines[-1]} {part}" if lines[-1] else part
        else:
            lines[-1] += " \\"
            lines.append(f"    {part}")
    return lines


def _parts(command: str, room: int) -> Iterator[str]:
    """What should stay on one line: words, and an option with its value."""
    words = _WORD.findall(command)
    while words:
        part = words.pop(0)
        if part.startswith("-") and words and not words[0].startswith("-"):
            both = f"{part} {words[0]}"
            if len(both) <= room:
                words.pop(0)
                part = both
        yield part


def to_html(text: str) -> str:
    """The markup as HTML; everything else is escaped.

    >>> to_html("`w_rec` < h_{t}^{2}")
    '<code>w_rec</code> &lt; h<sub>t</sub><sup>2</sup>'
    """
    pieces = _PIECE.split(text)
    return "".join(f"<code>{html.escape(p)}</code>" if i % 2 else _prose(p) for i, p in enumerate(pieces))


def _prose(text: str) -> str:
    """Formulas as MathML, and the words between them."""
    pieces = _FORMULA.split(text)
    return "".join(mathml(piece) if i % 2 else _marked(piece) for i, piece in enumerate(pieces))


def _marked(text: str) -> str:
    text = _EMPHASIS.sub(r"<em>\1</em>", _STRONG.sub(r"<strong>\1</strong>", html.escape(text)))
    return _SUPER.sub(r"<sup>\1</sup>", _SUB.sub(r"<sub>\1</sub>", text))


def plain(text: str, *, unicode: bool = True) -> str:
    """The markup as one reads it in a terminal.

    >>> plain("`w_rec` h_{t−1} = 10^{−3}", unicode=False)
    'w_rec h_(t-1) = 10^-3'
    """

    def lowered(found: re.Match[str]) -> str:
        inner = found[1]
        return f"_{inner}" if inner.isalnum() else f"_({inner})"

    def raised(found: re.Match[str]) -> str:
        inner = found[1]
        return f"^{inner}" if _WHOLE.fullmatch(inner) else f"^({inner})"

    text = _SUPER.sub(raised, _SUB.sub(lowered, text.replace("`", "").replace("*", "").replace("$", "")))
    return text if unicode else _ascii(text)


def _ascii(text: str) -> str:
    """Letters without their marks, and a word or a sign in the place of others."""
    letters = unicodedata.normalize("NFKD", text.translate(_ASCII))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return bare.encode("ascii", "replace").decode()
