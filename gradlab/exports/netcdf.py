"""The labelled arrays, whole."""

from gradlab import tables
from gradlab.escaping import document
from gradlab.tables import Run

FILE = "run.nc"


def netcdf(run: Run) -> bytes:
    """NetCDF-4 of the log10 norms and their states, with run.json as the attribute `run`.

    xarray, R, Julia, MATLAB and ncdump read it.
    """
    facts = document(run.about, sort_keys=True)
    return tables.netcdf(run.norms.assign_attrs(run=facts))
