"""The labelled arrays of a sweep."""

import dataclasses

import numpy as np
import pytest

from gradlab import registry
from gradlab.states import EXACT_ZERO, OK, UNDEFINED
from gradlab.studies.sweep.labelled import SCHEMA, dataset
from tests.studies.sweep.grids import BASE, run


@pytest.mark.slow
def test_the_dataset_is_labelled_and_says_what_is_not_there():
    sweep = dataclasses.replace(BASE, cell=("elman", "lstm", "esn"))
    found = run(sweep)
    fixed = [c for c in sweep.cell if "w_rec" in registry.make("cells", c).fixed]
    assert fixed == ["esn"]
    norms = dataset(
        [found[cell] for cell in sweep.cell],
        sweep.init,
        sweep.w_rec,
        sweep.T,
        range(2),
        fixed,
        objective="unit",
    )
    axes = ("cell", "init", "w_rec", "T", "seed")
    assert norms.attrs == {"schema": SCHEMA, "objective": "unit"}
    assert dict(norms.sizes) == {
        "cell": 3,
        "init": 1,
        "w_rec": 2,
        "T": 2,
        "seed": 2,
        "part": 3,
        "lag": 13,
    } | {"leaf": 3}
    assert norms["part"].values.tolist() == ["state", "h", "c"]
    assert norms["cell"].values.tolist() == list(sweep.cell)
    assert norms["linear"].values.tolist() == [False, False, False]
    for name in ("adjoint", "transport", "transport_frobenius"):
        assert norms[name].dims == norms[f"{name}_state"].dims == (*axes, "part", "lag")
    assert norms["weight_gradient"].dims == (*axes, "lag")
    assert norms["nonfinite_step"].dims == axes
    for name in ("adjoint", "transport", "transport_frobenius", "weight_gradient"):
        values, states = norms[name].values, norms[f"{name}_state"].values
        assert (np.isfinite(values) == (states == OK)).all()
        assert states.dtype == np.int8
    whole = norms.sel(part="state")
    assert (whole.adjoint_state.sel(T=5, lag=slice(0, 5)) == OK).all()
    assert (whole.adjoint_state.sel(T=5, lag=slice(6, None)) == UNDEFINED).all()
    # No step was taken before the first one, so the weight gradient ends a lag earlier; and the first step
    # starts from a state of zeros, so there it is exactly zero.
    trained = norms.sel(cell=["elman", "lstm"])
    assert (trained.weight_gradient_state.sel(T=5, lag=slice(0, 3)) == OK).all()
    assert (trained.weight_gradient_state.sel(T=5, lag=4) == EXACT_ZERO).all()
    assert (trained.weight_gradient_state.sel(T=5, lag=5) == UNDEFINED).all()
    assert (norms.weight_gradient_state.sel(cell="esn") == UNDEFINED).all()
    assert (norms.adjoint_state.sel(cell="elman", part=["h", "c"]) == UNDEFINED).all()
    assert (norms.adjoint_state.sel(cell="lstm", part="c", T=12) == OK).all()
    assert (norms.transport_state.sel(part=["h", "c"]) == UNDEFINED).all()
    assert (norms.transport_frobenius_state.sel(cell="lstm", part="h", T=12) == OK).all()
