"""Small sweeps, run as a whole, and compared where they overlap."""

import numpy as np

from gradlab.studies.sweep import compute
from gradlab.studies.sweep.labelled import dataset
from gradlab.studies.sweep.settings import Sweep

LINEAR = "elman(activation=identity)"
BASE = Sweep(
    cell=("elman",), init=("orthogonal",), w_rec=(0.5, 1.1), T=(5, 12), hidden=8, seeds=2, input_std=1.0
)


def run(sweep):
    return {found.cell: found for found in compute.run(sweep)}


def labelled(sweep, found):
    return dataset(
        list(found.values()),
        sweep.init,
        sweep.w_rec,
        sweep.T,
        range(sweep.seeds),
        objective=sweep.objective,
        precision=sweep.precision,
    )


def grid(sweep):
    """A sweep's numbers, with labels, for comparing two grids where they overlap."""
    return labelled(sweep, run(sweep))


def assert_holds(larger, smaller):
    """Every number and state of the smaller grid is in the larger one, to the byte."""
    axes = {name: smaller[name].values for name in ("cell", "init", "w_rec", "T", "seed", "part", "lag")}
    part = larger.sel(axes)
    assert set(part.data_vars) == set(smaller.data_vars)
    for name, column in smaller.data_vars.items():
        assert part[name].transpose(*column.dims).values.tobytes() == column.values.tobytes(), name


def of(found, name):
    """Values and states of the one network of a measurement, by part and lag."""
    return np.squeeze(found[name].values, (0, 1, 2, 3, 4)), np.squeeze(
        found[f"{name}_state"].values, (0, 1, 2, 3, 4)
    )
