"""The example of a trained LSTM against torch: its weights trained anew, its gradients by autograd."""

import runpy
import subprocess
import sys

import jax
import numpy as np
import pytest

from tests.cli.calling import ENVIRONMENT
from tests.examples.shown import HOME

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")


@pytest.fixture(scope="module")
def shown():
    """What the example has computed, with JAX as a user has it."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return runpy.run_path(str(HOME / "trained_lstm.py"))


def test_weight_gradients_by_step_are_those_of_weights_copied_for_each_step(shown):
    given = {name: torch.tensor(w) for name, w in shown["weights"].items()}
    cell = torch.nn.LSTMCell(1, 8, dtype=torch.float64)
    names = [name for name, _ in cell.named_parameters()]
    copies = [
        {name: given[f"lstm.{name}_l0"].clone().requires_grad_() for name in names} for _ in shown["now"]
    ]
    state = (torch.zeros(8, dtype=torch.float64),) * 2
    for copy, x in zip(copies, torch.tensor(shown["now"]), strict=True):
        state = torch.func.functional_call(cell, copy, (x[None], state))
    forecast = (given["head.weight"] @ state[0] + given["head.bias"])[0]
    (torch.sqrt(1 + ((forecast - shown["after"][-1]) / 100) ** 2) - 1).backward()
    by_lag = [copy["weight_hh"].grad.norm().item() for copy in reversed(copies)]
    ours = shown["norms"].weight_gradient.squeeze().values[: len(copies)]
    # The first step has no recurrent input yet.
    assert (by_lag[-1], np.isnan(ours[-1])) == (0, True)
    np.testing.assert_allclose(10 ** ours[:-1], by_lag[:-1], rtol=1e-12)
    for name in names:
        found = shown["norms"].gradient.sel(leaf=f"{name}_l0").item()
        whole = sum(copy[name].grad for copy in copies).norm().item()
        np.testing.assert_allclose(10**found, whole, rtol=1e-12, err_msg=name)


def test_the_training_gives_the_weights_that_ship(tmp_path):
    """To 1e-6: other processors round otherwise, and 300 updates carry that on."""
    made = tmp_path / "anew.npz"
    code = [sys.executable, "-W", "error", HOME / "train_sunspots.py", made]
    done = subprocess.run(code, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert "misses by 8.1 sunspots" in done.stdout.splitlines()[-1]
    with np.load(made) as anew, np.load(HOME / "data" / "sunspots_lstm.npz") as shipped:
        assert set(anew) == set(shipped)
        for name in shipped:
            np.testing.assert_allclose(anew[name], shipped[name], rtol=1e-6, atol=1e-6, err_msg=name)
