"""A network of one's own on windows of a series: its gradients against autodiff."""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab import execute
from gradlab.errors import GradlabError
from gradlab.studies.measure import collect, compute, models, windows
from gradlab.studies.measure.settings import Measure
from gradlab.studies.sweep import alone
from tests.studies.measure import given_networks
from tests.tiers import few

T = 7


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given_networks.write(tmp_path)
    return tmp_path


def asked(**settings):
    given = {"model": "w.npz", "data": "all.csv", "columns": "a,b", "arch": "rnn", "activation": "tanh"}
    return Measure(**given | {"T": T, "windows": 2, "seed": 3} | settings)


def by_copies(xs, aims, every):
    """Norms of dL/dh and of each step's part of dL/dW_hh, by lag: weights copied for each step."""
    w = given_networks.weights()
    bias = w["rnn.bias_ih_l0"] + w["rnn.bias_hh_l0"]

    def loss(copies, moves):
        h, total = jnp.zeros(given_networks.N), 0.0
        for t in range(T):
            h = jnp.tanh(w["rnn.weight_ih_l0"] @ xs[t] + copies[t] @ h + bias) + moves[t]
            miss = (w["fc.weight"] @ h + w["fc.bias"])[0] - aims[t]
            total = total + (miss**2 / 2 if every or t == T - 1 else 0.0)
        return total

    copies = jnp.stack([w["rnn.weight_hh_l0"]] * T)
    of_weights, of_states = jax.grad(loss, argnums=(0, 1))(copies, jnp.zeros((T, given_networks.N)))
    norm = lambda found: np.linalg.norm(np.reshape(found, (T, -1)), axis=1)[::-1]
    return norm(of_states), norm(of_weights)


@pytest.mark.parametrize("objective", few(["last", "every"], ("every",)))
def test_each_window_has_its_own_gradients(objective):
    settings = asked(target="c", head="fc", objective=objective)
    run = execute.run(settings).run
    found = windows.of(settings, models.of(settings))
    for i in range(2):
        adjoint, weights = by_copies(found.xs[i], found.targets[i], objective == "every")
        one = run.norms.squeeze(["cell", "init", "w_rec", "T"]).isel(seed=i)
        # The adjoint's last lag is that of the initial state, which the oracle does not move.
        np.testing.assert_allclose(one.adjoint.sel(part="state")[:T], np.log10(adjoint), rtol=0, atol=1e-12)
        np.testing.assert_allclose(one.weight_gradient[: T - 1], np.log10(weights[:-1]), rtol=0, atol=1e-12)
    assert run.about["loss"] == f"own loss, {objective}"
    assert run.about["precision"] == "float64"


@pytest.mark.parametrize("objective", few(["last", "every"], ["last"]))
def test_windows_share_the_programs_of_the_first(objective):
    """No other window traces or compiles anything."""
    count = []
    listen = lambda event, seconds, **_: count.append(event) if "/jax/core/compile" in event else None
    each = compute.run(asked(target="c", head="fc", objective=objective, windows=3), lambda progress: None)
    next(each)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        assert len(list(each)) == 2
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert count == []


def test_windows_are_rows_of_the_series_and_known_again():
    settings = asked(target="c", head="fc")
    found, again = (windows.of(settings, models.of(settings)) for _ in range(2))
    rows = given_networks.series()
    starts = [next(k for k in range(len(rows)) if (rows[k, :2] == one[0]).all()) for one in found.xs]
    for start, one, aims in zip(starts, found.xs, found.targets, strict=True):
        np.testing.assert_array_equal(one, rows[start : start + T, :2])
        np.testing.assert_array_equal(aims, rows[start : start + T, 2])
    assert ", ".join(str(start + 1) for start in starts) in found.said[-1]
    np.testing.assert_array_equal(found.xs, again.xs)
    other = windows.of(asked(seed=4), models.of(settings))
    assert not np.array_equal(found.xs, other.xs)


def test_scaling_is_done_as_it_is_said():
    settings = asked(scale="standard", T=given_networks.ROWS, windows=1)
    found = windows.of(settings, models.of(settings))
    np.testing.assert_allclose(found.xs[0].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.xs[0].std(axis=0), 1, rtol=1e-12)
    assert "brought to mean 0 and deviation 1" in found.said[0]
    plain = windows.of(asked(), models.of(settings))
    assert plain.said[0].startswith("inputs as they are in all.csv: a -")


