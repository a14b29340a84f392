"""The tables of a report: what a reader sees, sorts by, and takes away as CSV."""

import base64
import csv
import io
import math
from typing import Any, NamedTuple

from gradlab.escaping import spreadsheet
from gradlab.metrics import Metric, every
from gradlab.report.captions import borders
from gradlab.report.sources import Source
from gradlab.report.words import number, signed
from gradlab.stats import LEVEL, percent
from gradlab.studies.neurons.results import Reading
from gradlab.studies.neurons.rows import detectors
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.remedies.rows import ArmRow, forecast
from gradlab.studies.sweep import probed, results
from gradlab.studies.sweep.columns import standing
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import EQUIVALENT, PointRow


class Column(NamedTuple):
    """A column's heading and what it means."""

    name: str
    meaning: str = ""
    numeric: bool = True


class Entry(NamedTuple):
    """One entry: the value as it is, and as it is shown."""

    value: str | float | int | None
    text: str

    @property
    def key(self) -> str:
        """What the entry sorts by, as a script reads numbers; empty sorts last."""
        if self.value == math.inf:
            return "Infinity"
        return "" if self.value is None else str(self.value)


class Table(NamedTuple):
    """One table."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: list[list[Entry]]
    caption: str = ""

    @property
    def csv(self) -> str:
        """The values as CSV; a text that a spreadsheet takes for a formula gets an apostrophe."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([spreadsheet(column.name) for column in self.columns])
        for row in self.rows:
            writer.writerow(["" if entry.value is None else _plain(entry.value) for entry in row])
        return file.getvalue()

    @property
    def link(self) -> str:
        """The CSV as an address that needs no script and no server."""
        content = self.csv.encode("utf-8", "backslashreplace")
        return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode()}"


def of(source: Source) -> list[Table]:
    """The tables of a run."""
    run = source.run
    if isinstance(run, TrainingRun):
        rows = run.outcomes()
        return [_outcomes(rows, source.settings.get("lr"))]
    if isinstance(run, Reading):
        return [_detectors(run)]
    rows_ = results.groups(run)
    borders = [_borders(run)] if run.norms.sizes["w_rec"] > 1 else []
    return [_regimes(rows_), *borders, *_probed(run, rows_)]


def _detectors(run: Reading) -> Table:
    """The best unit of each label of each cell."""
    columns = (
        Column("cell", numeric=False),
        Column("label", numeric=False),
        Column("unit", numeric=False),
        Column("score", "2 AUC - 1, or rank correlation for a count"),
        Column(
            "shifted", "what the best of all units exceeds at 5 % of the shifts of the label round the text"
        ),
        Column("not trained", "the best of all units of three networks that were not trained"),
        Column("random", "the best of as many random directions as there are units"),
        Column("above", "above all three, in the text and in either half of it", numeric=False),
        Column("half-life", "steps in which the carry gate halves the unit"),
        Column("inside", "change of bits per character inside the label with the unit held at its mean"),
        Column("outside", "the same outside of the label"),
        Column("use", "whether the network is shown to use it inside the label", numeric=False),
    )
    made = []
    for row in detectors(run):
        words = [_text(row.cell), _text(row.label), _text(row.unit)]
        numbers = [_number(one) for one in (row.score, row.shifted, row.untrained, row.random)]
        more = [_number(one) for one in (row.half_life, row.inside, row.outside)]
        made.append([*words, *numbers, _text("yes" if row.above else "no"), *more, _text(row.used)])
    return Table("detectors", "The best unit of each label", columns, made)


_REGIMES = (
    f"VANISH, EXPLODE: by more than a factor 2 over the sequence, by the whole {percent(LEVEL)} interval; "
    f"STABLE: by less, by the whole {percent(EQUIVALENT)} interval; UNDECIDED: the seeds do not tell; "
    "*: some of the networks are chaotic, and their numbers hold for one trajectory only"
)


def _regimes(rows: list[PointRow]) -> Table:
    several = len({row.init for row in rows}) > 1
    metrics = {one.title or one.heading or one.name: one for one in every() if one.column}
    columns = (
        Column("cell", numeric=False),
        *([Column("init", numeric=False)] if several else []),
        Column("w_rec"),
        Column("regime", _REGIMES, numeric=False),
        Column("rate", "log10 of the transport per step of lag, mean over seeds"),
        Column("low", f"lower end of its {percent(LEVEL)} t-interval over seeds"),
        Column("high", "upper end of it"),
        *(Column(name, metric.note or _note(metric)) for name, metric in metrics.items()),
        Column("overflow", "first step at which the forward pass of some seed is not finite"),
    )
    made = []
    for row in rows:
        beyond = "–" if row.regime in ("UNDEFINED", "NONFINITE") else f">{row.T}"
        made.append(
            [
                _text(row.cell),
                *([_text(row.init)] if several else []),
                _number(row.w_rec),
                Entry(row.regime, row.regime + "*" * row.trajectory_dependent),
                *[Entry(_known(x), signed(x)) for x in (row.rate, row.low, row.high)],
                *[
                    _number(
                        row.values.get(one.name, math.nan), 3, beyond if one.undefined == "beyond" else "–"
                    )
                    for one in metrics.values()
                ],
                _number(row.nonfinite_step if row.nonfinite else math.nan),
            ]
        )
    rare = [name for name, one in metrics.items() if one.undefined == "never"]
    columns, made = _without_empty(columns, made, (*rare, "overflow"))
    T, seeds = rows[0].T, rows[0].seeds
    chaotic, networks = sum(row.chaotic for row in rows), sum(row.seeds for row in rows)
    said = f" {chaotic} of {networks} networks are chaotic (*)." if chaotic else ""
    return Table(
        "regimes",
        f"Regimes at T = {T}",
        columns,
        made,
        f"{len(rows)} rows, {seeds} seeds each; >{T}: not reached within the sequence.{said}",
    )


