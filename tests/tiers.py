"""What runs when: a few of a kind always, the rest with the slow tests; some only where XLA optimises."""

import atexit
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import pytest

ASKED = "--device=cuda" in sys.argv or "--device cuda" in " ".join(sys.argv)
"""Whether the tests are to run on a GPU; known before options are read, and workers inherit what follows."""
CARD = any(Path("/dev", name).exists() for name in ("nvidiactl", "nvidia0", "dxg"))
LEVEL = os.environ.get("GRADLAB_XLA_LEVEL", "0")
"""How far XLA optimises: 1 for users, 0 in tests, which compile much and compute little."""
FLAGS = f"--xla_backend_optimization_level={LEVEL}"
"""For XLA on a CPU: as much as that, and its older, quicker way to code where jaxlib still has it."""
if LEVEL == "0" and metadata.version("jaxlib").startswith("0.10."):
    # A flag that XLA does not know would end the process.
    FLAGS += " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
if "GRADLAB_TESTS_KEEP" not in os.environ:
    # Of the process that starts the tests; its workers and their commands find it in their environment.
    os.environ["GRADLAB_TESTS_KEEP"] = tempfile.mkdtemp(prefix="gradlab-tests-")
    atexit.register(shutil.rmtree, os.environ["GRADLAB_TESTS_KEEP"], ignore_errors=True)
KEPT = {
    "JAX_COMPILATION_CACHE_DIR": os.environ["GRADLAB_TESTS_KEEP"],
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
"""Where the programs of a run of the tests are kept while it lasts: many modules compile the same ones."""
_OF_BITS = "of bits and roundings of what XLA optimises: set GRADLAB_XLA_LEVEL=1"
optimised = pytest.mark.skipif(LEVEL == "0", reason=_OF_BITS)


def is_optimised(item):
    """Whether a test says nothing unless XLA optimises."""
    return any(mark.kwargs.get("reason") == _OF_BITS for mark in item.iter_markers("skipif"))


def mark_between(items):
    """Of a test marked `ends` the first and the last case run always; those between are slow ones."""
    cases = {}
    for item in items:
        if item.get_closest_marker("ends") and not _tiers(item):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for some in cases.values():
        for item in some[1:-1]:
            item.add_marker(pytest.mark.slow(between=True))


def is_between(item):
    """Whether a case is slow only since it lies between the ends of its test's."""
    return any(mark.kwargs.get("between") for mark in item.iter_markers("slow"))


def _tiers(item):
    return [mark.name for mark in item.iter_markers() if mark.name in ("slow", "long", "versions")]


def few(some, kept, slow=lambda one: True):
    """All parameters; what is not among `kept` is a slow test, or a long one if not among `slow` either.

    Each of the two is a collection, or says of a parameter whether it is one of them.
    """
    always, often = (which if callable(which) else which.__contains__ for which in (kept, slow))
    mark = lambda one: pytest.mark.slow if often(one) else pytest.mark.long
    return [one if always(one) else pytest.param(*_several(one), marks=mark(one)) for one in some]


def hundreds(slow, long):
    """The first seeds of so many hundreds, from 1000 on: some for the slow tests, more for the long ones."""
    marks = [pytest.mark.slow] * slow + [pytest.mark.long] * long
    return [pytest.param(1000 + 100 * k, marks=mark) for k, mark in enumerate(marks)]


def _several(one):
    return one if isinstance(one, tuple) else (one,)