def test_a_function_gives_a_network(place):
    (place / "a_network_of_mine.py").write_text(given_networks.MODULE)
    settings = asked(model="a_network_of_mine:make", arch="", activation="", target="c")
    run = execute.run(settings).run
    import a_network_of_mine

    found = windows.of(settings, models.of(settings))
    step, w, h, read = a_network_of_mine.make()
    for i in range(2):
        own = alone.measure(
            step,
            w,
            h,
            found.xs[i].astype(np.float32),
            readout=read,
            loss=lambda read, target: (read - target) ** 2 / 2,
            targets=np.float32(found.targets[i][-1]),
        )
        here = run.norms.isel(seed=i)
        np.testing.assert_array_equal(here.adjoint.values.ravel(), own.adjoint.values.ravel())
    assert run.about["code"]["step"]["unseen"] == "what a_network_of_mine:make calls"


@pytest.mark.parametrize("kind", few(["of_equinox", "of_nnx", "of_linen"], ["of_nnx"]))
@pytest.mark.slow
def test_a_function_gives_a_cell_of_a_library(place, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, "cells_of_mine", None)
    del sys.modules["cells_of_mine"]
    (place / "cells_of_mine.py").write_text(given_networks.CELLS)
    settings = asked(model=f"cells_of_mine:{kind}", arch="", activation="")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        run = execute.run(settings).run
        import cells_of_mine

        model = models.of(settings)
        found = windows.of(settings, model)
        made = getattr(cells_of_mine, kind)()
        cell, params = made if isinstance(made, tuple) else (made, None)
        for i in range(2):
            own = gradlab.measure(cell, params, None, found.xs[i].astype(model.precision), seed=3)
            for name in ("transport", "weight_gradient"):
                here = run.norms[name].isel(seed=i).values.ravel()
                np.testing.assert_array_equal(here, own[name].values.ravel())
    assert run.about["code"]["GRUCell"]["unseen"] == f"what cells_of_mine:{kind} calls"


