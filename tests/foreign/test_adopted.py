"""Classes of a user stand in the place of ours: what they inherit, say and carry."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.foreign import spec as foreign_spec
from gradlab.initializers.critical import growths
from gradlab.recurrence.objectives import draw_target, objective
from gradlab.recurrence.scaled import log10_norm
from gradlab.studies.sweep.networks import stream
from gradlab.studies.sweep.program import measure_one, reads_no_state, state_parts
from gradlab.types import Cell, ProbeContext
from tests.cli import calling
from tests.foreign.mine import BARE, D, N, T, apart, drawn, hidden
from tests.tiers import few

OURS = """
    import dataclasses, jax.numpy as jnp
    from gradlab.registry import member
    Elman = member("cells", "elman")

    @dataclasses.dataclass(frozen=True)
    class Slow(Elman):
        leak: float = 0.1

        def step(self, params, state, x):
            after = super().step(params, state, x)
            return type(state)((1 - self.leak) * state.h + self.leak * after.h)
"""


def test_a_class_of_our_kind_is_taken_as_it_is(write):
    write(head=OURS)
    cell = foreign_spec.cell("mine:Slow(leak=0.5)")
    assert Cell in type(cell).__mro__
    assert (cell.leak, cell.activation) == (0.5, "tanh")
    with pytest.raises(GradlabError, match="cannot be made"):
        foreign_spec.cell("mine:Slow(leek=0.5)")


def test_a_class_with_init_and_step_is_a_cell_without_inheriting_anything(write):
    write(head=BARE)
    cell = foreign_spec.cell("mine:Bare")
    eye = lambda key, n: jnp.eye(n)
    params, state = cell.init(jax.random.key(3), D, N, 0.5, eye)
    np.testing.assert_array_equal(cell.recurrent(params), 0.5 * np.eye(N))
    own = sys.modules["mine"].Bare()
    found = apart(lambda s, x: own.step(params, s, x), state)
    np.testing.assert_array_equal(hidden(cell, params, state), found)
    # What it does not say of itself is what is true of most cells.
    assert (cell.gates, cell.memory, cell.fixed, cell.has_gain, cell.carry_gate) == ((), "h", (), True, None)
    assert (cell.gate_values(params, state, jnp.zeros(D)), cell.rate_theory(1.0)) == ({}, None)
    assert (cell.mean_field(1.0, None), hash(cell)) == (None, hash(cell))


@pytest.mark.parametrize("name", ["Told", "made"])
def test_what_a_class_says_of_itself_is_heard(name, write):
    write(head=BARE)
    cell = foreign_spec.cell(f"mine:{name}")
    assert (cell.memory, cell.has_gain, cell.fixed, cell.rate_theory(1.0)) == ("m", False, ("w_in",), -1.0)
    assert cell.readout(np.ones(N)).shape == (1,)


CARRIED = """
    import jax
    import jax.numpy as jnp

    def init(key, d_in, d_hidden):
        parts = jax.random.normal(key, (2, d_hidden, d_hidden + d_in))
        both = jax.lax.complex(*parts) / 2
        state = {"h": jnp.ones(d_hidden, complex), "n": jnp.int32(0), "key": jax.random.key(1)}
        return {"w_rec": both[:, :d_hidden], "w_in": both[:, d_hidden:]}, state

    def tick(params, state, x):
        key, own = jax.random.split(state["key"])
        keep = jax.random.bernoulli(own, 0.8, state["h"].shape)
        z = params["w_rec"] @ state["h"] + params["w_in"] @ x.astype(state["h"].dtype)
        h = jnp.where(keep, jax.lax.complex(jnp.tanh(z.real), jnp.tanh(z.imag)), 0)
        return {"h": h, "n": state["n"] + 1, "key": key}

    class Ticking:
        def init(self, key, d_in, d_hidden, w_rec, initializer):
            params, state = init(key, d_in, d_hidden)
            return params | {"w_rec": w_rec * params["w_rec"]}, state

        def step(self, params, state, x):
            return tick(params, state, x)
