"""Whole grids: no number depends on what else is in the grid, how it is cut up, or what ran before."""

import dataclasses
import re

import jax
import numpy as np
import pytest

from gradlab import registry
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, FORWARD_NONFINITE, OK, UNDEFINED
from gradlab.studies.sweep import calls, compute, drawing, program
from gradlab.studies.sweep.labelled import SCHEMA, dataset
from gradlab.studies.sweep.settings import Sweep
from tests.tiers import optimised

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


@pytest.fixture(scope="module")
def base():
    return grid(BASE)


GROWN = {
    "a cell": {"cell": ("lstm", "elman")},
    "an initialiser": {"init": ("gaussian", "orthogonal")},
    "a w_rec": {"w_rec": (0.4, 0.5, 0.7, 1.1, 2.0)},
    "a seed": {"seeds": 3},
    "a longer T": {"T": (5, 12, 20)},
    "a T beyond the buffer": {"T": (5, 12, 300)},
}


@pytest.mark.parametrize("what", GROWN)
def test_growing_the_grid_changes_no_other_number(what, base):
    larger = grid(dataclasses.replace(BASE, **GROWN[what]))
    assert larger.sizes != base.sizes
    assert_holds(larger, base)


def test_the_order_of_the_grid_changes_no_number(base):
    turned = dataclasses.replace(BASE, w_rec=BASE.w_rec[::-1], T=BASE.T[::-1])
    assert_holds(grid(turned), base)


def test_the_number_of_networks_changes_no_number():
    """33 networks fill more than one block of a device; 1 leaves a device without any."""
    every = tuple(np.round(np.linspace(0.4, 1.4, 33), 4).tolist())
    sweep = dataclasses.replace(BASE, w_rec=every, seeds=1)
    whole = grid(sweep)
    for count in (1, 3, 8):
        assert_holds(whole, grid(dataclasses.replace(sweep, w_rec=every[:count])))


def test_cutting_the_grid_into_calls_changes_no_number(monkeypatch):
    """Ten networks in one call, and four at a time with the last call filled up."""
    sweep = dataclasses.replace(BASE, w_rec=(0.5, 0.7, 0.9, 1.1, 1.3), cell=("gru",))
    whole = grid(sweep)
    monkeypatch.setattr(calls, "CALL_BYTES", 1)
    networks, _ = compute.draw(sweep)["gru"]
    assert calls.networks_per_call(networks, sweep.networks, 4) == 4
    assert_holds(grid(sweep), whole)


def test_a_batch_is_the_mean_of_its_sequences_logarithms(monkeypatch):
    """A batch of two, against each of its sequences alone; the first of them is the batch of one."""
    both = dataclasses.replace(BASE, w_rec=(0.9,), seeds=1, T=(12,), batch=2)
    single = dataclasses.replace(both, batch=1)
    transport = lambda sweep: run(sweep)["elman"].columns["transport"][0][..., 0]
    mean = transport(both)
    drawn, digests = compute.draw(both)["elman"]
    np.testing.assert_array_equal(drawn.xs[:, :1], compute.draw(single)["elman"][0].xs)
    alone = []
    for i in range(2):
        one = drawn._replace(xs=drawn.xs[:, i : i + 1], target=compute.draw(single)["elman"][0].target)
        monkeypatch.setattr(compute, "draw", lambda sweep, one=one: {"elman": (one, digests)})
        alone.append(transport(single))
        monkeypatch.undo()
    # Another program each: float32 agrees to bound(), 4e-5, and to 2e-5 decades.
    np.testing.assert_allclose(mean, (alone[0] + alone[1]) / 2, rtol=0, atol=2e-5)
    assert np.abs(alone[0] - alone[1])[..., 1:].max() > 1e-2


