"""A model as `reach` sees it: its last output, and what a cotangent of it sends into every input."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError, shown

Array = NDArray[np.float64]
OUTPUTS = 256
"""Numbers of the last output, each of which goes back on its own."""


class Format(NamedTuple):
    """The floating-point format that a model computes in."""

    name: str
    eps: float
    tiny: float
    """The smallest normal number."""
    top: int
    """2**top is the largest power of two."""


class Model(NamedTuple):
    """A callable at one sequence."""

    name: str
    format: Format
    xs: Array
    """Inputs (T, ...)."""
    value: Callable[[Array], Array]
    """The last output of inputs, flat."""
    pulled: Callable[[int], Array]
    """k -> (outputs, T, ...): what cotangents 2**k of each entry of the last output send into the inputs."""
    unrounded: Callable[[], NDArray[np.bool_] | None]
    """Steps whose gradient is not zero where nothing saturates or underflows; None if that cannot be run."""
    wide: Callable[[], Any]
    """The same model in float64, or None."""
    rows: int
    """Numbers in the last output."""


def last(outputs: Any, T: int) -> Any:
    """The last of a sequence of outputs; what is no sequence of T is taken whole."""
    first = outputs[0] if isinstance(outputs, tuple | list) and outputs else outputs
    shape = getattr(first, "shape", None)
    return first[-1] if shape and shape[0] == T and T > 1 else first


def require_outputs(count: int) -> None:
    """Refuse a last output without numbers, or of more than are sent back."""
    if not 0 < count <= OUTPUTS:
        what = (
            f"gives {count} numbers as its last output; 1 to {OUTPUTS} are possible: return those that matter"
        )
        raise GradlabError("fn", what)


def failed(error: Exception, what: str) -> GradlabError:
    """One line about what a callable has raised."""
    said = (str(error).splitlines() or [""])[0]
    advice = f"it is called with one sequence, {what}"
    return GradlabError("fn", f"fails: {type(error).__name__}: {shown(said, 120)}; {advice}")


def named(fn: Any) -> str:
    """What a callable is called."""
    name = getattr(fn, "__name__", type(fn).__name__)
    return "fn" if name == "<lambda>" else str(name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Numbers that overflow are told by their states, not by numpy's warnings."""
    with np.errstate(all="ignore"):
        yield