"""


@pytest.mark.parametrize("name", few(["tick", "Ticking"], ("tick",)))
@pytest.mark.slow
def test_complex_numbers_counters_and_keys_of_a_cell_are_what_they_are_in_python(name, write):
    """The probes of a cell in the sweep's own way, against `measure` of the bare function."""
    write(head=CARRIED)
    cell, params, state = drawn(f"mine:{name}", w_rec=0.9)
    own, first = sys.modules["mine"].init(jax.random.key(3), D, N)
    own["w_rec"] = 0.9 * own["w_rec"]
    xs = np.random.default_rng(0).standard_normal((T, D))
    pick = lambda p: p["w_rec"]
    expected = gradlab.measure(sys.modules["mine"].tick, own, first, xs, w_rec=pick, objective="every")
    goal = draw_target("every", stream(0, "target", objective="every"), state, cell.readout)
    assert state_parts(state) == ("state",)
    assert not reads_no_state(cell.step, params, state, xs[0])

    @jax.jit
    def probe(params, state, xs):
        setup = ProbeContext(objective("every", goal, cell.readout), cell.recurrent, T, cell=cell)
        return measure_one(cell.step, params, state, xs, setup, "adjoint")

    found = probe(params, state, xs)
    for quantity in ("adjoint", "weight_gradient"):
        log = log10_norm(found[quantity]).ravel()
        np.testing.assert_allclose(log, expected[quantity].values.ravel()[: len(log)], rtol=0, atol=1e-12)
    assert state["n"].dtype == np.int32
    assert state["h"].shape == (2, N)


TYPED = """
    import jax.numpy as jnp

    class Typed:
        # Dtypes are written down, as in many cells; a run has its own precision.
        def init(self, key, d_in, d_hidden, w_rec, initializer):
            weights = {"w_rec": (w_rec * initializer(key, d_hidden)).astype(DTYPE)}
            return weights | {"w_in": jnp.ones((d_hidden, d_in), DTYPE)}, START

        def step(self, params, state, x):
            NEXT
"""
TYPES = {
    "float32": ("jnp.float32", "jnp.zeros(d_hidden, jnp.float32)"),
    "complex64": ("jnp.complex64", "jnp.zeros(d_hidden, jnp.complex64)"),
    "a counter": ("float", '{"h": jnp.zeros(d_hidden), "n": jnp.int32(0)}'),
}


def typed(kind, name):
    """A module with such a class; of each name, what has been made is kept by a process."""
    dtype, start = TYPES[kind]
    step = "return jnp.tanh(params['w_rec'] @ state + params['w_in'] @ x)"
    if kind == "a counter":
        after = "jnp.tanh(params['w_rec'] @ state['h'] + params['w_in'] @ x)"
        step = f"return {{'h': {after}, 'n': state['n'] + 1}}"
    return TYPED.replace("DTYPE", dtype).replace("START", start).replace("NEXT", step).replace("Typed", name)


@pytest.mark.parametrize("init", few(("orthogonal", "critical"), ("orthogonal",)))
@pytest.mark.parametrize("kind", few(TYPES, ()))
def test_dtypes_that_a_cell_writes_down_give_way_to_those_of_a_run(kind, init, write, tmp_path):
    name = f"{kind.split()[-1].title()}With{init.title()}"
    write(head=typed(kind, name))
    small = ("--hidden", 40, "-T", 4, "--w-rec", 1, "--seeds", 2, "--init", init, "--input-std", 0.3)
    where = ("--out", tmp_path / "runs", "--json", "-q")
    said = calling.gradlab("sweep", "--cell", f"mine:{name}", *small, *where)
    assert said.code == 0, said


def test_a_counter_beside_the_state_changes_no_critical_gain(write):
    write(head=typed("a counter", "Counting"))
    counting = growths(registry.make("cells", "mine:Counting"), 16, 0.3, D, 20)
    write(head=typed("float32", "Plain"), name="mine_too")
    plain = growths(registry.make("cells", "mine_too:Plain"), 16, 0.3, D, 20)
    assert counting(1.3, 1) == plain(1.3, 1)


@pytest.mark.parametrize(
    ("kind", "reason"), [("complex64", "a readout of shape [2, 4]"), ("a counter", "int32 numbers")]
)
def test_what_cannot_be_trained_is_refused_in_one_line(kind, reason, write, tmp_path):
    name = f"Untrained{kind.split()[-1].title()}"
    write(head=typed(kind, name))
    words = ("latch", "--remedy", "none", "--cell", f"mine:{name}", "--hidden", 4, "-T", 6, "--out", tmp_path)
    said = calling.gradlab("remedies", *words)
    assert said.code == 2
    assert len(said.err.strip().splitlines()) == 1
    assert reason in said.err
