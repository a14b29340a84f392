"""A sweep whose inputs are windows of a series: its networks, its numbers, its regimes."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

import gradlab
from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.studies.sweep import compute, drawing
from gradlab.studies.sweep.settings import Sweep
from tests.studies.sweep.grids import labelled

ROWS = 30


def series(std=1.0, rows=ROWS, columns=2):
    return std * np.random.default_rng(5).normal(size=(rows, columns))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("s.npy", series())
    return tmp_path


def asked(**settings):
    given = {"cell": ("elman",), "init": ("orthogonal", "gaussian"), "w_rec": (0.7, 1.2), "T": (4, 9)}
    sizes = {"hidden": 3, "seeds": 2, "batch": 2, "precision": "float64", "seed": 11}
    return Sweep(**given | sizes | {"data": "s.npy"} | settings)


def start_of(window):
    rows = series()
    found = [k for k in range(ROWS - len(window) + 1) if np.array_equal(rows[k : k + len(window)], window)]
    assert len(found) == 1
    return found[0]


@pytest.mark.usefixtures("place")
def test_each_network_gets_windows_of_the_file():
    """Cut by hand: T rows in a row, zeros after them, the same for one seed at every gain and start."""
    sweep = asked()
    networks = drawing.draw(sweep)["elman"][0]
    assert sweep.inputs == 2
    for T in sweep.T:
        xs = drawing.at_length(sweep, networks, T).xs
        each = xs.reshape(2, 2, 2, 2, *xs.shape[2:])
        assert not each[..., T:, :].any()
        np.testing.assert_array_equal(each, np.broadcast_to(each[:1, :1], each.shape))
        starts = {start_of(each[0, 0, seed, one, :T]) for seed in (0, 1) for one in (0, 1)}
        assert len(starts) > 2


@pytest.mark.usefixtures("place")
@pytest.mark.slow
def test_its_transport_is_the_product_of_jacobians_on_those_windows():
    sweep = asked()
    norms = labelled(sweep, {found.cell: found for found in compute.run(sweep)})
    networks, cell = drawing.draw(sweep)["elman"][0], registry.make("cells", "elman")
    jacobian = jax.jit(jax.jacrev(lambda h, p, x: cell.step(p, type(networks.state)(h), x).h))
    step = jax.jit(cell.step)
    for T in sweep.T:
        at = drawing.at_length(sweep, networks, T)
        for i, place in enumerate(np.ndindex(2, 2, 2)):
            logs = []
            for one in range(sweep.batch):
                window = series()[start_of(at.xs[i, one, :T]) :][:T]
                params, state = jax.tree.map(lambda leaf, i=i: leaf[i], (at.params, at.state))
                product = np.eye(3)
                for x in window:
                    product = np.asarray(jacobian(state.h, params, x)) @ product
                    state = step(params, state, x)
                logs.append(np.log10(np.linalg.norm(product)))
            init, w_rec, seed = place
            point = norms.isel(cell=0, init=init, w_rec=w_rec, seed=seed).sel(T=T, part="state")
            # Sequences are averaged as logarithms.
            assert float(point.transport_frobenius.sel(lag=T)) == pytest.approx(np.mean(logs), abs=1e-11)


@pytest.mark.usefixtures("place")
@pytest.mark.slow
def test_a_file_of_white_noise_has_the_rates_of_white_noise():
    """And the same noise ten times as large has others: the test could have seen a wrong scale."""
    base = {"cell": "elman", "init": "orthogonal", "hidden": 8, "seeds": 20, "T": 40, "w_rec": [0.8, 1.3]}
    np.save("noise.npy", series(1.0, rows=20_000, columns=1))
    np.save("large.npy", series(10.0, rows=20_000, columns=1))
    rates, regimes = {}, {}
    for name, more in (
        ("white", {"input_std": 1.0}),
        ("file", {"data": "noise.npy"}),
        ("scaled", {"data": "large.npy", "scale": "standard"}),
        ("large", {"data": "large.npy"}),
    ):
        run = gradlab.sweep(**base, **more, quiet=True)
        table = run.stored.metrics
        by_seed = table[(table.metric == "rate") & (table.part == "state")].pivot_table(
            index="w_rec", columns="seed", values="value"
        )
        rates[name] = by_seed.to_numpy()
        regimes[name] = run.table()["regime"].tolist()
    error = lambda found: found.std(axis=1, ddof=1) / np.sqrt(found.shape[1])
    differs = lambda a, b: np.abs(a.mean(1) - b.mean(1)) / np.hypot(error(a), error(b))
    assert regimes["file"] == regimes["white"] == regimes["scaled"]
    assert (differs(rates["file"], rates["white"]) < 4).all()
    assert (differs(rates["scaled"], rates["white"]) < 4).all()
    assert (differs(rates["large"], rates["white"]) > 5).all()


@pytest.mark.usefixtures("place")
def test_a_grid_that_grows_changes_no_number():
    small, large = asked(T=(4,)), asked(seeds=3, T=(4, 9))
    few = drawing.drawn_inputs(small, 4)
    np.testing.assert_array_equal(drawing.drawn_inputs(large, 4)[:2], few)


@pytest.mark.usefixtures("place")
def test_what_the_file_gives_is_taken_and_other_settings_stay():
    sweep = asked(scale="standard")
    assert (sweep.inputs, sweep.input_std) == (2, pytest.approx(1, rel=1e-12))
    assert dataclasses.replace(sweep, cell=("gru",)).inputs_digest == sweep.inputs_digest
    again = Sweep(data="s.npy", inputs=2, input_std=asked().input_std)
    assert (again.inputs, again.inputs_digest) == (2, asked().inputs_digest)


@pytest.mark.usefixtures("place")
def test_a_file_that_changes_on_the_way_ends_the_run():
    sweep = asked()
    np.save("s.npy", series() + 1)
    with pytest.raises(GradlabError, match=r"^s\.npy: has changed since it was read first; run the command"):
        drawing.drawn_inputs(sweep, 4)


@pytest.mark.usefixtures("place")
def test_of_a_text_networks_get_characters_one_hot():
    text = "to be or not to be, that is the question"
    Path("s.txt").write_text(text)
    sweep = asked(data="s.txt")
    alphabet = sorted(set(text))
    assert sweep.inputs == len(alphabet)
    networks = drawing.draw(sweep)["elman"][0]
    for T in sweep.T:
        xs = drawing.at_length(sweep, networks, T).xs[:, :, :T]
        assert set(np.unique(xs)) == {0.0, 1.0}
        np.testing.assert_array_equal(xs.sum(-1), 1)
        for one in xs.argmax(-1).reshape(-1, T):
            assert "".join(alphabet[code] for code in one) in text
