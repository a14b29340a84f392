"""What is said of a number of each network: its meaning, its unit, how far it may move, how it prints."""

import math
from typing import Any


class Quantity:
    """A metric, or a column of a probe: what differs from one to another, with a default for each."""

    unit: str = ""
    limits: tuple[float, float] | None = (1e-4, 1e-3)
    """How far it may move in a comparison: absolute, and relative to what it was. None for 1e-6, relative.

    Of a column that is a logarithm the default is absolute alone.
    """
    heading: str = ""
    """Of its column on the terminal; the name if empty."""
    width: int = 7
    """Characters of a value on the terminal."""
    form: str = ""
    """How a value is written there, such as `{:.1%}`; with as many digits as its width allows if empty."""
    axis: str = ""
    """Of a plot; name and unit if empty."""
    beyond: str = ""
    """The column that says what a value of this one exceeds where it is not computed; unknown if empty."""

    @property
    def name(self) -> str:
        """What a user calls it."""
        raise NotImplementedError

    @property
    def meaning(self) -> str:
        """In one sentence, without its full stop."""
        return self.words

    @property
    def words(self) -> str:
        """The name as words."""
        return self.name.replace("_", " ")

    @property
    def clause(self) -> str:
        """The meaning within a sentence."""
        head, rest = self.meaning[:1], self.meaning[1:]
        return (head.lower() if rest[:1].islower() else head) + rest

    @property
    def label(self) -> str:
        """Of the axis of a plot."""
        return self.axis or (f"{self.words} ({self.unit})" if self.unit else self.words)

    def text(self, value: float) -> str:
        """A value in a table of the terminal; a dash for none."""
        if math.isnan(value):
            return "-"
        return self.form.format(value) if self.form else short(value, self.width)


def short(value: float | int, width: int) -> str:
    """A number in at most `width` characters.

    >>> short(200, 4), short(1_000_000, 4), short(64.25, 5), short(123456.0, 5)
    ('200', '1e6', '64.25', '1.2e5')
    """
    for digits in range(width - 1, 0, -1):
        text = f"{value:.{digits}g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
        if float(value).is_integer() and len(f"{value:.0f}") <= width:
            text = f"{value:.0f}"
        if len(text) <= width:
            return text
    return text


def cut(name: str, width: int) -> str:
    """A name in at most `width` characters: its beginning and its end, where settings stand.

    >>> cut("clip_norm(threshold=10.0)", 19), cut("esn", 19)
    ('clip_nor...ld=10.0)', 'esn')
    """
    end = (width - 3) // 2
    return name if len(name) <= width else f"{name[: width - 3 - end]}...{name[-end:]}"


STATED: dict[str, Any] = {
    "meaning": str,
    "unit": str,
    "limits": tuple,
    "heading": str,
    "width": int,
    "form": str,
    "axis": str,
    "beyond": str,
}
"""What the file of a probe may say of a column, and the type of each."""
LOGARITHMS = ("log10", "nats")
"""How the units of logarithms begin: a limit relative to one means nothing."""


class Column(Quantity):
    """A column of a probe, with what the probe's file says of it."""

    def __init__(self, name: str, facts: dict[str, Any] | None = None) -> None:
        self._name = name
        self._meaning = ""
        for key, value in (facts or {}).items():
            setattr(self, "_meaning" if key == "meaning" else key, value)
        if self.unit.startswith(LOGARITHMS) and "limits" not in (facts or {}):
            self.limits = (1e-4, 0.0)

    @property
    def name(self) -> str:
        """As the dataset has it."""
        return self._name

    @property
    def meaning(self) -> str:
        """As stated; else the name as words."""
        return self._meaning or self.words


SEVERAL: dict[str, dict[str, Any]] = {
    "sequences": {
        "meaning": "Sequences that have the lag, each counted from its own last step",
        "unit": "sequences",
        "limits": (0.0, 0.0),
        "form": "{:.0f}",
    },
    "weight_gradient_of_mean": {
        "meaning": "Norm of the mean over sequences of the part of dL/dW_rec that comes from the lag",
        "unit": "log10",
        "heading": "of mean",
    },
    "gradient_of_mean": {
        "meaning": "Norm of dL/dparams by leaf, of the mean loss of several sequences",
        "unit": "log10",
        "heading": "of mean",
    },
    "gradient_projection_of_mean": {
        "meaning": "Sum with random signs of that gradient by leaf, over its norm",
        "heading": "projected",
    },
}
"""Facts of the columns that a batch of several sequences has, and a single one has not."""
COUNTED = "_sequences"
"""After the name of a column: how many sequences its mean is over, where that is fewer than have the lag."""


def several(column: str) -> Column:
    """The column of a name that a batch of several sequences may have, or of which nothing is known.

    >>> several("weight_gradient_sequences").meaning
    'Sequences that the mean of the weight gradient is over: those in which it is not zero'
    """
    if column.endswith(COUNTED) and column not in SEVERAL:
        of = Column(column.removesuffix(COUNTED)).words
        said = f"Sequences that the mean of the {of} is over: those in which it is not zero"
        return Column(column, SEVERAL["sequences"] | {"meaning": said, "unit": "sequences"})
    return Column(column, SEVERAL.get(column))


def fault(facts: Any) -> str:
    """What is wrong with the facts that a file states of a column; empty if nothing is.

    >>> fault({"unit": "steps", "limits": (0.01, 0.02)}), fault({"units": "steps"})
    ('', 'units is no fact; known: axis, beyond, form, heading, limits, meaning, unit, width')
    """
    if not isinstance(facts, dict):
        return "is no dict of facts"
    for key, value in facts.items():
        if key not in STATED:
            return f"{key} is no fact; known: {', '.join(sorted(STATED))}"
        if not isinstance(value, STATED[key]) and not (key == "limits" and value is None):
            return f"{key} is {value!r}, and no {STATED[key].__name__}"
    limits = facts.get("limits")
    if limits is not None and not (len(limits) == 2 and all(_room(one) for one in limits)):
        return f"limits is {limits!r}, and not two numbers of 0 or more: absolute and relative"
    if limits is not None and limits[1] and facts.get("unit", "").startswith(LOGARITHMS):
        return f"limits is {limits!r}: relative to a logarithm means nothing"
    if not 1 <= facts.get("width", 7) <= 40:
        return f"width is {facts['width']}; 1 to 40"
    try:
        facts.get("form", "").format(0.5)
    except (ValueError, LookupError, AttributeError, TypeError):
        return f"form is {facts['form']!r}, which does not write a number; such as '{{:.2f}}'"
    return ""


def _room(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
