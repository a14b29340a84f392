"""Cells named `package.module:Name`: other libraries' and plain ones stand in the place of ours."""

import sys
import textwrap

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

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
from tests.tiers import few

D, N, T = 2, 5, 7


def unused(key, n):
    raise AssertionError("foreign cells draw their own weights")


STEP = """
    import jax
    import jax.numpy as jnp

    def init(key, d_in, d_hidden):
        key_rec, key_in = jax.random.split(key)
        w_rec = jax.random.normal(key_rec, (d_hidden, d_hidden))
        params = {"w_rec": w_rec, "w_in": jax.random.normal(key_in, (d_hidden, d_in)), "name": "mine"}
        return params, {"h": jnp.zeros(d_hidden)}
"""
GOOD = 'return {"h": jnp.tanh(params["w_rec"] @ state["h"] + params["w_in"] @ x)}'


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


def drawn(spec, w_rec=1.0):
    cell = foreign_spec.cell(spec)
    return (cell, *cell.init(jax.random.key(3), D, N, w_rec, unused))


def apart(step, state, read=lambda state: state):
    """The hidden states of a loop over T steps."""
    step, found = jax.jit(step), []
    for x in np.random.default_rng(0).standard_normal((T, D)):
        state = step(state, x)
        found.append(read(state))
    return np.stack(found)


def hidden(cell, params, state):
    return apart(lambda state, x: cell.step(params, state, x), state, cell.readout)


def test_an_equinox_gru_runs_as_equinox_runs_it():
    cell, params, state = drawn("equinox.nn:GRUCell")
    theirs = eqx.nn.GRUCell(D, N, key=jax.random.key(3))
    ours = hidden(cell, params, state)
    np.testing.assert_allclose(ours, apart(lambda h, x: theirs(x, h), np.zeros(N)), rtol=1e-12)
    assert list(cell.recurrent(params)) == ["weight_hh"]


def test_an_equinox_lstm_runs_as_equinox_runs_it_and_takes_settings():
    cell, params, state = drawn("equinox.nn:LSTMCell(use_bias=false)")
    theirs = eqx.nn.LSTMCell(D, N, use_bias=False, key=jax.random.key(3))
    zeros = (np.zeros(N), np.zeros(N))
    np.testing.assert_allclose(
        hidden(cell, params, state), apart(lambda s, x: theirs(x, s), zeros, lambda s: s[0]), rtol=1e-12
    )
    assert (cell.memory, state._fields, list(params.numbers)) == ("c", ("h", "c"), ["weight_ih", "weight_hh"])


@pytest.mark.parametrize(
    ("name", "recurrent"),
    [("GRUCell", ["hn", "hr", "hz"]), ("LSTMCell", ["hf", "hg", "hi", "ho"]), ("SimpleCell", ["h"])],
)
def test_a_flax_linen_cell_runs_as_flax_runs_it(name, recurrent):
    cell, params, state = drawn(f"flax.linen:{name}")
    theirs = getattr(linen, name)(features=N)
    carry = theirs.initialize_carry(jax.random.key(3), (D,))
    of_flax = theirs.init(jax.random.key(3), carry, np.zeros(D))
    wide = jax.tree.map(lambda leaf: leaf.astype(float), (of_flax, carry))
    read = lambda carry: carry[1] if isinstance(carry, tuple) else carry
    step = lambda carry, x: theirs.apply(wide[0], carry, x)[0]
    np.testing.assert_allclose(hidden(cell, params, state), apart(step, wide[1], read), rtol=1e-12)
    assert list(cell.recurrent(params)) == [f"{gate}/kernel" for gate in recurrent]


@pytest.mark.parametrize("name", ["GRUCell", "SimpleCell", "OptimizedLSTMCell"])
def test_a_flax_nnx_cell_runs_as_flax_runs_it(name):
    cell, params, state = drawn(f"flax.nnx:{name}")
    theirs = getattr(nnx, name)(D, N, dtype=None, rngs=nnx.Rngs(jax.random.key(3)))
    carry = theirs.initialize_carry((D,), nnx.Rngs(0))
    read = lambda carry: carry[1] if isinstance(carry, tuple) else carry
    found = apart(lambda carry, x: theirs(carry, x.astype(jnp.float32))[0], carry, read)
    # Theirs are float32 numbers.
    np.testing.assert_allclose(hidden(cell, params, state), found, rtol=0, atol=1e-5)
    assert list(cell.recurrent(params)) == ["dense_h/kernel"]


