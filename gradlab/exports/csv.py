"""A table for a spreadsheet."""

from gradlab.escaping import spreadsheet
from gradlab.runs.manifest import of_mixed
from gradlab.studies.sweep.results import Run

FILE = "run.csv"


def csv(run: Run) -> bytes:
    """One row per network and part; one column per metric, then a column for the state of each.

    Of a run that machines have computed which differ, a last column, `mixed`, says so in every row. Numbers
    read back exactly; text that a spreadsheet would run as a formula gets an apostrophe.
    """
    import pandas as pd

    point = ["cell", "init", "w_rec", "T", "seed", "part"]
    table = run.metrics
    metrics = list(dict.fromkeys(table["metric"].tolist()))
    wide = table.pivot(index=point, columns="metric", values=["value", "state"])
    wide = wide.reindex(table[point].drop_duplicates().apply(tuple, axis=1).tolist())
    columns = {name: wide["value"][name].to_numpy() for name in metrics}
    columns |= {f"{name}_state": wide["state"][name].to_numpy() for name in metrics}
    # All at once: probes bring hundreds of columns.
    flat = pd.concat([wide.index.to_frame(index=False), pd.DataFrame(columns)], axis=1)
    for name in ("cell", "init", "part", *(name for name in flat if str(name).endswith("_state"))):
        flat[name] = flat[name].map(spreadsheet, na_action="ignore")
    if mixed := of_mixed(run.about):
        flat["mixed"] = spreadsheet(mixed)
    text: str = flat.rename(columns=spreadsheet).to_csv(index=False, lineterminator="\n")
    return text.encode()
