"""Questions with answers to choose from, of which the numbers of a run say which is true."""

from collections.abc import Mapping

from gradlab.lesson.parts import Choices


def most(asked: str, values: Mapping[str, float | int]) -> Choices | None:
    """The name with the largest value is true; nothing is asked where several have it.

    >>> most("Which?", {"a": 1.0, "b": 2.0}).right
    1
    >>> most("Which?", {"a": 2.0, "b": 2.0})
    """
    largest = max(values.values())
    right = [k for k, value in enumerate(values.values()) if value == largest]
    return Choices(asked, tuple(values), right[0]) if len(right) == 1 else None


def least(asked: str, values: Mapping[str, float | int]) -> Choices | None:
    """The name with the smallest value is true."""
    return most(asked, {name: -value for name, value in values.items()})


def either(asked: str, yes: str, no: str, found: bool) -> Choices:
    """One of two is true."""
    return Choices(asked, (yes, no), 0 if found else 1)


def above(asked: str, value: float | int, bounds: Mapping[str, float | int]) -> Choices:
    """The first name whose bound the value reaches is true, or else the last one; bounds fall.

    >>> above("How much?", 0.06, {"a half": 0.2, "a twentieth": 0.02, "less": 0.0}).right
    1
    """
    reached = (k for k, bound in enumerate(bounds.values()) if value >= bound)
    return Choices(asked, tuple(bounds), next(reached, len(bounds) - 1))


def count(asked: str, value: int, others: tuple[int, ...]) -> Choices:
    """A number among others, in their order.

    >>> count("How many?", 5, (1, 9)).answers, count("How many?", 5, (1, 9)).right
    (('1', '5', '9'), 1)
    """
    numbers = sorted({value, *others})
    return Choices(asked, tuple(map(str, numbers)), numbers.index(value))
