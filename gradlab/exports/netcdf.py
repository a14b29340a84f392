"""The labelled arrays, whole."""

from gradlab.escaping import document
from gradlab.runs import contents
from gradlab.studies.sweep.results import Run

FILE = "run.nc"


def netcdf(run: Run) -> bytes:
    """NetCDF-4 of the log10 norms and their states, with run.json as the attribute `run`.

    xarray, R, Julia, MATLAB and ncdump read it.
    """
    facts = document(run.about, sort_keys=True)
    return contents.netcdf(run.norms.assign_attrs(run=facts))