def test_a_plain_function_of_the_current_folder_with_init_beside_it(write):
    write()
    cell, params, state = drawn("mine:step", w_rec=2.0)
    own, _ = sys.modules["mine"].init(jax.random.key(3), D, N)
    np.testing.assert_array_equal(params.numbers["w_rec"], 2 * own["w_rec"])
    np.testing.assert_array_equal(params.numbers["w_in"], own["w_in"])
    own["w_rec"] = 2 * own["w_rec"]
    found = apart(lambda s, x: sys.modules["mine"].step(own, s, x), state, lambda s: s["h"])
    np.testing.assert_allclose(hidden(cell, params, state), found, rtol=1e-13)
    assert cell.has_gain
    assert cell == foreign_spec.cell("mine:step")
    assert hash(cell) == hash(foreign_spec.cell("mine:step"))


def test_networks_are_drawn_under_jit_and_vmap_and_equal_cells_share_one_program(write):
    traced = []
    for _ in range(2):
        cell = foreign_spec.cell("equinox.nn:GRUCell")
        draw = jax.jit(jax.vmap(lambda key, w, cell=cell: cell.init(key, D, N, w, unused)))
        params, state = draw(jax.random.split(jax.random.key(0), 3), jnp.ones(3))

        @jax.jit
        def step(params, state):
            traced.append(params)
            return jax.vmap(cell.step, (0, 0, None))(params, state, jnp.zeros(D))  # noqa: B023

        after = step(*jax.tree.map(np.asarray, (params, step(params, state))))
        one = cell.init(jax.random.split(jax.random.key(0), 3)[1], D, N, 1.0, unused)
        twice = cell.step(one[0], cell.step(*one, jnp.zeros(D)), jnp.zeros(D))
        np.testing.assert_allclose(after.h[1], twice.h, rtol=1e-12)
    assert len(traced) == 2


def test_w_rec_may_be_named_and_a_cell_without_it_has_no_gain(write):
    cell, params, _ = drawn("flax.linen:GRUCell(w_rec=hn/kernel+ir)", w_rec=3.0)
    plain = drawn("flax.linen:GRUCell")[1].numbers
    ratios = {name: float(np.ravel(leaf / plain[name])[0]) for name, leaf in params.numbers.items()}
    assert {name for name, ratio in ratios.items() if ratio == pytest.approx(3)} == {"hn/kernel", "ir/kernel"}
    assert set(cell.recurrent(params)) == {"hn/kernel", "ir/kernel", "ir/bias"}
    write(GOOD.replace("w_rec", "mix"), STEP.replace('"w_rec"', '"mix"'))
    assert not foreign_spec.cell("mine:step").has_gain
    assert foreign_spec.cell("mine:step(w_rec=mix)").has_gain
    with pytest.raises(GradlabError, match="no parameter called mux; known: mix, w_in"):
        foreign_spec.cell("mine:step(w_rec=mux)")


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


BARE = (
    STEP
    + """
    class Bare:
        def init(self, key, d_in, d_hidden, w_rec, initializer):
            params, state = init(key, d_in, d_hidden)
            return {"w_rec": w_rec * initializer(key, d_hidden), "w_in": params["w_in"]}, state["h"]

        def step(self, params, state, x):
            return jnp.tanh(params["w_rec"] @ state + params["w_in"] @ x)

    class Told(Bare):
        memory, has_gain, fixed = "m", False, ("w_in",)

        def readout(self, state):
            return state[:1]

        def rate_theory(self, w_rec):
            return -1.0

    class NoStep:
        init = Bare.init

    class NoInit:
        step = Bare.step

    class Short(Bare):
        def init(self, key, d_in, d_hidden):
            return None

    class OneOut(Bare):
        def init(self, key, d_in, d_hidden, w_rec, initializer):
            return jnp.zeros(3)

    class Unnamed(Bare):
        def init(self, *given):
            params, state = super().init(*given)
            return {"v": params["w_rec"]} | params | {"w_rec": None}, state

        def step(self, params, state, x):
            return jnp.tanh(params["v"] @ state + params["w_in"] @ x)

    class Misread(Bare):
        def readout(self, state):
            return state.hidden

    class Needs(Bare):
        def __init__(self, leak):
            self.leak = leak

    class Unhashable(Bare):
        __hash__ = None

    class Half(Bare):
        def init(self, *given):
            params, state = super().init(*given)
            return params, {"h": state, "c": state.astype(jnp.bfloat16)}

    made = Told()
"""
)


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


@pytest.mark.parametrize("name", ["tick", "Ticking"])
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
@pytest.mark.parametrize("kind", TYPES)
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


