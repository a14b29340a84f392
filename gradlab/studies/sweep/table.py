"""The result of a sweep as the terminal shows it: one row per (cell, w_rec), at the longest T."""

import itertools
import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from gradlab import schemas
from gradlab.escaping import plain
from gradlab.metrics import Metric, held, short
from gradlab.runs import manifest
from gradlab.stats import LEVEL, percent
from gradlab.studies.sweep import probed, results
from gradlab.studies.sweep.columns import undefined
from gradlab.studies.sweep.regimes import EQUIVALENT
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import PointRow
from gradlab.studies.sweep.updates import trained

if TYPE_CHECKING:
    import xarray

SPAN = 6.0
"""Decades from the middle of a sparkline to its top and to its bottom; one scale for all rows."""
FAR = 0.01
"""Of its size: a state that one rounding moves further is not to be trusted."""
BLOCKS = {True: "▁▂▃▄▅▆▇█", False: "_.:-=+*#"}
STYLES = {
    "VANISH": "blue",
    "STABLE": "green",
    "EXPLODE": "red",
    "UNDECIDED": "yellow",
    "NONFINITE": "bold red",
    "UNDEFINED": "dim",
}

_HEAD = f"{'w_rec':>6} {'regime':<10} {'rate':>7} {f'[{percent(LEVEL)} interval]':<17}"


def columns(run: Run) -> list[Metric]:
    """The metrics of a run that have a column, in their order."""
    return [metric for metric in held(run.norms) if metric.column]


def _head(run: Run) -> str:
    return " ".join([_HEAD, *(f"{_heading(metric):>{_width(metric)}}" for metric in columns(run))])


def _heading(metric: Metric) -> str:
    return metric.heading or metric.name


def _width(metric: Metric) -> int:
    return max(metric.width, len(_heading(metric)))


def least_width(run: Run) -> int:
    """Columns that a row needs; in a narrower terminal lines wrap rather than lose digits."""
    return len(_head(run))


def render(run: Run, width: int, *, unicode: bool, color: bool) -> Text:
    """The table of a run, at most `width` columns wide (and at least `least_width`).

    Words carry the meaning; `color` only adds to it, `unicode` chooses the characters of the sparklines.
    """
    width = max(width, least_width(run))
    rows, text = results.groups(run), glance(run, width, unicode=unicode, color=color)
    text.append("\n" + "\n".join(_caption(rows, run, width, unicode)) + "\n", "dim" if color else "")
    return text.append_text(probed.render(run, width, color=color))


def glance(run: Run, width: int, *, unicode: bool, color: bool) -> Text:
    """The rows alone."""
    rows, head = results.groups(run), _head(run)
    updates = trained(run.norms)
    if updates:
        # A network and its updates in order, in the place of cells and their w_rec.
        order = list(dict.fromkeys(network for network, _ in updates.values()))
        rows.sort(key=lambda row: (order.index(updates[row.cell][0]), updates[row.cell][1]))
        head = head.replace(" w_rec", "update", 1)
    spark = min(width - len(head) - 1, 40)
    text = Text(no_wrap=True, overflow="ignore", end="")
    heading, some = None, columns(run)
    several = len({row.init for row in rows}) > 1
    for row in rows:
        cell, update = updates.get(row.cell, (row.cell, None))
        if (cell, row.init) != heading:
            if heading is not None:
                text.append("\n")
            heading = (cell, row.init)
            text.append(plain(f"{cell}, init {row.init}" if several else cell), "bold" if color else "")
            label = f" {'lag 0..T':<{spark}}".rstrip() if spark >= 8 else ""
            text.append(f"\n{head}{label}\n", "dim" if color else "")
        word, rest = _cells(row, some)
        gain = "own" if row.given or not row.has_gain else short(row.w_rec, 6)
        text.append(f"{gain if update is None else update:>6} ")
        text.append(word, STYLES[row.regime] if color else "")
        text.append(f"{rest} {sparkline(row.profile, max(spark, 0), unicode)}".rstrip() + "\n")
    return text


def document(run: Run) -> dict[str, Any]:
    """The table as one JSON document: numbers are finite or null."""
    rows = []
    groups = results.groups(run)
    for group in groups:
        row = {k: v for k, v in group.record().items() if k != "profile"}
        rows.append({k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()})
    head = {"schema": schemas.newest("table"), "status": run.about.get("status")}
    return head | {"data": rows, "columns": probed.document(run, groups)}


