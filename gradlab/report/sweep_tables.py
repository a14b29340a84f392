"""The tables of a report on a sweep."""

import math

from gradlab.metrics import Metric, every
from gradlab.report.captions import borders
from gradlab.report.table import Column, Entry, Table, entry, known, text
from gradlab.report.words import counted, signed
from gradlab.stats import LEVEL, percent
from gradlab.studies.measure import reasons
from gradlab.studies.sweep import probed
from gradlab.studies.sweep.columns import standing
from gradlab.studies.sweep.regimes import EQUIVALENT
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import PointRow

_REGIMES = (
    f"VANISH, EXPLODE: by more than a factor 2 over the sequence, by the whole {percent(LEVEL)} interval; "
    f"STABLE: by less, by the whole {percent(EQUIVALENT)} interval; UNDECIDED: they do not tell; "
    "*: some of the networks are chaotic, and their numbers hold for one trajectory only"
)


def of_regimes(rows: list[PointRow]) -> Table:
    """One row per cell, initialisation and w_rec: the regime at the longest T, and metrics."""
    several = len({row.init for row in rows}) > 1
    held = {name for row in rows for name in row.values}
    metrics = {
        one.title or one.heading or one.name: one for one in every() if one.column and one.name in held
    }
    reach = list(dict.fromkeys(row.cell for row in rows if row.of == "reach"))
    judged = f"; of the reach for {', '.join(reach)}, as regime and horizons are" if reach else ""
    given, each = rows[0].given, rows[0].repeats
    columns = (
        Column("cell", numeric=False),
        *([Column("init", numeric=False)] if several else []),
        *([] if given else [Column("w_rec")]),
        Column("regime", _REGIMES, numeric=False),
        Column("rate", f"log10 of the transport per step of lag, mean over {each}{judged}"),
        Column("low", f"lower end of its {percent(LEVEL)} t-interval over {each}"),
        Column("high", "upper end of it"),
        *(Column(name, _note(metric, each)) for name, metric in metrics.items()),
        Column("overflow", f"first step at which the forward pass of some {each[:-1]} is not finite"),
    )
    made = []
    for row in rows:
        beyond = "–" if row.regime in ("UNDEFINED", "NONFINITE") else f">{row.T}"
        made.append(
            [
                text(row.cell),
                *([text(row.init)] if several else []),
                *([] if given else [entry(row.w_rec)]),
                Entry(row.regime, row.regime + "*" * row.trajectory_dependent),
                *[Entry(known(x), signed(x)) for x in (row.rate, row.low, row.high)],
                *[
                    entry(row.values.get(one.name, math.nan), 3, beyond if one.undefined == "beyond" else "–")
                    for one in metrics.values()
                ],
                entry(row.nonfinite_step if row.nonfinite else math.nan),
            ]
        )
    rare = [name for name, one in metrics.items() if one.undefined == "never"]
    columns, made = _without_empty(columns, made, (*rare, "overflow"))
    T, seeds = rows[0].T, rows[0].seeds
    chaotic, networks = sum(row.chaotic for row in rows), sum(row.seeds for row in rows)
    many = "chaotic on {} of {} sequences (*)" if rows[0].given else "{} of {} networks are chaotic (*)"
    said = f" {many.format(chaotic, networks)}." if chaotic else ""
    return Table(
        "regimes",
        f"Regimes at T = {T}",
        columns,
        made,
        f"{counted(len(rows), 'row')}, {counted(seeds, each[:-1])} each; "
        f">{T}: not reached within the sequence.{said}",
    )


def _note(metric: Metric, each: str) -> str:
    unit = f", in {metric.unit}" if metric.unit else ""
    return f"{metric.note or metric.clause + unit}, {metric.pooling} over {each}"


def _without_empty(
    columns: tuple[Column, ...], rows: list[list[Entry]], names: tuple[str, ...]
) -> tuple[tuple[Column, ...], list[list[Entry]]]:
    """The table without those of the named columns that hold no value at all."""
    kept = [
        i
        for i, column in enumerate(columns)
        if column.name not in names or any(row[i].value is not None for row in rows)
    ]
    return tuple(columns[i] for i in kept), [[row[i] for i in kept] for row in rows]


def of_borders(run: Run) -> Table:
    """One row per cell: the w_rec between fading and growing, for each T."""
    found = borders(run)
    Ts = sorted({T for _, T in found})
    columns = (Column("cell", numeric=False), *(Column(f"T = {T}") for T in Ts))
    labels = dict.fromkeys(label for label, _ in found)
    rows = [[text(label), *(entry(found[label, T]) for T in Ts)] for label in labels]
    said = "w_rec at which the mean rate first crosses 0; a dash where it does at none."
    return Table("borders", "Measured border", columns, rows, said)


def of_probes(run: Run, rows: list[PointRow]) -> list[Table]:
    """One entry of each column of further probes; no table where there were none."""
    asked = probed.shown(run, rows, standing(run.norms))
    found = [one for one in asked if any(map(one.has, range(len(rows))))]
    none = probed.undefined(run, asked)
    if not found and not none:
        return []
    several = len({row.init for row in rows}) > 1
    given, each = rows[0].given, rows[0].repeats
    columns = (
        Column("cell", numeric=False),
        *([Column("init", numeric=False)] if several else []),
        *([] if given else [Column("w_rec")]),
        *(Column(one.entry.name, probed.said(one.column)) for one in found),
    )
    made = [
        [
            text(row.cell),
            *([text(row.init)] if several else []),
            *([] if given else [entry(row.w_rec)]),
            *(
                entry(one.means[place], 3, one.text(place)) if one.has(place) else entry(math.nan)
                for one in found
            ),
        ]
        for place, row in enumerate(rows)
    ]
    said = f"Mean over those of {rows[0].seeds} {each} that have a value; a dash where none has."
    said += f" Undefined in every network: {', '.join(none)}." if none else ""
    return [Table("probes", f"Probes at T = {rows[0].T}", columns, made, said)]


def of_reasons(run: Run) -> list[Table]:
    """Why a model as a whole has a gradient or none, by lag; no table where that is not kept."""
    found = reasons.rows(run.norms)
    if not found:
        return []
    many = [len({row[i] for row in found}) > 1 for i in (0, 1)]
    columns = (
        *([Column("cell", numeric=False)] if many[0] else []),
        *([Column("sequences", "from 0", numeric=False)] if many[1] else []),
        Column("first lag", "steps back from T"),
        Column("last lag"),
        Column("reason", reasons.legend(found), numeric=False),
        Column("state", "of the norms there", numeric=False),
    )
    rows = [
        [
            *([text(row.cell)] if many[0] else []),
            *([text(", ".join(map(str, row.sequences)))] if many[1] else []),
            entry(row.first),
            entry(row.last),
            text(row.reason),
            text(row.state),
        ]
        for row in found
    ]
    T = int(run.norms["T"].values.max())
    said = (
        "Why there is a gradient of the last output by an input or none; lags of one reason stand together."
    )
    return [Table("reasons", f"Reasons by lag at T = {T}", columns, rows, said)]
