"""What belongs to torch, told without importing it; and torch itself, where it is needed."""

import importlib
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import Exit, GradlabError

PRECISIONS = ("float32", "float64")
EXTRA = "install it with the extra: pip install 'gradlab[torch]'"


def is_module(thing: object) -> bool:
    """Whether it is a `torch.nn.Module`: there is none where nobody has imported torch."""
    torch = sys.modules.get("torch")
    return hasattr(torch, "nn") and isinstance(thing, torch.nn.Module)  # type: ignore[union-attr]


def is_tensor(thing: object) -> bool:
    """Whether it is a `torch.Tensor`."""
    torch = sys.modules.get("torch")
    return hasattr(torch, "Tensor") and isinstance(thing, torch.Tensor)  # type: ignore[union-attr]


def needed(package: str, where: str) -> Any:
    """The module of a package of the extra `torch`.

    Raises:
      GradlabError: if it is not installed (exit 6); the line names the extra.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise GradlabError(where, f"needs {name}, which is not here; {EXTRA}", Exit.ENVIRONMENT) from error


def array(where: str, thing: Any) -> NDArray[Any]:
    """A tensor, or an array, as an array of float32 or float64 on the host.

    Raises:
      GradlabError: for anything else, and for a number that is NaN or infinite, with its place.
    """
    try:
        found = thing.detach().cpu().resolve_conj().numpy() if is_tensor(thing) else np.asarray(thing)
    except (TypeError, ValueError, RuntimeError) as error:
        # Tensors of bfloat16, quantised and sparse ones have no form in numpy.
        kind = getattr(thing, "dtype", type(thing).__name__)
        raise GradlabError(where, f"is of {kind}; float32 or float64 is measured: cast it") from error
    if str(found.dtype) not in PRECISIONS:
        raise GradlabError(where, f"is of {found.dtype}; float32 or float64 is measured: cast it")
    finite(where, found)
    return found


def finite(where: str, values: NDArray[Any]) -> None:
    """Refuse the first number that is NaN or infinite, with its place."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        at = tuple(map(int, bad[0]))
        place = f"{where}[{', '.join(map(str, at))}]" if at else where
        raise GradlabError(place, f"is {values[at]}; a network starts from finite numbers")


def sequence(xs: Any, precision: str) -> NDArray[Any]:
    """Inputs (T, ...) of one sequence, at least one step, in a precision."""
    if xs is None:
        raise GradlabError("xs", "is not given; pass the inputs of one sequence, an array (T, d)")
    found = host(xs)
    if found.dtype.kind not in "fiub":
        raise GradlabError("xs", f"is of {found.dtype}; pass an array (T, d) of real numbers")
    if found.ndim == 0 or len(found) == 0:
        raise GradlabError("xs", f"has shape {found.shape}; pass an array (T, d), T at least 1")
    finite("xs", found)
    return found.astype(precision)


def host(xs: Any) -> NDArray[Any]:
    """A tensor, or what numpy takes for an array, on the host."""
    try:
        return np.asarray(xs.detach().cpu() if is_tensor(xs) else xs)
    except (TypeError, ValueError) as error:
        raise GradlabError("xs", f"is a {type(xs).__name__}; pass an array (T, d)") from error


def unpacked(xs: Any, lengths: Any) -> tuple[Any, Any]:
    """Inputs, batch first, and the lengths of a `PackedSequence`; other inputs as they are.

    Raises:
      GradlabError: if lengths are given beside it.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(xs, torch.nn.utils.rnn.PackedSequence):
        return xs, lengths
    if lengths is not None:
        raise GradlabError("lengths", "is given beside a PackedSequence, which has its own; leave it out")
    padded, ends = torch.nn.utils.rnn.pad_packed_sequence(xs, batch_first=True)
    return padded, ends.numpy()