def sparkline(profile: NDArray[np.float64], width: int, unicode: bool) -> str:
    """log10 norm against lag as `width` blocks, 10^-SPAN (lowest) to 10^SPAN (highest).

    Blank where no seed has a norm that is not exactly zero.

    >>> import numpy as np
    >>> sparkline(np.array([6.0, 0.0, -6.0, np.nan]), 4, unicode=False)
    '#=_ '
    """
    blocks = BLOCKS[unicode]
    line = ""
    for bin in np.array_split(profile, min(width, len(profile))) if width else []:
        known = bin[~np.isnan(bin)]
        level = (float(known.mean()) / SPAN + 1) / 2 if len(known) else math.nan
        line += " " if math.isnan(level) else blocks[min(max(math.floor(level * 8), 0), 7)]
    return line


def _cells(row: PointRow, some: list[Metric]) -> tuple[str, str]:
    """The regime word and the numbers after it, in columns of these metrics."""
    if row.regime == "NONFINITE" and not row.nonfinite:
        rest, texts = (
            f" back at {row.backward_step} ({row.backward_nonfinite}/{row.seeds})",
            ["-"] * len(some),
        )
    elif row.nonfinite:
        rest = f" step {row.nonfinite_step} ({row.nonfinite}/{row.seeds} {row.repeats})"
        rest = rest if len(rest) <= 27 else rest.replace(f" {row.repeats}", "")
        texts = ["-"] * len(some)
    else:
        star = f"{'*' * row.trajectory_dependent:<{10 - len(row.regime)}}"
        interval = "" if math.isnan(row.low) else f"[{_rate(row.low):>7},{_rate(row.high):>7}]"
        rest = f"{star} {_rate(row.rate):>7} {interval:<17}"
        texts = [_value(metric, row) for metric in some]
    cells = [f"{text:>{_width(metric)}}" for metric, text in zip(some, texts, strict=True)]
    return row.regime, " ".join([f"{rest:<27}", *cells])


def _value(metric: Metric, row: PointRow) -> str:
    """A value; what it stands for where there is none, unless nothing at all is known."""
    value = row.values.get(metric.name, math.nan)
    return "-" if math.isnan(value) and row.regime == "UNDEFINED" else metric.shown(value, row.T)


def _rate(value: float) -> str:
    """A rate in at most seven characters, with as many digits as fit.

    >>> _rate(-0.04576), _rate(1.2e-7), _rate(float("nan"))
    ('-0.0458', '+1.2e-7', '-')
    """
    if math.isnan(value):
        return "-"
    if abs(value) < 1e-12:
        return "0.0000"
    if abs(value) >= 0.00095:
        return f"{value:+.4f}"[:7].rstrip(".")
    mantissa, exponent = f"{value:+.1e}".split("e")
    return f"{mantissa}e{int(exponent)}" if int(exponent) > -10 else f"{value:+.0e}"


def _chaos(rows: list[PointRow], bounded: bool) -> Iterator[str]:
    """How many networks are chaotic, and what the printed bound is worth for them."""
    chaotic, networks = sum(row.chaotic for row in rows), sum(row.seeds for row in rows)
    if chaotic:
        many = f"{chaotic} of {networks} networks {'is' if chaotic == 1 else 'are'} chaotic"
        many = f"chaotic on {chaotic} of {networks} sequences" if rows[0].given else many
        bound = (
            "; the bound below is given the values of the forward pass, and says nothing of theirs"
            if bounded
            else ""
        )
        yield (
            f"* trajectory-dependent: {many}: another precision or "
            f"machine gives other states, and numbers that differ by any amount{bound}."
        )


def _state_shift(norms: "xarray.Dataset") -> NDArray[np.float64]:
    """How far one rounding of the weights moves the states of each network at the longest T, relative.

    Of those with a finite forward pass; empty where it was not measured.
    """
    if "state_shift" not in norms:
        return np.empty(0)
    shift = norms["state_shift"].isel(T=int(norms["T"].values.argmax())).values.ravel()
    known: NDArray[np.float64] = shift[~np.isnan(shift)]
    return known


