"""A cell of one size, as a trained one is: tried out at the N and D of the run, and refused at others."""

import json

import jax
import numpy as np
import pytest

import gradlab as library
from gradlab import tried
from gradlab.foreign import spec as foreign_spec
from tests.cli.calling import gradlab
from tests.foreign.mine import unused
from tests.tiers import few

D, N = 2, 5
TRAINED = """
    import jax.numpy as jnp
    import numpy as np

    with np.load("trained.npz") as file:
        TRAINED = dict(file)

    def init(key, d_in, d_hidden):
        params = {name: jnp.asarray(TRAINED[name]) for name in ("w_rec", "w_in")}
        return params, {"h": jnp.zeros(5)}

    class Strict:
        def init(self, key, d_in, d_hidden, w_rec, initializer):
            if (d_in, d_hidden) != (2, 5):
                raise ValueError(f"trained with D = 2 and N = 5, not {d_in} and {d_hidden}")
            params, state = init(key, d_in, d_hidden)
            return params | {"w_rec": w_rec * params["w_rec"]}, state

        def step(self, params, state, x):
            return step(params, state, x)
"""
STEP = 'return {"h": jnp.tanh(params["w_rec"] @ state["h"] + params["w_in"] @ x)}'
ASKED = ("--w-rec", "1.0", "-T", "6", "--seeds", "1", "--precision", "float64")


@pytest.fixture
def trained(write, tmp_path, monkeypatch):
    monkeypatch.setattr(tried, "_SIZES", [(3, 4)])
    rng = np.random.default_rng(1)
    weights = {"w_rec": rng.normal(size=(N, N)) / 2, "w_in": rng.normal(size=(N, D))}
    np.savez("trained.npz", **weights)
    write(STEP, TRAINED)
    return weights


@pytest.mark.parametrize("name", few(["step", "Strict"], ()))
def test_it_is_measured_at_its_own_size(trained, name):
    """The same numbers as the network alone, on the inputs that the sweep has drawn."""
    np.save("s.npy", np.random.default_rng(2).normal(size=(6, D)))
    said = gradlab("sweep", "--cell", f"mine:{name}", "-N", N, "--data", "s.npy", *ASKED, "--name", "run")
    assert said.code == 0, said.err
    run = library.load("results/run")
    step = lambda p, h, x: np.tanh(p["w_rec"] @ h + p["w_in"] @ x)
    product, h = np.eye(N), np.zeros(N)
    for x in np.load("s.npy"):
        h = step(trained, h, x)
        product = np.diag(1 - h**2) @ trained["w_rec"] @ product
    found = run.norms.transport_frobenius.squeeze(["cell", "init", "w_rec", "T", "seed"]).sel(
        lag=6, part="state"
    )
    assert float(found) == pytest.approx(np.log10(np.linalg.norm(product)), abs=1e-11)


REFUSED = {
    "D": (("step", "-N", N, "-D", 3), "--cell: the step of 'mine:step' cannot be traced by JAX: "),
    "N": (("step", "-N", 4, "-D", D), "--hidden: 4 is not the number of units that 'mine:step' has "),
    "strict": (
        ("Strict", "-N", 4, "-D", D),
        "--cell: 'mine:Strict' cannot be drawn: ValueError: 'trained with D",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.usefixtures("trained")
def test_at_another_size_it_is_refused_in_a_line(what, tmp_path):
    (name, *words), line = REFUSED[what]
    said = gradlab("sweep", "--cell", f"mine:{name}", *words, *ASKED, "--name", "no")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(f"error: {line}")
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("trained")
def test_other_commands_try_it_at_their_own_size():
    words = ("mine:Strict", "--inputs", D, "--hidden", N, "--dry-run", "--json")
    assert json.loads(gradlab("verify", *words).out)["exit_code"] == 0
    words = (
        "adding",
        "--cell",
        "mine:Strict",
        "--hidden",
        N,
        "-T",
        "8",
        "--no-match",
        "-r",
        "clip_norm",
        "--dry-run",
    )
    said = gradlab("remedies", *words)
    assert said.code == 0, said.err


@pytest.mark.usefixtures("trained")
def test_a_network_too_large_for_a_trial_is_not_drawn_for_one():
    tried.at(1, 2**40)
    assert tried.sizes() == (3, 4)
    tried.at(D, N)
    assert foreign_spec.cell("mine:Strict").init(jax.random.key(0), D, N, 1.0, unused)[1]["h"].shape == (N,)
