"""Whole grids: no number depends on what else is in the grid, how it is cut up, or what ran before."""

import dataclasses
import re

import jax
import numpy as np
import pytest

from gradlab.recurrence import platforms
from gradlab.runs.shards import Shards
from gradlab.studies.sweep import calls, compute, program
from tests.studies.sweep.grids import BASE, assert_holds, grid, run
from tests.tiers import few


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


@pytest.mark.parametrize("what", few(GROWN, ("a seed",)))
def test_growing_the_grid_changes_no_other_number(what, base):
    larger = grid(dataclasses.replace(BASE, **GROWN[what]))
    assert larger.sizes != base.sizes
    assert_holds(larger, base)


def test_the_order_of_the_grid_changes_no_number(base):
    turned = dataclasses.replace(BASE, w_rec=BASE.w_rec[::-1], T=BASE.T[::-1])
    assert_holds(grid(turned), base)


@pytest.mark.parametrize("cell", few(["elman", "lstm", "stacked(cell=gru, layers=2)"], ("elman",)))
def test_what_is_kept_is_not_measured_again(cell, tmp_path, monkeypatch):
    """A state of several parts is found again, too."""
    sweep = dataclasses.replace(BASE, cell=(cell,), probe=("saturation", "reach"))
    (first,) = compute.run(sweep, shards=Shards(tmp_path))
    monkeypatch.setattr(compute, "_measured", lambda *_: pytest.fail("it was measured again"))
    again = Shards(tmp_path)
    (second,) = compute.run(sweep, shards=again)
    assert again.damaged == []
    assert first.columns.keys() == second.columns.keys()
    for name, pair in first.columns.items():
        for one, other in zip(pair, second.columns[name], strict=True):
            assert one.tobytes() == other.tobytes()


@pytest.mark.slow
def test_the_number_of_networks_changes_no_number():
    """33 networks fill more than one block of a device; 1 leaves a device without any."""
    every = tuple(np.round(np.linspace(0.4, 1.4, 33), 4).tolist())
    sweep = dataclasses.replace(BASE, w_rec=every, seeds=1)
    whole = grid(sweep)
    for count in (1, 3, 8):
        assert_holds(whole, grid(dataclasses.replace(sweep, w_rec=every[:count])))


@pytest.mark.slow
def test_cutting_the_grid_into_calls_changes_no_number(monkeypatch):
    """Ten networks in one call, and four at a time with the last call filled up."""
    sweep = dataclasses.replace(BASE, w_rec=(0.5, 0.7, 0.9, 1.1, 1.3), cell=("gru",))
    whole = grid(sweep)
    monkeypatch.setattr(calls, "CALL_BYTES", 1)
    networks, _ = compute.draw(sweep)["gru"]
    assert calls.networks_per_call(networks, sweep.networks, 4) == 4
    assert_holds(grid(sweep), whole)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_progress_counts_every_point():
    seen = []
    sweep = dataclasses.replace(BASE, cell=("elman", "gru"))
    list(compute.run(sweep, seen.append))
    done = [int(progress.note.split(" of ")[0]) for progress in seen]
    assert done[-1] == sweep.points == 16
    assert done == sorted(done)
    assert re.fullmatch(r"compile \d+\.\d s  run \d+\.\d s", seen[-1].times)


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

    @pytest.mark.slow
    def test_numbers_are_the_same_and_growing_the_grid_changes_no_byte(self, base, of_a_gpu):
        found = grid(BASE)
        for name, column in base.data_vars.items():
            values = found[name].transpose(*column.dims).values
            # Another program: a few roundings, of a logarithm near 0 as of any other.
            few = 8 * float(np.finfo(np.float32).eps)
            np.testing.assert_allclose(values, column.values, rtol=0, atol=few, err_msg=name)
        assert_holds(grid(dataclasses.replace(BASE, seeds=3)), found)

    @pytest.mark.slow
    def test_a_sweep_in_the_form_of_a_gpu_measures_the_same(self, base, monkeypatch):
        """Each T a program of its own, loops written out, lags searched side by side."""
        forget()
        monkeypatch.setattr(platforms, "on_cpu", lambda: False)
        monkeypatch.setattr(program, "MANY", 8)
        found = grid(BASE)
        forget()
        for name, column in base.data_vars.items():
            values = found[name].transpose(*column.dims).values
            # A largest singular value is within a tolerance of the matrix's, from either search.
            bound = 0.01 / np.log(10) if name == "transport" else 1e-4
            np.testing.assert_allclose(values, column.values, rtol=1e-4, atol=bound, err_msg=name)


def forget():
    """Programs are kept by what they measure, and the block is none of that."""
    program.program.cache_clear()
    program.zeros_program.cache_clear()
