"""Cells named `package.module:Name`: other libraries' and plain ones stand in the place of ours."""

import sys
import textwrap

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from gradlab import foreign
from gradlab.status import GradlabError
from gradlab.types import Cell

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
    cell = foreign.cell(spec)
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
    assert cell == foreign.cell("mine:step")
    assert hash(cell) == hash(foreign.cell("mine:step"))


def test_networks_are_drawn_under_jit_and_vmap_and_equal_cells_share_one_program(write):
    traced = []
    for _ in range(2):
        cell = foreign.cell("equinox.nn:GRUCell")
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
    assert not foreign.cell("mine:step").has_gain
    assert foreign.cell("mine:step(w_rec=mix)").has_gain
    with pytest.raises(GradlabError, match="no parameter called mux; known: mix, w_in"):
        foreign.cell("mine:step(w_rec=mux)")


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
    cell = foreign.cell("mine:Slow(leak=0.5)")
    assert Cell in type(cell).__mro__
    assert (cell.leak, cell.activation) == (0.5, "tanh")
    with pytest.raises(GradlabError, match="cannot be made"):
        foreign.cell("mine:Slow(leek=0.5)")


REFUSED = {
    "no module": ("nobody.has_this:step", None, None, "no module called"),
    "no name": ("mine:stap", GOOD, STEP, "did you mean step?"),
    "no form": ("mine:step:step", GOOD, STEP, "write package.module:Name"),
    "a path": ("../mine:step", GOOD, STEP, "write package.module:Name"),
    "not a cell": ("mine:jnp", GOOD, STEP, "neither a step function nor a class"),
    "a class of nobody": ("mine:A", GOOD, STEP + "\n    class A:\n        pass", "neither a step function"),
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
        foreign.cell(spec)
    assert (caught.value.where, caught.value.code) == ("--cell", 2)
    line = str(caught.value)
    assert line.isprintable()
    assert "; " in line
    assert len(line) < 400
    assert words in line


def test_a_file_in_the_current_folder_hides_nothing_that_is_installed(write):
    write(head="raise SystemExit", name="equinox")
    assert foreign.cell("equinox.nn:GRUCell").has_gain
