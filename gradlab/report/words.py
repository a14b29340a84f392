"""Words and numbers as a report prints them."""

import math
from collections.abc import Sequence

from gradlab.escaping import plain

LONGEST = 20_000
"""Characters of one text in a report; what is longer is cut, and says so."""


def clean(text: str) -> str:
    r"""Text on one line that every file and browser shows as it is; what cannot be seen is spelled out.

    >>> clean("a\x00b\u202e")
    'a\\x00b\\u202e'
    """
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}... ({len(text)} characters)"
    return plain(text)


def number(value: float | int | None, digits: int = 4) -> str:
    """A number with so many significant digits and a true minus sign; a dash where there is none.

    >>> number(-0.0457631), number(float("nan")), number(120000)
    ('−0.04576', '–', '120000')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def signed(value: float | int, digits: int = 4) -> str:
    """As `number`, with a plus sign where it is positive.

    >>> signed(0.5), signed(-0.5)
    ('+0.5', '−0.5')
    """
    text = number(value, digits)
    return f"+{text}" if value > 0 else text


def power(log: float | int) -> str:
    """10 to the power of a log10 norm.

    >>> power(-61.23)
    '10^−61.2'
    """
    return f"10^{number(round(log, 1))}"


def listed(parts: Sequence[str]) -> str:
    """A list in words.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else "none"


def span(values: Sequence[float | int]) -> str:
    """A set of numbers in a few characters.

    >>> span([0.5, 0.6, 1.5, 2.0]), span([25.0, 50.0])
    ('0.5 to 2', '25 and 50')
    """
    known = sorted(v for v in values if not math.isnan(v))
    if len(known) > 3:
        return f"{number(known[0])} to {number(known[-1])}"
    return listed([number(v) for v in known])


def counted(count: int, what: str) -> str:
    """A count and its noun.

    >>> counted(1, "seed"), counted(5, "seed")
    ('1 seed', '5 seeds')
    """
    return f"{count} {what}{'s' * (count != 1)}"