MINE, PLAIN = "a_network_of_mine", {"arch": "", "activation": ""}
REFUSED = {
    "no file": ({"model": "none.npz"}, r"^none\.npz: cannot be read: No such file"),
    "a pickle": ({"model": "w.pkl"}, r"^w\.pkl: is no file of weights"),
    "no arch": ({"arch": ""}, "^--arch: is not given; weight_hh_l0 has 1 row for each of "),
    "another arch": ({"arch": "lstm", "activation": ""}, "arch is rnn, not lstm$"),
    "no data": ({"data": "none.csv"}, r"^none\.csv: cannot be read"),
    "columns": ({"columns": "a"}, r"^--columns: are 1 \(a\), and the network takes 2"),
    "all columns": ({"columns": ""}, r"^--columns: are 3 \(a, b, c\), and the network takes 2"),
    "too long": ({"T": 41}, r"^-T: 41 is longer than the 40 rows of all\.csv"),
    "too many": ({"windows": 35}, r"^--windows: 35 is too large; 40 rows have 34 of 7 steps"),
    "no head": ({"target": "c"}, "^--target: needs a network that says a number: --head NAME"),
    "another head": (
        {"target": "c", "head": "out"},
        r"^--head: 'out' is no linear layer of w\.npz; it has fc",
    ),
    "a module": ({"model": "not_there:make"} | PLAIN, "^MODEL: no module called"),
    "a name": (
        {"model": "a_network_of_mine:none", "arch": "", "activation": ""},
        "^MODEL: 'none' is no function",
    ),
    "a number": (
        {"model": "a_network_of_mine:nothing", "arch": "", "activation": ""},
        "gives int; it gives a torch",
    ),
    "a failure": (
        {"model": f"{MINE}:broken"} | PLAIN,
        "fails: ValueError: 'no weights'; call it once in Python",
    ),
    "an arch of a function": ({"model": "a_network_of_mine:make"}, "^--arch: goes with a file of weights"),
    "blind": (
        {"model": f"{MINE}:blind", "target": "c"} | PLAIN,
        "^--target: needs a network that says a number",
    ),
    "wide": (
        {"model": f"{MINE}:wide", "target": "c"} | PLAIN,
        "^--target: is one number, and the network gives 2",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_a_line_before_anything_is_measured(place, case):
    (place / "a_network_of_mine.py").write_text(given_networks.MODULE)
    given, said = REFUSED[case]
    with pytest.raises(GradlabError, match=said) as caught:
        execute.run(asked(**given), folder=place / "run")
    assert (caught.value.code, "\n" in str(caught.value)) == (2, False)
    assert not (place / "run").exists()


@pytest.mark.slow
def test_what_measure_returns_is_a_run_that_is_kept_reported_and_compared(place):
    step = lambda w, h, x: jnp.tanh(w @ h + x)
    w = jax.random.normal(jax.random.key(0), (4, 4), np.float32) / 3
    xs = jax.random.normal(jax.random.key(1), (3, 12, 4), np.float32)
    h = np.zeros(4, np.float32)
    found = [alone.measure(step, w, h, one, w_rec=lambda w: w) for one in xs]
    run = gradlab.Run.of(*found)
    assert run.table()["seeds"].tolist() == [3]
    assert "this network, 3 sequences" in run.verdict
    assert run.failures() == []
    run.save(place / "kept")
    again = gradlab.load(place / "kept")
    assert again.verdict == run.verdict
    np.testing.assert_array_equal(again.norms.transport.values, run.norms.transport.values)
    assert {path.stem for path in (place / "kept" / "figures").iterdir()} == {"profile", "three_gradients"}
    assert run.report(place / "r.html").exists()
    from gradlab.findings import baseline

    baseline.write(place / "b.json", baseline.create(run.stored))
    assert {one.status for one in again.check(baseline=place / "b.json")} == {"passed"}
    worse = gradlab.Run.of(*[alone.measure(step, 1.02 * w, h, one, w_rec=lambda w: w) for one in xs])
    assert "failed" in {one.status for one in worse.check(baseline=place / "b.json")}


def test_a_run_is_of_one_network():
    step = lambda w, h, x: w * h + x
    one, other = (alone.measure(step, np.float64(w), np.zeros(1), np.ones((4, 1))) for w in (0.5, 0.6))
    with pytest.raises(GradlabError, match=r"result\[1\]: has other weights than the first"):
        collect.in_memory([one, other])
    with pytest.raises(GradlabError, match="is not what measure or reach returns"):
        collect.in_memory([])


@pytest.mark.slow
def test_a_text_is_one_hot_in_the_alphabet_of_the_network(place):
    """The same numbers as those of the characters coded by hand in the order that the file has."""
    text = "abbabaaabbbabbab"
    (place / "s.txt").write_text(text)
    (place / "order.txt").write_text("ba")
    settings = Measure("w.npz", "s.txt", arch="rnn", activation="tanh", alphabet="order.txt", T=T, windows=1)
    run = execute.run(settings).run
    start = int(re.search(r"from row (\d+)", run.about["said"][1])[1]) - 1
    xs = np.array([["ba"[i] == one for i in (0, 1)] for one in text[start : start + T]], float)
    alone_ = alone.measure(given_networks.weights(), xs, arch="rnn", activation="tanh")
    found = run.norms.transport_frobenius.squeeze(drop=True)
    np.testing.assert_array_equal(found, alone_.transport_frobenius.squeeze(drop=True))
    assert "one-hot in an alphabet of 2: 'ba'" in run.about["said"][0]


TEXTS = {
    "size": ({}, r"^--alphabet: are 3 \('a', 'b', 'c'\), and the network takes 2; name these"),
    "target": (
        {"target": "c", "head": "fc"},
        r"^--target: names a column, and a text has none; leave it out",
    ),
    "columns": ({"columns": "a"}, r"^--columns: s\.txt is a text, of which every character is an input"),
    "none": ({"data": "all.csv", "alphabet": "a.txt"}, r"^--alphabet: goes with a text; 'all\.csv' is none"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_what_does_not_go_with_a_text_is_named(place, what):
    (place / "s.txt").write_text("abcabcabcabc")
    more, said = TEXTS[what]
    with pytest.raises(GradlabError, match=said):
        execute.run(asked(**{"data": "s.txt", "columns": ""} | more))
