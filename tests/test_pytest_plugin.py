"""The pytest plugin, as another project's suite uses it: in a pytest of its own."""

import math
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import gradlab
from gradlab.errors import GradlabError
from gradlab.pytest import assert_horizon
from tests.cli.calling import ENVIRONMENT

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
SUITE = """
import jax
import jax.numpy as jnp
import pytest
from gradlab.pytest import assert_gradients, assert_horizon, assert_regime

state, xs = jnp.zeros(1), jnp.ones((40, 1))


def decay(w, h, x):
    return w * h + x


def test_long_enough():
    assert_horizon(decay, jnp.asarray(0.9), state, xs, at_least=40)


def test_too_short_a_horizon():
    assert_horizon(decay, jnp.asarray(0.5), state, xs, at_least=20)


def test_too_short_a_sequence():
    assert_horizon(decay, jnp.asarray(0.9), state, xs)


def test_another_regime():
    assert_regime(decay, jnp.asarray(2.0), state, xs, "VANISH")


def test_no_such_regime():
    assert_regime(decay, jnp.asarray(2.0), state, xs, "EXPLODES")


def test_the_right_gradient():
    assert len(assert_gradients(decay, jnp.asarray(0.5), state + 0.3, xs[:5]).checks) > 5


def test_a_weight_that_is_cut_off():
    step = lambda w, h, x: jnp.tanh(jax.lax.stop_gradient(w) * h + x)
    assert_gradients(step, jnp.asarray(0.5), state + 0.3, xs)


def test_the_fixture(gradient_flow):
    flow = gradient_flow(decay, jnp.asarray(0.5), state, xs)
    assert flow.regime == "VANISH"
    assert flow.rate == pytest.approx(-0.30103, abs=1e-4)
    assert flow.half_life == pytest.approx(1, abs=1e-4)
    assert flow.soft_horizon == pytest.approx(3 / 0.30103, abs=1e-3)
    assert flow.hard_horizon == float("inf")
    assert flow.credit_horizon != flow.credit_horizon, "no w_rec was given"
    assert flow.norms.sizes["lag"] == flow.T + 1
    assert "halves within 1 steps" in flow.sentence
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """A suite in a folder of its own; the plugin is found by its entry point, as it is once installed."""
    place = tmp_path_factory.mktemp("theirs")
    names = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]["pytest11"]
    home = place / "installed" / "gradlab_entry-0.dist-info"
    home.mkdir(parents=True)
    (home / "METADATA").write_text("Metadata-Version: 2.1\nName: gradlab-entry\nVersion: 0\n")
    lines = "\n".join(f"{name} = {module}" for name, module in names.items())
    (home / "entry_points.txt").write_text(f"[pytest11]\n{lines}\n")
    (place / "test_cells.py").write_text(SUITE)
    path = os.pathsep.join([str(place / "installed"), ENVIRONMENT["PYTHONPATH"]])
    # The tests measure one function: compiled once, if what is compiled is kept.
    kept = {"JAX_COMPILATION_CACHE_DIR": str(place / "cache")}
    kept |= {
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    environment = ENVIRONMENT | kept | {"PYTHONPATH": path, "COLUMNS": "400", "JAX_ENABLE_X64": "true"}
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-W", "error"]
    return subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, timeout=200, check=False
    )


def message(said, test):
    """The last line of a test's entry in the short summary."""
    return re.search(rf"(?m)^FAILED test_cells.py::{test} - (.*)$", said.stdout)[1]


@pytest.mark.slow
def test_good_cells_pass_and_bad_ones_fail(said):
    assert re.search(r"5 failed, 3 passed", said.stdout), said.stdout + said.stderr
    for name in ("test_long_enough", "test_the_right_gradient", "test_the_fixture"):
        assert f"PASSED test_cells.py::{name}" in said.stdout


@pytest.mark.slow
def test_the_message_is_the_finding(said):
    short = message(said, "test_too_short_a_horizon")
    assert (
        "wanted a soft horizon of at least 20 steps, but the transport falls by 10^3 within 9.97 steps"
        in short
    )
    assert "decay, this network, T = 40: VANISH; the transport changes by -0.301 decades" in short


@pytest.mark.slow
def test_a_wrong_gradient_is_told_line_by_line(said):
    section = said.stdout.partition("test_a_weight_that_is_cut_off _")[2].partition("\n____")[0]
    assert "AssertionError: the gradient of the step is wrong:" in section
    assert re.search(r"reverse = forward, T = 17: off by 1\.0e\+00 \(limit \d\.\de-\d\d\)", section)
    assert "backpropagate" not in section, "what is right is not told"


def test_a_sequence_that_could_not_show_it_is_no_pass(said):
    assert "but xs has only 40 steps; give at least 50" in message(said, "test_too_short_a_sequence")


def test_another_regime_is_named(said):
    assert "wanted VANISH: decay, this network, T = 40: EXPLODE" in message(said, "test_another_regime")
    assert "did you mean EXPLODE?" in message(said, "test_no_such_regime")


def test_no_line_of_gradlab_is_in_the_traceback(said):
    section = said.stdout.partition("test_too_short_a_horizon _")[2].partition("\n____")[0]
    assert "test_cells.py" in section
    assert not re.search(r"gradlab/pytest\.py:\d+", section)


def test_loading_the_plugin_imports_nothing_heavy():
    code = "import gradlab.pytest, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT, timeout=60
    )
    assert not set(done.stdout.split()) & {"jax", "numpy", "xarray", "pandas", "scipy", "matplotlib"}


def test_our_own_suite_leaves_the_plugin_out():
    """The type checker of these tests must be there before gradlab is imported."""
    options = tomllib.loads(PYPROJECT.read_text())["tool"]["pytest"]["ini_options"]["addopts"]
    assert "-p no:gradlab" in options
    assert gradlab.__version__


@pytest.mark.parametrize("at_least", [math.nan, math.inf, 0.0, -3.0])
def test_a_horizon_that_no_network_could_miss_or_reach_is_refused(at_least):

    with pytest.raises(GradlabError, match="must be a positive number of steps"):
        assert_horizon(
            lambda w, h, x: w * h + x, np.array(0.5), np.zeros(1), np.ones((40, 1)), at_least=at_least
        )
