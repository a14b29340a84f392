"""The tidy table for dataframes of any language."""

import io

from gradlab.exports._needed import needed
from gradlab.studies.sweep.results import Run

FILE = "run.parquet"


def parquet(run: Run) -> bytes:
    """The rows and columns of metrics.csv; needs the package pyarrow."""
    needed("pyarrow", "pyarrow")
    content = io.BytesIO()
    run.metrics.to_parquet(content, engine="pyarrow", index=False)
    return content.getvalue()
