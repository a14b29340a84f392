"""JAX as a user has it, and a module of theirs in the current folder."""

import sys
import textwrap

import jax
import pytest

from tests.foreign.mine import GOOD, STEP


@pytest.fixture(autouse=True)
def _as_a_user_has_it(monkeypatch):
    """JAX as it comes: libraries mix dtypes and ranks; and modules of one test are not those of the next."""
    before = set(sys.modules)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        monkeypatch.setattr(sys, "path", list(sys.path))
        yield
    for name in set(sys.modules) - before:
        if name.startswith("mine"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write `mine.py`, whose function `step` has this body, into the current folder."""
    monkeypatch.chdir(tmp_path)

    def written(body=GOOD, head=STEP, name="mine"):
        function = "def step(params, state, x):\n" + textwrap.indent(textwrap.dedent(body), "    ")
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(head) + "\n" + function + "\n")

    return written