REFUSED = {
    "no module": ("nobody.has_this:step", None, None, "no module called"),
    "no name": ("mine:stap", GOOD, STEP, "did you mean step?"),
    "no form": ("mine:step:step", GOOD, STEP, "write package.module:Name"),
    "a path": ("../mine:step", GOOD, STEP, "write package.module:Name"),
    "not a cell": ("mine:jnp", GOOD, STEP, "neither a step function nor a class"),
    "a class of nobody": ("mine:A", GOOD, STEP + "\n    class A:\n        pass", "neither init nor step"),
    "a class without a step": ("mine:NoStep", GOOD, BARE, "NoStep lacks step(params, state, x)"),
    "a class without a start": ("mine:NoInit", GOOD, BARE, "NoInit lacks init(key, d_in, d_hidden, w_rec"),
    "a start of three": ("mine:Short", GOOD, BARE, "Short needs init(key, d_in, d_hidden, w_rec,"),
    "a start of one": ("mine:OneOut", GOOD, BARE, "and not (params, state)"),
    "no recurrent weights": ("mine:Unnamed", GOOD, BARE, "write recurrent(self, params)"),
    "a readout that fails": ("mine:Misread", GOOD, BARE, "write readout(self, state)"),
    "a class that needs more": ("mine:Needs", GOOD, BARE, "missing 1 required positional argument"),
    "an instance with settings": ("mine:made(leak=1)", GOOD, BARE, "is made already"),
    "no hash": ("mine:Unhashable", GOOD, BARE, "write a frozen dataclass"),
    "half precision": ("mine:Half", GOOD, BARE, "state['c'] is bfloat16"),
    "half precision of a function": (
        "mine:step", "return state", STEP.replace("zeros(d_hidden)", "zeros(3, jnp.float16)"), "is float16"
    ),
    "no init": ("mine:step", GOOD, "import jax.numpy as jnp", "no init"),
    "a setting": ("mine:step(leak=2)", GOOD, STEP, "no setting leak"),
    "no setting": ("mine:step(2)", GOOD, STEP, "write setting=value"),
    "a module that fails": ("mine:step", GOOD, "1 / 0", "ZeroDivisionError"),
    "a module in need": ("mine:step", GOOD, "import nobody_has_this", "install what it needs"),
    "a wrong init": ("mine:step", GOOD, "def init(key): pass", "cannot be drawn"),
    "another shape": ("mine:step", 'return {"h": state["h"][1:]}', STEP, "float64[3]"),
    "another dtype": ("mine:step", 'return {"h": state["h"].astype("float32")}', STEP, "float32[4]"),
    "another structure": ("mine:step", 'return state["h"]', STEP, "it must keep the form"),
    "NaN at zero": ("mine:step", 'return {"h": state["h"] / x[0]}', STEP, "input of zeros"),
    "NaN at a number": (
        "mine:step",
        'return {"h": state["h"] + jnp.sqrt(-jnp.abs(x[0])) * params["w_rec"][0]}',
        STEP,
        "a normal input",
    ),
    "integers": ("mine:step", "return state", STEP.replace("zeros(d_hidden)", "zeros(2, int)"), "int64"),
    "stopped": (
        "mine:step",
        f'state = jax.lax.stop_gradient(state)\n{GOOD}',
        STEP,
        "gradient of exactly zero",
    ),
    "not JAX": ("mine:step", 'import numpy\nreturn {"h": numpy.asarray(state["h"])}', STEP, "be traced"),
    "a condition": ("mine:step", 'return state if x[0] > 0 else {"h": -state["h"]}', STEP, "be traced"),
    "no reverse": (
        "mine:step",
        'return {"h": jax.lax.while_loop(lambda h: h.sum() < 1, lambda h: h + 1, state["h"] + x[0])}',
        STEP,
        "not differentiable",
    ),
    "no cell of equinox": ("equinox.nn:MLP", None, None, "cannot be drawn"),
    "running statistics": ("flax.linen:BatchNorm", None, None, "cannot be drawn"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_measured_is_refused_in_one_line(what, write):
    spec, body, head, words = REFUSED[what]
    if body is not None:
        write(body, head)
    with pytest.raises(GradlabError) as caught:
        foreign_spec.cell(spec)
    assert (caught.value.where, caught.value.code) == ("--cell", 2)
    line = str(caught.value)
    assert line.isprintable()
    assert "; " in line
    assert len(line) < 400
    assert words in line


def test_a_file_in_the_current_folder_hides_nothing_that_is_installed(write):
    write(head="raise SystemExit", name="equinox")
    assert foreign_spec.cell("equinox.nn:GRUCell").has_gain
