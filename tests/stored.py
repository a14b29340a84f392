"""The stored readings of `results/`, whose tables are there and whose `units.nc` is not."""

import json
from pathlib import Path

import pandas as pd
import xarray as xr

from gradlab.studies.neurons.results import SCORES, UNITS, Reading

RESULTS = Path(__file__).parents[1] / "results"
READINGS = ("neurons_code", "neurons_prose")


def reading(name):
    """A run as its tables say it."""
    folder = RESULTS / name
    names = ("scores", "units", "detectors", "training")
    tables = [pd.read_csv(folder / f"{one}.csv", dtype=str, keep_default_na=False) for one in names]
    for table in tables:
        for column in {*SCORES, *UNITS, "value"} & {*table.columns}:
            table[column] = [float(text or "nan") for text in table[column]]
    return Reading(json.loads((folder / "run.json").read_text()), *tables, xr.Dataset())
