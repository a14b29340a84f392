"""`gradlab.reach`: the gradient of the last output by every input, of any model, and why it is zero."""

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab import digests, runtime
from gradlab.errors import GradlabError
from gradlab.foreign.pytorch.known import is_module, is_tensor
from gradlab.reaching import reasons, scales
from gradlab.reaching.models import Model, quiet
from gradlab.reaching.result import Reach
from gradlab.states import BACKWARD_NONFINITE, FORWARD_NONFINITE, OK, REASONS

ROUNDED = "rounded"


def reach(fn: Any, xs: Any) -> Reach:
    """How much the last output of a model feels each input, by lag: d output_T / d x_t, lag = T - t.

    Args:
      fn: a callable of one sequence, of JAX or of PyTorch (known by the tensors it takes and gives): xs to a
        number, a vector, or a sequence of T outputs, of which the last counts. Of several things returned the
        first is taken.
      xs: inputs (T, ...), floating-point: a tensor, or an array.

    Returns:
      A `Reach`: `table()` by lag, `norms` as an `xarray.Dataset` of log10 norms with their states (the
      largest singular value `reach` and `reach_frobenius`), and `verdict`, a sentence. The gradient is
      computed in the model's own format; where a cotangent of 1 underflows or overflows, others show it.
      Where it is zero, moving the input tells why: `cut` (the output follows: detach, no_grad, truncated
      back-propagation), `unused` (it never moves: a mask, a reset, no way), `flat` (it moves by large steps
      alone: a dead unit, a rounding, a comparison), `rounded` (zero by rounding or underflow), or `unknown`.

    Raises:
      GradlabError: for inputs that are no sequence of finite numbers, and a callable that fails on them.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> late = lambda xs: (jax.lax.stop_gradient(xs[:-3]).sum() + xs[-3:].sum()) ** 2
      >>> reach(late, jnp.ones((5, 1))).reasons
      ('ok', 'ok', 'ok', 'cut', 'cut')
    """
    runtime.configure()
    if not callable(fn):
        raise GradlabError("fn", f"is of type {type(fn).__name__}; pass a callable of one sequence")
    _require_sequence(xs)
    model = _model(fn, xs)
    base = model.value(model.xs)
    T, known = len(model.xs), (_weights(fn, model.name), digests.of_arrays(xs))
    nothing: NDArray[np.float64] = np.full(T, np.nan)
    if not np.isfinite(base).all():
        codes = np.full(T, FORWARD_NONFINITE, np.int8)
        broken = ["nonfinite"] * T
        return Reach(model.name, model.format.name, nothing, nothing, codes, broken, set(), False, *known)
    with quiet():
        found = scales.profile(model)
    by_lag = [column[::-1] for column in found]
    sigma, frobenius, plain = by_lag
    zero = np.isneginf(sigma)
    wide = model.wide() if zero.any() else None
    words = dict.fromkeys(_held_by(wide, zero), ROUNDED)
    more, tried = reasons.reasons(wide or model, zero & ~np.isin(np.arange(T), list(words)))
    words |= _unsaturated(more, model)
    codes = np.where(np.isnan(sigma), BACKWARD_NONFINITE, OK).astype(np.int8)
    said = ["ok" if shown else "rescaled" for shown in plain.tolist()]
    for lag in range(T):
        if lag in words:
            codes[lag], said[lag] = REASONS[words[lag]], words[lag]
        elif codes[lag] == BACKWARD_NONFINITE:
            said[lag] = "nonfinite"
    largest, whole = (np.where(codes == OK, norm, np.nan) for norm in (sigma, frobenius))
    changing = bool(zero.any()) and not tried
    return Reach(model.name, model.format.name, largest, whole, codes, said, tried, changing, *known)


def _weights(fn: Any, name: str) -> str:
    """The digest of the weights of a module of torch or of a tree of arrays; else of the model's name."""
    leaves = list(fn.state_dict().values()) if is_module(fn) else jax.tree.leaves(fn)
    held = [leaf for leaf in leaves if hasattr(leaf, "dtype") and hasattr(leaf, "shape")]
    return digests.of_arrays(held) if held else digests.of_text(name)


def _require_sequence(xs: Any) -> None:
    shape = getattr(xs, "shape", None)
    if shape is None:
        raise GradlabError("xs", f"is a {type(xs).__name__}; pass an array or a tensor (T, d)")
    if len(shape) == 0 or 0 in tuple(shape):
        raise GradlabError("xs", f"has shape {tuple(shape)}; pass an array (T, d), T at least 1")
    if "float" not in str(xs.dtype):
        what = (
            f"is of {str(xs.dtype).removeprefix('torch.')}, which has no gradient; pass floating-point inputs"
        )
        raise GradlabError("xs", f"{what}, such as the embeddings of tokens")
    values = xs.detach().cpu().double().numpy() if is_tensor(xs) else np.asarray(xs, np.float64)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        at = tuple(map(int, bad[0]))
        raise GradlabError(f"xs[{', '.join(map(str, at))}]", f"is {values[at]}; inputs are finite numbers")


def _model(fn: Any, xs: Any) -> Model:
    """The model in JAX or in torch; of an array and a plain callable, whichever can run it."""
    import sys

    if is_module(fn) or is_tensor(xs):
        from gradlab.reaching import in_torch

        return in_torch.model(fn, xs)
    from gradlab.reaching import in_jax

    try:
        return in_jax.model(fn, xs)
    except GradlabError:
        if "torch" not in sys.modules or not isinstance(xs, np.ndarray):
            raise
        from gradlab.reaching import in_torch

        for dtype in (xs.dtype, np.float32):
            try:
                return in_torch.model(fn, xs.astype(dtype))
            except GradlabError:
                continue
        raise


def _held_by(wide: Model | None, zero: NDArray[np.bool_]) -> list[int]:
    """The lags of a zero at which the same model in float64 has a gradient."""
    if wide is None:
        return []
    with quiet():
        sigma = scales.profile(wide).sigma[::-1]
    found: list[int] = np.flatnonzero(zero & np.isfinite(sigma)).tolist()
    return found


def _unsaturated(words: dict[int, str], model: Model) -> dict[int, str]:
    """The reasons, with those zeros named that are none where nothing saturates or underflows."""
    doubtful = {lag for lag, word in words.items() if word in (reasons.FLAT, reasons.UNKNOWN)}
    has = model.unrounded() if doubtful else None
    if has is None:
        return words
    return {lag: ROUNDED if lag in doubtful and has[::-1][lag] else word for lag, word in words.items()}
