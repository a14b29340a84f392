"""One deterministic host: two CPU devices, float64 enabled, no silent promotion.

`pytest --device cuda` runs the tests of numbers on a GPU, and skips them where there is none. A test spends
most of its time on compiling, so XLA optimises nothing, and takes its older, quicker way to code where jaxlib
still has it; `GRADLAB_XLA_LEVEL=1` has it do what users get. What one module has compiled is kept for the
others while the tests run. Types are checked at every call of a function of gradlab: `tests/checked.py`.
"""

import collections
import gc
import os
import signal
from pathlib import Path

from tests import checked, tiers
from tests.tiers import ASKED, CARD, FLAGS, KEPT

# A shell that runs the tests in the background ignores Ctrl-C, and children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("JAX_PLATFORMS", "cuda,cpu" if ASKED and CARD else "cpu")
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2 --xla_cpu_multi_thread_eigen=false"
if os.environ["JAX_PLATFORMS"] == "cpu":
    os.environ["XLA_FLAGS"] += f" {FLAGS}"
else:
    # Each worker would take most of a card's memory at once, and leave none to the next.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.update(KEPT)

import jax
import pytest

checked.install()
jax.config.update("jax_platforms", os.environ["JAX_PLATFORMS"])
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")
# What JAX keeps of every program makes each search for garbage long, so that it is looked for seldom.
gc.freeze()
gc.set_threshold(100_000, 20, 100)


NUMBERS = ("probes", "cells", "recurrence", "studies/sweep/test_compute", "test_backward_nonfinite")
"""The tests of numbers: `.ci/run` repeats them as XLA compiles for users, `--device cuda` on a GPU."""


def pytest_addoption(parser):
    parser.addoption("--device", choices=["cpu", "cuda"], default="cpu", help="where the tests compute")
    parser.addoption("--cases", type=int, help="of each test its first so many cases")


def pytest_ignore_collect(collection_path, config):
    """On a GPU there is nothing to learn from tests of words and files."""
    here = Path(__file__).parent
    if config.getoption("device") != "cuda" or collection_path.suffix != ".py":
        return None
    inside = collection_path.is_relative_to(here)
    return None if inside and collection_path.relative_to(here).as_posix().startswith(NUMBERS) else True


def pytest_itemcollected(item):
    """What is long is not slow as well, even with a fixture that makes its other tests slow."""
    if item.get_closest_marker("long"):
        item.own_markers = [mark for mark in item.own_markers if mark.name != "slow"]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Before `-m` and `-k` choose: what lies between `ends` is slow. Then: few cases, none without a card.

    With `--cov`, of the cases of each test the first is traced, then the second, fourth, eighth and so on.

    A tracer takes half as much time again, and further cases go through the same lines: what is counted is a
    lower bound of the share that the tests reach.
    """
    tiers.mark_between(items)
    chosen = yield
    if config.getoption("device") == "cuda" and not CARD:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="--device cuda: there is no card here"))
    if config.getoption("cases"):
        _keep_few(config, items, config.getoption("cases"))
    if not config.getoption("cov_source", None):
        return chosen
    cases = collections.Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        cases[test] += 1
        if cases[test].bit_count() > 1:
            item.add_marker("no_cover")
    return chosen


def _keep_few(config, items, many):
    """The first cases of each test, none between `ends`, and those that say nothing unless XLA optimises."""
    cases, kept, others = collections.Counter(), [], []
    for item in items:
        test = item.nodeid.partition("[")[0]
        cases[test] += 1
        few = cases[test] <= many and not tiers.is_between(item)
        (kept if few or tiers.is_optimised(item) else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = kept


@pytest.fixture(autouse=True)
def _trials_as_at_the_start(monkeypatch):
    """A command tries brought cells at its own size, and leaves it at that for its process."""
    from gradlab import tried

    monkeypatch.setattr(tried, "_SIZES", [(3, 4)])


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(20260101)


@pytest.fixture(autouse=True, scope="module")
def room():
    """Compiled programs go when they have become many: thousands would exhaust the address space."""
    yield
    if _mapped() > MAPPED:
        jax.clear_caches()


MAPPED = 10_000
"""Regions of memory (each program has some) from which on there is room to be made; Linux allows 65 530."""


def _mapped():
    """The regions of this process's memory; many where no one tells."""
    told = Path("/proc/self/maps")
    return len(told.read_bytes().splitlines()) if told.exists() else MAPPED + 1
