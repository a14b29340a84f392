"""As a guest in other people's programs: their test runners, their settings of JAX, their processes."""

import json
import subprocess
import sys

import pytest

from tests.cli.calling import ENVIRONMENT, finished

SUITE = """
import jax.numpy as jnp
import pytest
from gradlab.pytest import assert_horizon

state, xs = jnp.zeros(1), jnp.ones((20, 1))


def decay(w, h, x):
    return w * h + x


@pytest.mark.parametrize("w", [0.95, 0.99])
def test_far_enough(w):
    assert_horizon(decay, jnp.asarray(w), state, xs, at_least=10)


@pytest.mark.parametrize("w", [0.1, 0.2])
def test_not_far_enough(w):
    assert_horizon(decay, jnp.asarray(w), state, xs, at_least=10)


def test_the_fixture(gradient_flow):
    assert gradient_flow(decay, jnp.asarray(0.5), state, xs).regime == "VANISH"
"""
UNITTEST = """
import unittest

import jax.numpy as jnp
from gradlab.pytest import assert_horizon


state, xs = jnp.zeros(1), jnp.ones((20, 1))


def decay(w, h, x):
    return w * h + x


class Cells(unittest.TestCase):
    def test_far_enough(self):
        assert_horizon(decay, jnp.asarray(0.99), state, xs, at_least=10)

    def test_not_far_enough(self):
        with self.assertRaisesRegex(self.failureException, "falls by 10.3 within"):
            assert_horizon(decay, jnp.asarray(0.1), state, xs, at_least=10)


if __name__ == "__main__":
    unittest.main()
"""
MEASURING = """
import json, sys
import jax
jax.config.update("jax_enable_x64", {x64})
import jax.numpy as jnp, numpy as np
import gradlab
from gradlab.gradcheck.verify import verify

random = np.random.default_rng(0)
W = (random.normal(size=(4, 4)) / 2).astype(np.float32)
xs = random.normal(size=(12, 4)).astype(np.float32)

def step(W, h, x):
    return jnp.tanh(W @ h + x)

given = step, W, np.zeros(4, np.float32), xs
result = gradlab.measure(*given, w_rec=lambda W: W)
found = verify(*given, lengths=(1, 5), scales=(1.0,))
numbers = [result[name].values.ravel().tolist() for name in ("adjoint", "transport", "weight_gradient")]
print(json.dumps([gradlab.verdict(result), [check.result for check in found.checks], numbers]))
assert jax.config.jax_enable_x64 is {x64}
"""
SPAWNED = """
import multiprocessing

import numpy as np


def measured(w):
    import gradlab

    state, xs = np.ones(1, np.float32), np.ones((10, 1), np.float32)
    result = gradlab.measure(lambda w, h, x: w * h, np.float32(w), state, xs)
    return result["transport"].values.ravel().tolist()


if __name__ == "__main__":
    here = [measured(w) for w in (0.5, 2.0)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(measured, (0.5, 2.0)) == here
    print(here[0][-1])
"""


def python(place, *words, **more):
    """Python in a folder of theirs; whatever warns is an error there."""
    return subprocess.run(
        [sys.executable, "-W", "error", *words],
        cwd=place,
        env=ENVIRONMENT | more,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.slow
def test_a_suite_that_is_shared_out_among_workers(tmp_path):
    (tmp_path / "test_cells.py").write_text(SUITE)
    words = ("-m", "pytest", "-q", "-p", "xdist", "-p", "gradlab.pytest", "-p", "no:cacheprovider", "-n", "2")
    said = python(tmp_path, *words, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "2 failed, 3 passed" in said.stdout, said.stdout + said.stderr
    assert said.stdout.count("falls by 10^3 within") >= 2


@pytest.mark.slow
def test_a_suite_of_unittest(tmp_path):
    (tmp_path / "test_cells.py").write_text(UNITTEST)
    said = python(tmp_path, "-m", "unittest", "-v")
    assert (said.returncode, "Ran 2 tests" in said.stderr) == (0, True), said.stderr


@pytest.mark.slow
def test_a_host_that_has_chosen_its_floats_gets_the_same_answers_and_keeps_its_choice(tmp_path):
    said = [python(tmp_path, "-c", MEASURING.format(x64=x64)) for x64 in (True, False)]
    for each in said:
        assert (each.returncode, each.stderr) == (0, "")
    (verdict, checks, numbers), other = (json.loads(each.stdout) for each in said)
    assert other[:2] == [verdict, checks]
    assert "ok" in checks
    assert "WRONG" not in checks
    for mine, theirs in zip(numbers, other[2], strict=True):
        assert theirs == pytest.approx(mine, abs=1e-5, nan_ok=True)


@pytest.mark.slow
def test_processes_that_are_spawned_measure_the_same(tmp_path):
    (tmp_path / "host.py").write_text(SPAWNED)
    said = python(tmp_path, "host.py")
    assert (said.returncode, said.stderr) == (0, "")
    assert float(said.stdout) == pytest.approx(-3.0103, abs=1e-3)


@pytest.mark.slow
def test_nothing_warns_when_everything_is_imported(tmp_path):
    code = """
import importlib, pkgutil, gradlab
for module in pkgutil.walk_packages(gradlab.__path__, "gradlab."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    said = python(tmp_path, "-c", code)
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.slow
def test_no_main_command_warns(tmp_path):
    strict = {"PYTHONWARNINGS": "error"}
    sweep = (
        "sweep",
        "--hidden",
        "2",
        "--seeds",
        "2",
        "-T",
        "5",
        "--w-rec",
        "0.5,1.0",
        "--name",
        "run",
        "--quiet",
    )
    for words in (
        (*sweep, "--out", tmp_path),
        ("show", tmp_path / "run"),
        ("report", tmp_path / "run"),
        ("verify", "elman", "--lengths", "1,5", "--points", "1", "--scale", "1"),
        ("list",),
    ):
        said = finished(*words, env=strict)
        # Only `verify` has something to say there: what it will take.
        others = [line for line in said.err.splitlines() if not line.startswith("checking elman: about ")]
        assert (said.code, others) == (0, []), words
