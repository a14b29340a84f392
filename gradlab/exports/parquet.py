"""The tidy table for dataframes of any language."""

import io

from gradlab.exports._needed import needed
from gradlab.runs.manifest import of_mixed
from gradlab.studies.sweep.results import Run

FILE = "run.parquet"


def parquet(run: Run) -> bytes:
    """The rows and columns of metrics.csv; needs the package pyarrow.

    Of a run that machines have computed which differ, a last column, `mixed`, says so in every row.
    """
    needed("pyarrow", "pyarrow")
    content = io.BytesIO()
    mixed = of_mixed(run.about)
    table = run.metrics.assign(mixed=mixed) if mixed else run.metrics
    table.to_parquet(content, engine="pyarrow", index=False)
    return content.getvalue()
