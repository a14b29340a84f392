"""The tables of a report: what a reader sees, sorts by, and takes away as CSV."""

from gradlab.report.neurons_tables import of_detectors
from gradlab.report.remedies_tables import of_lengths, of_outcomes
from gradlab.report.sources import Source
from gradlab.report.sweep_tables import of_borders, of_probes, of_reasons, of_regimes
from gradlab.report.table import Column, Entry, Table
from gradlab.runs.manifest import of_mixed
from gradlab.studies.neurons.results import Reading
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import results


def of(source: Source) -> list[Table]:
    """The tables of a run."""
    mixed = of_mixed(source.run.about)
    return [table._replace(mixed=mixed) for table in _of(source)]


def _of(source: Source) -> list[Table]:
    run = source.run
    if isinstance(run, TrainingRun):
        rows = run.outcomes()
        lengths = of_lengths(run, rows)
        return [
            of_outcomes(rows, source.settings.get("lr"), ranked=source.progress.whole),
            *([lengths] if lengths else []),
        ]
    if isinstance(run, Reading):
        return [of_detectors(run)]
    rows_ = results.groups(run)
    borders = [of_borders(run)] if run.norms.sizes["w_rec"] > 1 else []
    return [of_regimes(rows_), *borders, *of_probes(run, rows_), *of_reasons(run)]


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
