"""How a step declares that its backward pass differs from its derivative on purpose."""

from collections.abc import Callable
from typing import Any, TypeVar

Declared = TypeVar("Declared", bound=Callable[..., Any])


def surrogate(step: Declared) -> Declared:
    """Declare that the backward pass of `step` differs from its derivative on purpose.

    A spiking unit with a smooth derivative, a straight-through estimator, a derivative that is clipped:
    `gradlab verify` then still compares scan, loop, padded and batched sequences and its own backward
    pass, and says how far the declared gradient is from the derivative instead of calling it wrong.
    A class of cells may be decorated, too, or state `surrogate = True` itself.

    >>> @surrogate
    ... def step(w, h, x):
    ...     return w * h + x
    >>> step.surrogate
    True

    Raises:
      TypeError: for what takes no attribute, such as a bound method; decorate the function.
    """
    try:
        step.surrogate = True  # type: ignore[attr-defined]
    except AttributeError as error:
        raise TypeError(f"{step!r} cannot be marked; decorate the function or class itself") from error
    return step


def declared(step: Any) -> bool:
    """Whether a step, the function that it wraps, or the cell that it belongs to is a surrogate."""
    beside = (step, getattr(step, "__wrapped__", None), getattr(step, "__self__", None))
    return any(getattr(place, "surrogate", False) is True for place in beside)
