"""Networks that overflow and derivatives that are zero: each has its state, and leaves the others alone."""

import dataclasses

import numpy as np
import pytest

from gradlab.states import BELOW_PRECISION, EXACT_ZERO, FORWARD_NONFINITE, OK
from gradlab.studies.sweep import compute
from tests.studies.sweep.grids import BASE, LINEAR, assert_holds, grid, labelled, run
from tests.tiers import optimised


def first_overflow(networks, network, T):
    """The step at which a relu network leaves float32, by numpy."""
    w_in, w_rec, b = (leaf[network] for leaf in networks.params)
    h = networks.state.h[network]
    with np.errstate(over="ignore", invalid="ignore"):
        for t, x in enumerate(networks.xs[network, 0, :T], 1):
            h = np.maximum(w_rec @ h + w_in @ x + b, 0)
            if not np.isfinite(h).all():
                return t
    return 0


@pytest.mark.slow
def test_a_network_that_overflows_ends_with_its_step_and_leaves_its_neighbours_alone():
    sweep = dataclasses.replace(BASE, cell=("elman(activation=relu)",), T=(12, 200), w_rec=(0.5, 3.0, 1.0))
    found = run(sweep)
    (only,) = found.values()
    networks, _ = compute.draw(sweep)[only.cell]
    steps = only.nonfinite[0]
    assert (steps[[0, 2]] == 0).all()
    assert (steps[1, 0] == 0).all()
    for seed in range(BASE.seeds):
        step = first_overflow(networks, BASE.seeds + seed, 200)
        assert 50 < step < 200
        # Rounding may move the overflow by a step at most: a step more than doubles the state.
        assert abs(int(steps[1, 1, seed]) - step) <= 1
    for name, (values, states) in only.columns.items():
        lags = 200 if name == "weight_gradient" else 201
        ended = states[0, 1, 1, :, :lags]
        assert (
            (ended[..., 0] == FORWARD_NONFINITE).all()
            if ended.ndim == 3
            else (ended == FORWARD_NONFINITE).all()
        )
        assert np.isnan(values[0, 1, 1]).all()
        assert (states[0, 1, 0][..., 0] != FORWARD_NONFINITE).all()
    assert_holds(labelled(sweep, found), grid(dataclasses.replace(sweep, w_rec=(0.5, 1.0))))


def test_a_planted_nan_ends_one_network_and_no_other(monkeypatch):
    clean = grid(dataclasses.replace(BASE, cell=("gru",)))
    honest = compute.draw

    def poisoned(sweep):
        networks, digests = honest(sweep)["gru"]
        xs = networks.xs.copy()
        xs[1, 0, 6] = np.nan
        return {"gru": (networks._replace(xs=xs), digests)}

    monkeypatch.setattr(compute, "draw", poisoned)
    found = grid(dataclasses.replace(BASE, cell=("gru",)))
    struck = {"w_rec": 0.5, "seed": 1}
    assert found.nonfinite_step.sel(struck | {"T": 5}).item() == 0
    assert found.nonfinite_step.sel(struck | {"T": 12}).item() == 7
    hit = found.transport_state.sel(struck | {"T": 12, "part": "state"}).values
    assert (hit == FORWARD_NONFINITE).all()
    measured = [name for name in clean.data_vars if "w_rec" in clean[name].dims]
    for name in measured:
        for w_rec in BASE.w_rec:
            for seed in range(BASE.seeds):
                for T in BASE.T:
                    if (w_rec, seed, T) != (0.5, 1, 12):
                        at = {"w_rec": w_rec, "seed": seed, "T": T}
                        assert found[name].sel(at).values.tobytes() == clean[name].sel(at).values.tobytes()


@pytest.mark.slow
def test_a_linear_cell_whose_state_overflows_still_has_its_transport():
    T = 2000
    sweep = dataclasses.replace(BASE, cell=(LINEAR,), T=(T,), w_rec=(10.0,), seeds=1)
    found = grid(sweep).sel(cell=LINEAR, init="orthogonal", w_rec=10.0, T=T, seed=0)
    assert 30 < found.nonfinite_step.item() < 45
    lag = np.arange(T + 1)
    for name in ("transport", "transport_frobenius", "adjoint"):
        here = found[name].sel(part="state")
        assert (found[f"{name}_state"].sel(part="state") == OK).all()
        # The matrix is rounded to float32: eps a step, 1e-4 decades at the end.
        np.testing.assert_allclose(here - here[0], lag, rtol=0, atol=1e-3)
    assert FORWARD_NONFINITE in found.weight_gradient_state.values


def test_a_recurrent_weight_of_zero_is_exact_zero_and_not_ok():
    sweep = dataclasses.replace(BASE, w_rec=(0.0, 1e-30), T=(12,))
    found = grid(sweep).sel(cell="elman", init="orthogonal", T=12, part="state")
    zero, tiny = found.sel(w_rec=0.0), found.sel(w_rec=1e-30)
    for name in ("transport", "adjoint"):
        states = zero[f"{name}_state"].values
        assert (states[:, 0] == OK).all()
        assert (states[:, 1:] == EXACT_ZERO).all()
        assert np.isnan(zero[name].values[:, 1:]).all()
        assert (tiny[f"{name}_state"].values == OK).all()
        assert (tiny[name].values[:, 12] < -350).all()


SATURATED = '''
"""Two steps whose derivative is 0 after one step: by definition, and by rounding."""
import jax, jax.numpy as jnp


def init(key, d_in, d_hidden):
    return {"w_rec": jax.random.normal(key, (d_hidden, d_hidden), float) / 10}, jnp.full(d_hidden, 0.1, float)


def rectified(params, h, x):
    return jax.nn.relu(params["w_rec"] @ h - 100 * x[0] ** 2 - 1.0)


def rounded(params, h, x):
    return jnp.tanh(params["w_rec"] @ h + 100 * x[0] ** 2 + 15.0)
'''


@optimised
def test_a_sweep_tells_zeros_of_rounding_from_those_by_definition(tmp_path, monkeypatch):
    (tmp_path / "saturated_steps.py").write_text(SATURATED)
    monkeypatch.syspath_prepend(tmp_path)
    states = {}
    for name in ("rectified", "rounded"):
        # Far from where a cell is tried out: there the derivative must not be zero.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gradlab.foreign.spec._try_out", lambda spec, made: None)
            sweep = dataclasses.replace(BASE, cell=(f"saturated_steps:{name}",), w_rec=(0.5, 1.0), T=(6,))
            norms = grid(sweep)
        for quantity in ("transport", "transport_frobenius", "adjoint"):
            part = norms[f"{quantity}_state"].sel(part="state")
            assert (part.sel(lag=0) == OK).all()
            states[name, quantity] = set(part.sel(lag=slice(1, 6)).values.ravel().tolist())
    assert all(found == {EXACT_ZERO} for (name, _), found in states.items() if name == "rectified")
    assert all(found == {BELOW_PRECISION} for (name, _), found in states.items() if name == "rounded")
