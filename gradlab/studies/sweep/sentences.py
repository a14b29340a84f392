"""What the rows of a sweep say, in sentences."""

import math
from typing import TYPE_CHECKING

from gradlab.metrics import every
from gradlab.stats import percent
from gradlab.studies.sweep.rows import PointRow, groups

if TYPE_CHECKING:
    import xarray


def verdict(norms: "xarray.Dataset") -> str:
    """What the numbers say: one sentence for each (cell, init, w_rec), at its longest T."""
    several = norms.sizes["init"] > 1
    sentences = [_sentence(row, several) for row in groups(norms)]
    # Of one network alone it is known over which sequences its numbers are, where its forward pass broke in
    # them, and where and why its derivative was rounded to zero.
    known = [norms.attrs[name] for name in ("averaged", "broken", "rounded") if name in norms.attrs]
    return "\n".join([*sentences, *(f"{words[0].upper()}{words[1:]}." for words in known)])


def _sentence(row: PointRow, several_inits: bool) -> str:
    where = f"{row.cell} ({row.init})" if several_inits else row.cell
    gain = "" if math.isnan(row.w_rec) or not row.has_gain else f" at w_rec = {row.w_rec:g}"
    if row.given:
        count, gain = "" if row.seeds == 1 else f" ({row.seeds} sequences)", f"{gain}, this network"
    else:
        count = " (1 seed, so no interval)" if row.seeds == 1 else f" ({row.seeds} seeds)"
    head = f"{where}{gain}, T = {row.T}{count}: {row.regime}"
    each = "sequences" if row.given else "seeds"
    if row.nonfinite:
        who = "" if row.seeds == 1 else f" in {row.nonfinite} of {row.seeds} {each}"
        step = f"first at step {row.nonfinite_step}"
        return f"{head}; the forward pass overflows{who}, {step}, and has no gradient to measure there."
    if row.backward_nonfinite:
        who = "" if row.seeds == 1 else f" in {row.backward_nonfinite} of {row.seeds} {each}"
        named = [leaf for leaf in row.backward_leaves if leaf != "state"]
        leaves = f" in {' and '.join(named)}" if named else ""
        kept = row.T - row.backward_step
        where = f"going back, first at step {row.backward_step}{leaves}"
        return (
            f"{head}; the forward pass is finite and its derivative is not{who}: {where}{_kept(row, kept)}."
        )
    if math.isnan(row.rate):
        few = "are known" if math.isnan(row.values["hard_horizon"]) else "are not exactly zero"
        return f"{head}; {_what(row)} has too few norms that {few} for a rate{_reach(row)}."
    some = "" if row.rated == row.seeds else f" in the {row.rated} of {row.seeds} {each} that have a rate"
    known = (
        "" if math.isnan(row.level) else f" ({percent(row.level)} interval {row.low:+.4g} to {row.high:+.4g})"
    )
    change = f"{_what(row)} changes by {row.rate:+.4g} decades per step of lag{known}{some}"
    return f"{head}; {change}{_reach(row)}{_chaos(row, each)}."


def _what(row: PointRow) -> str:
    """What the rate is of."""
    if row.of == "transport" or row.whole:
        return f"the {row.of}"
    return "it rescales its own state, so this is of the reach, dreadout_T/dx_t: the reach"


def _kept(row: PointRow, lags: int) -> str:
    """What the lags before the break say, as the end of a sentence."""
    if math.isnan(row.rate):
        return ""
    return f"; over lags 0 to {lags} the {row.of} changes by {row.rate:+.4g} decades per step of lag"


def _chaos(row: PointRow, each: str) -> str:
    """Which of the numbers another precision would not find again, as the end of a sentence."""
    if not row.chaotic:
        return ""
    if row.seeds == 1:
        return "; chaotic: these numbers hold for this trajectory only"
    are, their = ("is", "its") if row.chaotic == 1 else ("are", "their")
    counted = f"{row.chaotic} of {row.seeds} {each} {are} chaotic"
    return f"; {counted}: {their} numbers hold for {their} trajectory only"


def _reach(row: PointRow) -> str:
    """The metrics that have a phrase, as the end of a sentence; those that are means after the medians."""
    # What is not known at the far end may have fallen.
    far = bool(len(row.profile) and not math.isnan(float(row.profile[-1])))
    said: dict[str, list[str]] = {"median": [], "mean": []}
    for metric in every():
        value = row.values.get(metric.name, math.nan)
        if metric.phrase and not math.isnan(value):
            said[metric.pooling].append(metric.phrase.format(value))
        elif metric.absent and metric.name in row.values and far:
            said[metric.pooling].append(metric.absent.format(T=row.T))
    each = "sequences" if row.given else "seeds"
    over = {pooling: f" ({pooling}s over {each})" if row.seeds > 1 else "" for pooling in said}
    parts = [f"{', '.join(some)}{over[pooling]}" for pooling, some in said.items() if some]
    return f": {', '.join(parts)}" if parts else ""
