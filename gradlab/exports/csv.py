"""A table for a spreadsheet."""

from gradlab.escaping import spreadsheet
from gradlab.studies.sweep.results import Run

FILE = "run.csv"


def csv(run: Run) -> bytes:
    """One row per network and part; one column per metric, then a column for the state of each.

    Numbers read back exactly; text that a spreadsheet would run as a formula gets an apostrophe.
    """
    point = ["cell", "init", "w_rec", "T", "seed", "part"]
    table = run.metrics
    metrics = list(dict.fromkeys(table["metric"].tolist()))
    wide = table.pivot(index=point, columns="metric", values=["value", "state"])
    wide = wide.reindex(table[point].drop_duplicates().apply(tuple, axis=1).tolist())
    columns = [wide["value"][name].rename(name) for name in metrics]
    columns += [wide["state"][name].rename(f"{name}_state") for name in metrics]
    flat = wide.index.to_frame(index=False)
    for column in columns:
        flat[column.name] = column.to_numpy()
    for name in ("cell", "init", "part", *(name for name in flat if str(name).endswith("_state"))):
        flat[name] = flat[name].map(spreadsheet, na_action="ignore")
    text: str = flat.rename(columns=spreadsheet).to_csv(index=False, lineterminator="\n")
    return text.encode()
