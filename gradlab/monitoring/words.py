"""What a monitor says of a look, in sentences made from its numbers."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradlab.monitoring.batch import forward_leaves
from gradlab.monitoring.looks import Call, Look
from gradlab.studies.sweep import results
from gradlab.studies.sweep.rows import PointRow, groups

if TYPE_CHECKING:
    import xarray


def rows(look: Look) -> list[PointRow]:
    """What the sequences of a look say together: a row for each cell."""
    return groups(look.norms)


def horizon(row: PointRow) -> float:
    """The lag at which the transport has fallen by 10^3, or beyond which it is exactly zero.

    Infinite where neither happens within the sequence, NaN where that is not known.
    """
    known = [row.values[name] for name in ("soft_horizon", "hard_horizon")]
    found = [value for value in known if not math.isnan(value)]
    if found:
        return min(found)
    far = bool(len(row.profile)) and not math.isnan(float(row.profile[-1]))
    return math.inf if far and row.regime != "NONFINITE" else math.nan


def short(look: Look, needs: float | int, before: Look | None) -> str:
    """That a horizon is below what is needed; empty if none is."""
    for row in rows(look):
        found = horizon(row)
        if not found < needs:
            continue
        hard = found == row.values["hard_horizon"] and found != row.values["soft_horizon"]
        fell = f"is exactly zero beyond lag {found:.3g}" if hard else f"has fallen by 10^3 at lag {found:.3g}"
        of = f" (median over {row.seeds} sequences)" if row.seeds > 1 else ""
        said = f"update {look.update}: the {row.of} of {row.cell} {fell}{of}, and needs = {needs:g}"
        was = [horizon(one) for one in rows(before) if one.cell == row.cell] if before is not None else []
        if was and not math.isnan(was[0]):
            far = f"at lag {was[0]:.3g}" if math.isfinite(was[0]) else f"beyond the {row.T} steps"
            said += f"; at update {before.update if before else 0} that was {far}"
        return said
    return ""


def hidden(look: Look, norm: float, clip: float | int) -> str:
    """That clipping hides an explosion; empty if it does not."""
    if not norm > clip:
        return ""
    for row in rows(look):
        if row.regime == "EXPLODE":
            left = f"clipping leaves {clip:g} of it, a share of {clip / norm:.2g}"
            grows = f"the {row.of} of {row.cell} changes by {row.rate:+.4g} decades per step of lag"
            whole = f"{row.rate * row.T:+.3g} over T = {row.T}"
            return (
                f"update {look.update}: the gradient has norm {norm:.3g}, {left}, and explodes: {grows}, "
                f"{whole}; a factor on the whole gradient does not change that"
            )
    return ""


def lost(call: Call, look: Look, sequence: int, leaf: str) -> str:
    """Where the first number was born that is not finite: sequence, pass, step and leaf.

    `sequence` is the place in the batch of the look's first; `leaf` what of the training is lost.
    """
    does = f"leaves {leaf} not finite" if leaf.startswith("params") else f"has {leaf} not finite"
    head = f"update {call.update} {does}; batch[{sequence}] of {call.shape[0]} sequences"
    first = look.norms.isel(seed=[0])
    failed = results.failures(results.metrics(first), first)
    if failed:
        return f"{head}: {_pass(call, failed[0], sequence)}"
    largest = _largest(look)
    if math.isfinite(largest):
        limit = _limit(first)
        if largest > limit:
            return f"{head}: its gradient is 10^{largest:.3g}, and the format ends at 10^{limit:.3g}"
    return f"{head}: a measurement of it alone finds finite norms"


def _pass(call: Call, failed: "dict[str, object]", sequence: int) -> str:
    step = int(str(failed["step"]))
    if failed["pass"] == "forward":
        leaves = forward_leaves(call, sequence, step) if call.is_jax else []
        return f"the forward pass is not finite from step {step} on{_in(leaves)}"
    leaves = [str(leaf) for leaf in list(failed["leaves"])]  # type: ignore[call-overload]
    named = [leaf for leaf in leaves if leaf != "state"]
    return f"the forward pass is finite; going back, the derivative of step {step} is not{_in(named)}"


def _in(leaves: Sequence[str]) -> str:
    return f", in {' and '.join(leaves)}" if leaves else ""


def _limit(norms: "xarray.Dataset") -> float:
    """log10 of the largest number of the format."""
    return math.log10(float(np.finfo(str(norms.attrs["precision"])).max))


def _largest(look: Look) -> float:
    """log10 of the largest norm of a gradient of any parameter, or of an adjoint."""
    names = [name for name in ("gradient", "adjoint", "weight_gradient") if name in look.norms]
    values = np.concatenate([look.norms[name].isel(seed=0).values.ravel() for name in names])
    return float(np.nanmax(values)) if np.isfinite(values).any() else math.nan


def is_lost(norms: "xarray.Dataset") -> bool:
    """Whether a measurement of one sequence has a pass that is not finite, or numbers beyond its format."""
    if results.failures(results.metrics(norms), norms):
        return True
    return _largest(Look(0, norms)) > _limit(norms)