def _note(metric: Metric) -> str:
    unit = f", in {metric.unit}" if metric.unit else ""
    return f"{metric.clause}{unit}, {metric.pooling} over seeds"


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


def _borders(run: Run) -> Table:
    found = borders(run)
    Ts = sorted({T for _, T in found})
    columns = (Column("cell", numeric=False), *(Column(f"T = {T}") for T in Ts))
    labels = dict.fromkeys(label for label, _ in found)
    rows = [[_text(label), *(_number(found[label, T]) for T in Ts)] for label in labels]
    said = "w_rec at which the mean rate first crosses 0; a dash where it does at none."
    return Table("borders", "Measured border", columns, rows, said)


def _probed(run: Run, rows: list[PointRow]) -> list[Table]:
    """One entry of each column of further probes; no table where there were none."""
    asked = probed.shown(run, rows, standing(run.norms))
    found = [one for one in asked if not all(map(math.isnan, one.means))]
    if not asked:
        return []
    several = len({row.init for row in rows}) > 1
    columns = (
        Column("cell", numeric=False),
        *([Column("init", numeric=False)] if several else []),
        Column("w_rec"),
        *(Column(one.entry.name, probed.said(one.column)) for one in found),
    )
    made = [
        [
            _text(row.cell),
            *([_text(row.init)] if several else []),
            _number(row.w_rec),
            *(_number(one.means[place], 3) for one in found),
        ]
        for place, row in enumerate(rows)
    ]
    said = f"Mean over those of {rows[0].seeds} seeds that have a value; a dash where none has."
    names = dict.fromkeys(one.column.name for one in asked)
    none = [name for name in names if name not in {one.column.name for one in found}]
    said += f" Undefined in every network: {', '.join(none)}." if none else ""
    return [Table("probes", f"Probes at T = {rows[0].T}", columns, made, said)]


def _rate_meaning(rows: list[ArmRow], rates: Any) -> str:
    """Where the learning rates come from; what is fitted in closed form has none."""
    fitted = [row.closed_form for row in rows]
    none = "readout fitted in closed form"
    if all(fitted):
        return f"–: {none}"
    several = not isinstance(rates, list | tuple) or len(rates) > 1
    said = "chosen on seeds that are not judged" if several else "the only one given"
    return f"{said}; –: {none}" if any(fitted) else said


def _outcomes(rows: list[ArmRow], rates: Any = None) -> Table:
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
        Column("loss", "the last, on fresh sequences, median over seeds, a diverged one infinite"),
        Column("diverged", "seeds that became not finite"),
        Column("clip rate", "share of the updates whose gradient the remedy changed, mean over seeds"),
        Column("horizon before", "soft horizon of the transport at the start, median over seeds"),
        Column("horizon after", "and at the end of training"),
    )
    made = [
        [
            _text(row.arm),
            _text(row.cell),
            *[_number(x) for x in (row.T, row.w_rec, row.hidden, row.parameters, row.lr)],
            *[_number(x) for x in (row.solved.successes, row.solved.of)],
            *[_number(round(x, 9), 2) for x in (row.solved.low, row.solved.high)],
            *[_number(x, 3) for x in (row.updates, row.loss, row.diverged, row.clipped)],
            *[_number(x, 3, f">{row.T}") for x in row.horizon],
        ]
        for row in rows
    ]
    found = forecast(rows)
    said = ">T: the horizon lies beyond the sequence."
    if not math.isnan(found.spearman):
        between = f"{percent(found.level)} interval {signed(found.low, 2)} to {signed(found.high, 2)}"
        said += (
            f" Forecast from the start alone: rank correlation {signed(found.spearman, 2)} ({between}, "
            f"{found.points} points) between the reach of the gradient and the share solved."
        )
    return Table("outcomes", "Remedies", columns, made, said)


def compared(named: list[tuple[str, Table]]) -> Table | None:
    """The table of several runs side by side: one row per label, one column per run; None if too unlike."""
    shown = ("regime", "rate", "soft") if named[0][1].name == "regimes" else ("solved", "updates", "loss")
    if any(table.name != named[0][1].name for _, table in named):
        return None
    keys: tuple[str, ...] = ("cell", "init", "w_rec") if shown[0] == "regime" else ("remedy", "T", "w_rec")
    keys = tuple(k for k in keys if any(k in [c.name for c in table.columns] for _, table in named))
    rows: dict[tuple[str, ...], dict[str, Entry]] = {}
    labels: dict[tuple[str, ...], list[Entry]] = {}
    for name, table in named:
        for row in table.rows:
            by_name = dict(zip([column.name for column in table.columns], row, strict=True))
            label = [by_name.get(key, Entry(None, "–")) for key in keys]
            key = tuple(entry.text for entry in label)
            labels.setdefault(key, label)
            rows.setdefault(key, {}).update({f"{what}, {name}": by_name[what] for what in shown})
    columns = [f"{what}, {name}" for what in shown for name, _ in named]
    made = [[*labels[key], *(found.get(c, Entry(None, "–")) for c in columns)] for key, found in rows.items()]
    heads = [Column(key, numeric=key in ("w_rec", "T")) for key in keys]
    heads += [Column(name, numeric=not name.startswith("regime")) for name in columns]
    return Table("side-by-side", "Side by side", tuple(heads), made)


def _text(text: str) -> Entry:
    return Entry(text, text)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float | int, digits: int = 4, otherwise: str = "–") -> Entry:
    return Entry(None, otherwise) if math.isnan(value) else Entry(float(value), number(value, digits))


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return spreadsheet(value)
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
