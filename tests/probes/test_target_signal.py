"""Sequences needed: of a sweep with a task and of a network of one's own, in tables and claims."""

import functools

import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.states import NOT_COMPUTED, OK, UNDEFINED
from tests.cli.calling import gradlab as command

PROBE = "target_signal(task=adding, sequences=256, exchanges=39)"
"""A batch in which some lags are told from noise and others are not."""
GRID = {"cell": ["elman"], "hidden": 6, "inputs": 2, "w_rec": 1.0, "T": (5, 9), "seeds": 2, "probe": PROBE}
NAMES = ("sequences_needed", "sequences_needed_low", "sequences_needed_high", "target_gradient")


@functools.cache
def swept(dtype="float32"):
    return gradlab.sweep(**GRID, precision=dtype, quiet=True)


def of(norms, name, **at):
    some = {"cell": 0, "init": 0, "w_rec": 0} | at
    return tuple(norms[one].isel(some).values for one in (name, f"{name}_state"))


@pytest.mark.slow
def test_what_is_seen_has_numbers_and_the_rest_is_not_computed():
    norms = swept().norms
    chance, known = of(norms, "target_chance", T=1)
    assert (known[:, :9] == OK).all()
    assert (known[:, 9] == UNDEFINED).all()
    seen = known * 0 + (np.nan_to_num(chance, nan=1) <= 0.05 + 1e-9)
    assert 0 < seen.sum() < seen.size
    middle, state = of(norms, "sequences_needed", T=1)
    np.testing.assert_array_equal(state[:, :8] == OK, seen[:, :8])
    assert (state[:, :8][seen[:, :8] == 0] == NOT_COMPUTED).all()
    low, _ = of(norms, "sequences_needed_low", T=1)
    high, _ = of(norms, "sequences_needed_high", T=1)
    told = seen[:, :8] == 1
    assert (low[:, :8][told] < middle[:, :8][told]).all()
    assert (~(high[:, :8][told] <= middle[:, :8][told])).all()
    # No state is there before step 1, on which W could be used.
    assert (state[:, 8:] == UNDEFINED).all()
    assert set(of(norms, "sequences", T=1)[0].tolist()) == {256}


@pytest.mark.slow
def test_both_precisions_see_the_same_sequences():
    one, other = (swept(dtype).norms for dtype in ("float32", "float64"))
    for name in ("target_chance", *NAMES):
        for T in (0, 1):
            np.testing.assert_allclose(of(one, name, T=T)[0], of(other, name, T=T)[0], rtol=2e-3, atol=2e-4)


@pytest.mark.slow
def test_a_point_is_the_same_in_another_grid():
    alone = gradlab.sweep(**GRID | {"w_rec": (0.5, 1.0), "T": 9, "seeds": 1}, quiet=True).norms
    for name in ("target_chance", "sequences_needed"):
        want, _ = of(swept().norms, name, T=1)
        found, _ = of(alone, name, w_rec=1, T=0)
        np.testing.assert_array_equal(found[0], want[0])


def test_tables_claims_and_the_metric_have_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    swept().save(tmp_path / "kept")
    shown = command("show", "kept")
    said = " ".join(shown.out.split())
    assert "stat: lag up to which the gradient's dependence on the target stands out of its noise" in said
    assert "what is not computed is >256: these sequences cannot tell" in said
    assert ">256" in command("show", "kept", "--column", "sequences_needed").out.split("Probes at")[0]
    norms = swept().norms
    held = {metric: one for (metric, part), one in gradlab.metrics.measured(norms).items() if part == "state"}
    told = (norms["target_chance"].fillna(1) <= 0.05 + 1e-6).squeeze().values
    last = [[np.logical_and.accumulate(row).sum() - 1 for row in rows] for rows in told]
    wanted = np.where(np.array(last) < 0, np.nan, last)
    np.testing.assert_array_equal(held["statistical_horizon"].value.squeeze(), wanted)
    where = {"cell": "elman", "T": 9}
    claim = {"text": "t", "metric": "sequences", "where": where, "above": 255.0}
    assert swept().check(claim)[0].status == "passed"


def test_a_task_that_the_networks_cannot_read_is_refused_before_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradlab.studies.sweep.compute.run", lambda *_: pytest.fail("it has started"))
    for words, said in (
        (("--inputs", 1), "adding has 2 inputs at each step and --inputs is 1"),
        (("--inputs", 2, "-T", 1), "adding has no sequence of 1 steps; the least T is 2"),
    ):
        found = command("sweep", "--probe", "target_signal(task=adding)", *words)
        assert found.code == 2
        assert said in found.err
    for own, said in (
        ("sequences=15", "must be an even number, 16 or more"),
        ("exchanges=18", "must be 19 or more"),
        ("task=adding(shortest=5)", "leave out shortest"),
        ("task=addin", "did you mean adding?"),
    ):
        found = command("sweep", "--probe", f"target_signal({own})")
        assert found.code == 2
        assert said in found.err
    assert not list(tmp_path.iterdir())


def given(B=64, T=6, dtype=np.float64):
    rng = np.random.default_rng(3)
    xs = rng.standard_normal((B, T, 1)).astype(dtype)
    w = {
        "w_rec": (0.7 * np.linalg.qr(rng.standard_normal((3, 3)))[0]).astype(dtype),
        "w_in": np.ones(3, dtype),
    }
    step = lambda p, h, x: p["w_rec"] @ h + p["w_in"] * x
    return step, w, np.zeros(3, dtype), xs


def squared(read, target):
    return ((read.sum() - target) ** 2) / 2


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_network_and_a_loss_of_ones_own(every):
    """The target is the input of step 3 of 6, or at every step the one before.

    Of a linear step the part of W at step s is b h_(s-1)^T, b the same for all sequences, and E y h_(s-1)^T
    is 0 where h_(s-1) has not read y. It has read it from s = 4 on, lags 0 to 2; or, of a loss at every step,
    from s = 2 on, lags 0 to 4.
    """
    step, w, state, xs = given(256)
    targets = np.concatenate([np.zeros_like(xs[:, :1, 0]), xs[:, :-1, 0]], 1) if every else xs[:, 2, 0]
    found = gradlab.measure(
        step,
        w,
        state,
        xs[0],
        w_rec=lambda p: p["w_rec"],
        loss=squared,
        targets=targets[0],
        objective="every" if every else "last",
        examples=(xs, targets),
        probe="target_signal",
    )
    horizon = gradlab.metrics.named("statistical_horizon").measure(found).value.item()
    assert horizon == (4 if every else 2)
    assert found["sequences"].item() == 256
    assert (found["sequences_needed_state"].squeeze().values[:3] == OK).all()


def test_examples_that_do_not_fit_are_refused():
    step, w, state, xs = given()
    y = xs[:, 2, 0]
    how = {"w_rec": lambda p: p["w_rec"], "loss": squared, "targets": y[0], "probe": "target_signal"}
    for own, said in (
        ((xs[:15], y[:15]), "an even number, 16 or more"),
        ((xs[:, :5], y), "another form than xs"),
        ((xs, y[:20]), "there are targets for all"),
        ((xs * np.nan, y), "nan"),
    ):
        with pytest.raises(GradlabError, match=said):
            gradlab.measure(step, w, state, xs[0], examples=own, **how)
    with pytest.raises(GradlabError, match="go with a loss"):
        gradlab.measure(step, w, state, xs[0], examples=(xs, y), probe="target_signal")
