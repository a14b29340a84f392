"""The table of a report on remedies."""

import math
from typing import Any

from gradlab.report.table import Column, Table, entry, text
from gradlab.report.words import signed
from gradlab.stats import LEVEL, percent
from gradlab.studies.remedies import forecast, left_out, other_lengths, spent
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.remedies.rows import ArmRow

WORK = (
    Column("multiply-adds", "of an update, in products of matrices, forward and back"),
    Column("work", "multiply-adds of the updates by which half of the seeds had solved the task"),
)
"""Left out of the table of a run that does not know them."""


def _rate_meaning(rows: list[ArmRow], rates: Any) -> str:
    """Where the learning rates come from; what is fitted in closed form has none."""
    fitted = [row.closed_form for row in rows]
    none = "readout fitted in closed form"
    if all(fitted):
        return f"–: {none}"
    several = not isinstance(rates, list | tuple) or len(rates) > 1
    said = "chosen on seeds that are not judged" if several else "the only one given"
    return f"{said}; –: {none}" if any(fitted) else said


def of_outcomes(rows: list[ArmRow], rates: Any = None, *, ranked: bool = True) -> Table:
    """One row per remedy, T and w_rec: who solved the task, how fast, at which learning rate.

    `ranked` if all arms are there, and the forecast from their starts can be held against them.
    """
    costs = not all(math.isnan(row.multiply_adds) for row in rows)
    columns = (
        Column("remedy", numeric=False),
        Column("cell", numeric=False),
        Column("T"),
        Column("w_rec"),
        Column("N", "units"),
        Column("parameters", "all numbers of the network, readout included"),
        Column("learning rate", _rate_meaning(rows, rates)),
        Column("solved", "seeds that solved the task"),
        Column("of", "seeds trained"),
        Column("low", f"lower end of the share's {percent(LEVEL)} interval (Clopper-Pearson)"),
        Column("high", "upper end of it"),
        Column("updates", "to solve, median over the seeds that did"),
        *(WORK if costs else ()),
        Column("loss", "the last, on fresh sequences, median over seeds, a diverged one infinite"),
        Column("diverged", "seeds that became not finite"),
        Column("clip rate", "share of the updates whose gradient the remedy changed, mean over seeds"),
        Column("horizon before", "soft horizon of the transport at the start, median over seeds"),
        Column("horizon after", "and at the end of training"),
    )
    made = [
        [
            text(row.arm),
            text(row.cell),
            *[entry(x) for x in (row.T, row.w_rec, row.hidden, row.parameters, row.lr)],
            *[entry(x) for x in (row.solved.successes, row.solved.of)],
            *[entry(round(x, 9), 2) for x in (row.solved.low, row.solved.high)],
            entry(row.updates, 3),
            *[entry(x, 3) for x in ((row.multiply_adds, spent.work(row)) if costs else ())],
            *[entry(x, 3) for x in (row.loss, row.diverged, row.clipped)],
            *[entry(x, 3, f">{row.T}") for x in row.horizon],
        ]
        for row in rows
    ]
    rank = [forecast.said(rows, lambda number: signed(number, 2)), left_out.said(rows)] if ranked else []
    said = " ".join([">T: the horizon lies beyond the sequence.", *filter(None, rank)])
    return Table("outcomes", "Remedies", columns, made, said)


def of_lengths(run: TrainingRun, rows: list[ArmRow]) -> Table | None:
    """One row per remedy, T and w_rec: the seeds that solve the task at other lengths, too."""
    found = other_lengths.counted(run, rows)
    if not found:
        return None
    columns = (
        Column("remedy", numeric=False),
        Column("T"),
        Column("w_rec"),
        Column("of", "seeds trained"),
        Column("at T", "seeds that solved the task"),
        *(Column(f"at {k}T", "seeds whose error there is as small") for k in found[0].solved),
    )
    made = [
        [
            text(row.arm),
            *[entry(x) for x in (row.T, row.w_rec, row.solved.of, row.solved.successes, *at.values())],
        ]
        for row, at in found
    ]
    return Table(
        "lengths",
        "At other lengths",
        columns,
        made,
        "At multiples of T, on which these networks were not trained.",
    )