def test_both_precisions_see_the_same_networks():
    single, double = (dataclasses.replace(BASE, cell=("lstm",), precision=p) for p in ("float32", "float64"))
    (a, of_a), (b, of_b) = (compute.draw(sweep)["lstm"] for sweep in (single, double))
    assert of_a.digests == of_b.digests
    assert len(set(of_a.digests.values())) == BASE.seeds
    for narrow, wide in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert (narrow.dtype, wide.dtype) == (np.float32, np.float64)
        np.testing.assert_array_equal(narrow, wide.astype(np.float32))
    near, exact = run(single)["lstm"], run(double)["lstm"]
    assert near.digests == exact.digests == of_a.digests
    values, truth = (found.columns["adjoint"][0] for found in (near, exact))
    # Twelve steps of a network that forgets: float32 stays within bound(), 4e-5, here 2e-5 decades.
    np.testing.assert_allclose(values, truth, rtol=0, atol=2e-5)
    assert not np.array_equal(values, truth)


@pytest.fixture
def compilations():
    """The names of the programs that XLA compiles while the test runs."""
    names = []

    def listen(event, duration, **facts):
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(facts.get("fun_name"))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def test_a_grid_is_one_program_a_cell_and_a_second_run_compiles_nothing(compilations):
    sweep = dataclasses.replace(
        BASE,
        cell=("elman", "gru"),
        w_rec=tuple(np.round(np.linspace(0.5, 1.5, 21), 3).tolist()),
        T=(3, 5, 8, 12),
        seeds=5,
        hidden=6,
    )
    first = run(sweep)
    assert compilations.count("jit(share)") == 2
    compilations.clear()
    second = run(sweep)
    assert compilations == []
    for cell, found in first.items():
        for name, (values, states) in found.columns.items():
            assert values.tobytes() == second[cell].columns[name][0].tobytes()
            assert states.tobytes() == second[cell].columns[name][1].tobytes()


def test_another_length_or_weight_compiles_no_measuring_program(compilations):
    run(BASE)
    compilations.clear()
    run(dataclasses.replace(BASE, T=(7, 40), w_rec=(0.3, 0.6)))
    assert "jit(share)" not in compilations


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


def test_progress_counts_every_point():
    seen = []
    sweep = dataclasses.replace(BASE, cell=("elman", "gru"))
    list(compute.run(sweep, seen.append))
    done = [int(progress.note.split(" of ")[0]) for progress in seen]
    assert done[-1] == sweep.points == 16
    assert done == sorted(done)
    assert re.fullmatch(r"compile \d+\.\d s  run \d+\.\d s", seen[-1].times)


def test_what_a_start_has_found_for_a_cell_is_said():
    """At the sweep's own size, whatever else is in the grid; other initialisers have nothing to say."""
    asked = Sweep(
        cell=("elman", "elman(activation=identity)"),
        init=("gaussian", "critical(steps=20)"),
        hidden=16,
        T=(5,),
    )
    found = drawing.starts(asked)
    assert list(found) == list(asked.cell)
    assert list(found["elman"]) == ["critical(steps=20)"]
    made = registry.make("initializers", "critical(steps=20)")
    fitted = made.for_cell(registry.make("cells", "elman"), asked.input_std, asked.inputs, 16)
    assert found["elman"]["critical(steps=20)"] == str(fitted)
    assert drawing.starts(Sweep(init=("gaussian",))) == {}


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


class TestTheBlockOfAPlatform:
    @pytest.fixture
    def of_a_gpu(self, monkeypatch):
        """What a GPU's block would compute, on this CPU."""
        forget()
        monkeypatch.setattr(program, "FEW", program.MANY)
        yield
        forget()

    def test_a_gpu_takes_many_at_once(self, monkeypatch):
        assert program.block() == program.FEW
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
        assert program.block() == program.MANY

    def test_numbers_are_the_same_and_growing_the_grid_changes_no_byte(self, base, of_a_gpu):
        found = grid(BASE)
        for name, column in base.data_vars.items():
            values = found[name].transpose(*column.dims).values
            np.testing.assert_allclose(values, column.values, rtol=1e-4, err_msg=name)
        assert_holds(grid(dataclasses.replace(BASE, seeds=3)), found)


def forget():
    """Programs are kept by what they measure, and the block is none of that."""
    program.program.cache_clear()
    program.zeros_program.cache_clear()