def _trusted(run: Run) -> Iterator[str]:
    """What the stored states are worth themselves."""
    shift = _state_shift(run.norms)
    if len(shift):
        far = int((shift > FAR).sum())
        more = f", by more than {FAR * 100:g} % in {far} of {len(shift)} networks" if far else ""
        yield f"One rounding of the weights moves the states by up to {shift.max():.1g} of their size{more}."


def _legends(run: Run) -> Iterator[str]:
    """What the columns of metrics mean; neighbours that begin alike say that once."""
    parted = [(_heading(one), *(one.legend or one.clause).partition("|")) for one in columns(run)]
    for _, some in itertools.groupby(parted, lambda one: (one[1], one[0] * (not one[2]))):
        heads, begins, _, ends = zip(*some, strict=True)
        yield f"{', '.join(heads)}: {begins[0]}{' and'.join(ends)}"


def _over(rows: list[PointRow], averaged: str) -> str:
    """What a row's rate is a mean of."""
    seeds = rows[0].seeds if rows else 0
    if rows and rows[0].given:
        alone = f"this network, {averaged}" if averaged else "this network"
        return f"this network's mean over {seeds} sequences" if seeds > 1 else alone
    several = f"mean over {seeds} seeds and {percent(LEVEL)} t-interval"
    return "1 seed, so no interval and no regime" if seeds == 1 else several


def _shorter(run: Run) -> str:
    """That there are other T, and how to see them; empty if there are none."""
    others = [int(other) for other in np.sort(run.norms["T"].values)[:-1]]
    if not others:
        return ""
    which = f"T={others[-1]}" if len(others) == 1 else f"T={others[0]} to T={others[-1]}"
    return f", the longest; gradlab show --where {which} prints another"


def _caption(rows: list[PointRow], run: Run, width: int, unicode: bool) -> Iterator[str]:
    """What the columns mean, from the numbers of this run."""
    T = rows[0].T if rows else 0
    low, high = BLOCKS[unicode][0], BLOCKS[unicode][-1]
    longest, over = f"T = {T}{_shorter(run)}", _over(rows, str(run.norms.attrs.get("averaged", "")))
    if trained(run.norms) and rows:
        over = f"{rows[0].seeds} sequence{'s' * (rows[0].seeds > 1)} of the batch of that update"
    of = "reach" if rows and rows[0].whole else "transport"
    notes = [
        f"{longest}. rate: log10 of the {of}'s largest singular value per step of lag, {over}.",
        f"{'; '.join(_legends(run))}.",
        f"lag 0..T: {of} against lag, {low} 10^-{SPAN:.0f} or less to {high} 10^{SPAN:.0f} or more, "
        "blank exactly zero.",
    ]
    if rows and rows[0].whole:
        notes.append(
            "regime, rate, half, soft, hard and the profile are of the reach, dreadout_T/dx_t; "
            "no state is known."
        )
    rescaled = dict.fromkeys(row.cell for row in rows if row.of == "reach" and not row.whole)
    if rescaled:
        each = "rescale their" if len(rescaled) > 1 else "rescales its"
        notes.append(
            f"{', '.join(map(plain, rescaled))}: {each} own state, which moves the transport and no output; "
            "regime, rate, half, soft, hard and the profile there are those of the reach, dreadout_T/dx_t."
        )
    words = {row.regime for row in rows}
    if "UNDECIDED" in words and not (rows[0].given and rows[0].seeds == 1):
        notes.append(
            f"UNDECIDED: the {rows[0].repeats} do not tell whether the transport changes by a factor 2 over "
            f"the sequence (VANISH, EXPLODE: the whole {percent(LEVEL)} interval says so; STABLE: the whole "
            f"{percent(EQUIVALENT)} interval says that it does not)."
        )
    if any(row.nonfinite for row in rows):
        notes.append(
            "NONFINITE: the state is not finite from that step on, so there is no gradient to measure."
        )
    if any(row.backward_nonfinite for row in rows):
        notes.append(
            "NONFINITE, back at: the forward pass is finite; going back, the derivative of that step is not."
        )
    bound = [f"{run.about['bound']}."] if run.about.get("bound") else []
    code = manifest.of_code(run.about) if "settings" in run.about else []
    further = map(plain, [*undefined(run.norms), *code])
    for note in [*notes, *_chaos(rows, bool(bound)), *bound, *_trusted(run), *further]:
        yield from textwrap.wrap(note, width, break_long_words=False, break_on_hyphens=False)
