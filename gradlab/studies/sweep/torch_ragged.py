"""A step module of torch on sequences of different lengths: each is sent back from its own last step."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.foreign.pytorch import cells, known
from gradlab.foreign.pytorch.rows import added, log10, norm
from gradlab.states import OK, UNDEFINED
from gradlab.studies.sweep import alone, averaged, batches, torch_steps
from gradlab.studies.sweep.program import GRADIENT, GRADIENT_AXES, SHIFT
from gradlab.studies.sweep.torch_steps import Extras, Found

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]
Sum = dict[str, tuple[Array, int]]
"""Arrays by name, each with an exponent of two."""


class _Sums:
    """The gradients of all sequences, added lag by lag."""

    def __init__(self) -> None:
        self.lags: list[Sum] = []
        self._lag = 0

    def begin(self) -> None:
        """A further sequence follows, from its last step back."""
        self._lag = 0

    def hear(self, weights: dict[str, Array], exponent: int) -> None:
        """What each parameter gets at the next lag."""
        if self._lag == len(self.lags):
            self.lags.append({})
        own = self.lags[self._lag]
        for name, value in weights.items():
            own[name] = added(own.get(name), (value, exponent))
        self._lag += 1


def measured(
    module: Any, xs: Any, state: Any, lengths: Any, *, targets: Any, seed: int, **asked: Any
) -> "xarray.Dataset":
    """The dataset of a module's steps over all sequences of a batch (B, T, ...), as that of a step of JAX.

    Raises:
      GradlabError: for whatever cannot be measured, by name.
    """
    inputs, ends = _sequences(xs, lengths)
    sums, each = _Sums(), []
    every = asked["loss"] is not None and asked["objective"] == "every"
    given = _targets(targets, inputs, every) if asked["loss"] is not None else [()] * len(ends)
    for one, target in zip(inputs, given, strict=True):
        sums.begin()
        found = torch_steps.of_sequence(
            module, one, state, targets=target, seed=seed, heard=sums.hear, **asked
        )
        each.append(found)
    longest = int(ends.max())
    columns, extras, apart = _pooled(each, longest)
    extras |= _having(ends)
    if each[0].recurrent:
        extras |= _of_mean(each, sums, ends, apart)
    broken = [one.broken for one in each]
    first = min((step for step in broken if step), default=0)
    made = torch_steps.labelled(each[0], columns, extras, first, longest, seed)
    sequence = alone.digest((state, inputs, targets, seed))
    return made.assign_attrs(averaged.facts(ends, broken) | {"sequence": sequence})


def _sequences(xs: Any, lengths: Any) -> tuple[list[Array], NDArray[np.int32]]:
    """The inputs of each sequence at its own length, float64, and these lengths."""
    host = known.host(xs)
    if host.dtype.kind not in "fiub":
        raise GradlabError("xs", f"is of {host.dtype}; pass an array (B, T, d) of real numbers")
    with jax.enable_x64(True):
        batch = batches.of(host.astype(np.float64), lengths, (), None, False)
    whole = np.asarray(batch.xs)
    return [whole[i, :n] for i, n in enumerate(batch.lengths.tolist())], batch.lengths


def _targets(targets: Any, inputs: Sequence[Array], every: bool) -> list[Any]:
    """The targets of each sequence, of a loss at every step as many as it has steps."""
    count = len(inputs)

    def require(where: str, leaf: Any) -> Any:
        shape = tuple(getattr(leaf, "shape", ()))
        longest = max(map(len, inputs))
        if not shape or shape[0] != count or (every and (len(shape) < 2 or shape[1] < longest)):
            form = (
                f"({count}, {longest}, ...), one for each step" if every else f"({count}, ...), one for each"
            )
            raise GradlabError(where, f"has shape {shape}; of these sequences it is {form}")
        return leaf

    def own(i: int) -> Any:
        steps = len(inputs[i])
        cut = lambda where, leaf: leaf[i, :steps] if every else leaf[i]
        return cells.mapped(cut, "targets", targets)

    cells.mapped(require, "targets", targets)
    return [own(i) for i in range(count)]


def _pooled(each: Sequence[Found], longest: int) -> tuple[dict[str, Any], Extras, dict[str, Any]]:
    """Columns and extras as means over the sequences, and what the mean gradient is compared with."""
    columns, extras, apart = {}, {}, {}
    for name in each[0].logs:
        by_lag = name != GRADIENT
        values = np.stack(
            [_long(one.logs[name], longest, np.nan) if by_lag else one.logs[name] for one in each]
        )
        codes = np.stack(
            [_long(one.codes[name], longest, UNDEFINED) if by_lag else one.codes[name] for one in each]
        )
        found = averaged.pooled(np.where(codes == OK, values, np.nan), codes)
        apart[name] = values, found.state
        if by_lag:
            columns[name] = found.value, found.state
            few = found.sequences[:, 0] if name == "transport" else found.sequences
            counted = codes[..., 0] if name == "transport" else codes
            axes = ("lag", "part") if few.ndim == 2 else ("lag",)
            for key, (own, value, code) in averaged.counted(name, axes, counted, few).items():
                extras[key] = own, value[0, 0, 0, 0], code[0, 0, 0, 0]
            continue
        signed = averaged.pooled(np.stack([one.signed for one in each]), codes)
        if each[0].cell.params:
            for key, value in zip(GRADIENT_AXES, (found.value, signed.value), strict=True):
                extras[key] = GRADIENT_AXES[key], value, found.state
    shift = max(one.shift for one in each) if not any(np.isnan(one.shift) for one in each) else float("nan")
    extras[SHIFT] = (), *torch_steps.shifted(shift)
    return columns, extras, apart


def _long(own: Array, longest: int, filling: Any) -> Array:
    """An array (lag, ...) with room for all lags."""
    more = [(0, longest + 1 - len(own)), *[(0, 0)] * (own.ndim - 1)]
    return np.pad(own, more, constant_values=filling)


def _having(ends: NDArray[np.int32]) -> Extras:
    """How many sequences have each lag."""
    return {
        name: (axes, value[0, 0, 0, 0], code[0, 0, 0, 0])
        for name, (axes, value, code) in averaged.having(ends).items()
    }


def _of_mean(
    each: Sequence[Found], sums: _Sums, ends: NDArray[np.int32], apart: dict[str, Any]
) -> dict[str, Any]:
    """The norms of the mean gradient: by lag over the sequences that have it, by parameter over all."""
    cell, recurrent = each[0].cell, each[0].recurrent
    by_lag = []
    for lag, total in enumerate(sums.lags):
        # Each has an exponent of its own: they meet at the largest.
        top = max(total[name][1] for name in recurrent)
        some = [np.ldexp(total[name][0], max(total[name][1] - top, -4000)) for name in recurrent]
        by_lag.append(float(log10(norm(some), top)) - np.log10((ends > lag).sum()))
    whole: Sum = {}
    for one in each:
        for name, value in one.sent.gradient.items():
            whole[name] = added(whole.get(name), value)
    leaves = [_log(whole[name]) - np.log10(len(each)) for name in cell.params]
    projection = torch_steps.projected({name: whole[name][0] for name in cell.params})
    together = averaged.Together(
        np.array(by_lag), np.zeros(len(by_lag), bool), np.array(leaves, np.float64), projection
    )
    broken = any(one.broken for one in each)
    (lags, lags_state), (own, own_state) = apart["weight_gradient"], apart[GRADIENT]
    told = averaged.Apart(lags, lags_state, own, own_state, broken)
    return averaged.of_norms(together, told, cell.precision, False)


def _log(found: tuple[Array, int]) -> float:
    value, exponent = found
    size = float(np.linalg.norm(value)) if np.isfinite(value).all() else np.nan
    return -np.inf if size == 0 else float(np.log10(size) + exponent * np.log10(2))
