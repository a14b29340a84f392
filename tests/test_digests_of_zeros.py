"""What tells zeros by definition from rounded ones is code that can change like any other."""

import json
from pathlib import Path

import numpy as np
import pytest

import gradlab
from gradlab import digests
from gradlab.recurrence import generic
from gradlab.states import BELOW_PRECISION, EXACT_ZERO, OK
from gradlab.studies.sweep import code, compute, results
from gradlab.studies.sweep.settings import Sweep
from tests import brought, stale
from tests.cli.calling import gradlab as command

write, package = stale.write, brought.package
SWEEP = (
    "sweep",
    "--hidden",
    3,
    "--seeds",
    2,
    "-T",
    4,
    "--w-rec",
    1,
    "--quiet",
    "--out",
    "r",
    "--name",
    "one",
)
TINY = """
import jax, jax.numpy as jnp

def product(a, b):
    return a * b

@jax.custom_vjp
def leak(h, tiny):
    return 0.5 * h

def back(tiny, cotangent):
    return cotangent * product(tiny, tiny), jnp.zeros_like(tiny)

leak.defvjp(lambda h, tiny: (0.5 * h, tiny), back)

class Cell:
    def init(self, key, d_in, d_hidden, w_rec, initializer):
        params = {"w_rec": w_rec * initializer(key, d_hidden), "tiny": jnp.full(d_hidden, 1e-30)}
        return params, jnp.zeros(d_hidden)

    def step(self, params, state, x):
        return leak(state, params["tiny"]) + 0 * params["w_rec"].sum() + x.sum()

    def readout(self, state):
        return state
"""
"""Its derivative rounds to zero in float32, and is none."""
BATCHED = TINY.replace(
    "def product(a, b):\n    return a * b\n",
    """@jax.custom_batching.custom_vmap
def product(a, b):
    return a * b

@product.def_vmap
def rule(size, batched, a, b):
    return jax.vmap(jnp.multiply, [0 if one else None for one in batched])(a, b), True
""",
)
"""The same, with a product that nobody looks into: all other programs are equal to the letter."""
PROBE = '''
"""The gradient of the last state."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

AXES = {"sent": ("step",)}
NORMS = ("sent",)


class Columns(NamedTuple):
    sent: object


def distance(step, params, state, xs, setup):
    def body(state, x):
        try:
            jax.jacfwd(lambda s: step(params, s, x))(state)
            more = 0.0
        except TypeError:
            more = 0
        after, pull = jax.vjp(lambda s: step(params, s, x), state)
        back = jax.tree.leaves(pull(jax.tree.map(jnp.zeros_like, after)))[0]
        return after, jnp.max(jnp.abs(back)) + more

    return Columns(jax.lax.scan(body, state, xs)[1])
'''


def states(folder="r/one", column="transport"):
    return set(gradlab.load(folder).norms[f"{column}_state"].values.ravel().tolist())


def stored():
    [found] = json.loads(Path("r/one/run.json").read_text())["code"].values()
    return found


@pytest.mark.slow
def test_a_derivative_that_no_other_program_sees_to_change(write):
    assert BATCHED != TINY
    words = (*SWEEP, "--cell", "stale:Cell")
    write(TINY)
    assert command(*words).code == 0
    assert command(*words).code == 0
    before = stored()
    assert BELOW_PRECISION in states()
    write(BATCHED)
    said = command(*words)
    assert (said.code, said.err.count("\n")) == (2, 1), said
    assert (
        "r/one was measured with other code: another zeros of stale:Cell; --force measures anew" in said.err
    )
    assert command(*words, "--force").code == 0
    assert digests.changed(before, stored()) == ["zeros"]
    assert BELOW_PRECISION not in states()
    assert EXACT_ZERO in states()


@pytest.mark.slow
def test_a_probe_that_does_something_else_where_its_step_has_no_forward_mode(package):
    words = (*SWEEP, "--cell", "elman", "--probe", "distance")
    package("probes", PROBE)
    assert command(*words).code == 0
    assert command(*words).code == 0
    before = stored()
    assert states(column="sent") == {OK}
    package("probes", PROBE.replace("more = 0\n", "more = 1\n"))
    # A file of the package itself is among those that are watched, and the program alone has changed.
    said = command(*words)
    assert (said.code, said.err.count("\n")) == (2, 1), said
    assert "another zeros of distance of elman; --force measures anew" in said.err
    assert command(*words, "--force").code == 0
    assert digests.changed(before, stored()) == ["zeros of distance"]
    assert states(column="sent") == {BELOW_PRECISION}
    # One that fails there now tells nothing of these zeros.
    package("probes", PROBE.replace("more = 0\n", "raise ValueError('no forward mode')\n"))
    assert "another zeros of distance of elman" in command(*words).err


@pytest.mark.slow
def test_gradlab_s_own_are_seen_where_its_files_have_changed_and_a_zero_was_found(write, monkeypatch):
    write(TINY)
    dead, alive = ((*SWEEP, "--cell", cell) for cell in ("elman(activation=relu)", "elman"))
    assert command(*alive).code == 0
    assert "zeros" not in stored()
    assert command(*dead, "--force").code == 0
    assert "zeros" in stored()
    monkeypatch.setattr(digests, "source", lambda: "other files")
    assert command(*dead).code == 0
    monkeypatch.setitem(generic.BITS, 4, 20)
    code.zeros_program.cache_clear()
    said = command(*dead)
    code.zeros_program.cache_clear()
    assert (said.code, "another zeros of elman(activation=relu);" in said.err) == (2, True), said


@pytest.mark.slow
def test_zeros_of_one_length_are_in_the_code_however_often_it_was_cut(write, monkeypatch):
    """A zero is found at T = 8 alone; the run goes on after each length."""
    asked = Sweep(cell=("elman",), w_rec=(1.0,), T=(4, 8), hidden=3, seeds=2)
    told_apart = compute.zeros_told_apart
    monkeypatch.setattr(compute, "zeros_told_apart", lambda *given: (told_apart(*given)[0], given[3] == 8))
    [whole] = compute.run(asked)
    assert "zeros" in whole.code
    write(TINY)
    words = ("sweep", "--hidden", 3, "--seeds", 2, "-T", "4,8", "--w-rec", 1, "--quiet", "--cell", "elman")
    words = (*words, "--out", "r", "--name", "one")
    with monkeypatch.context() as broken:
        broken.setattr(results, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert command(*words).code == 130
    kept = sorted(Path("r/one/shards").iterdir())
    assert len(kept) == 2
    # Nothing is left to measure, and what ran is known.
    monkeypatch.setattr(compute, "_measured", lambda *_: pytest.fail("measured again"))
    assert command(*words).code == 0
    assert stored() == whole.code
    assert np.isfinite(gradlab.load("r/one").norms["transport"].values).any()
