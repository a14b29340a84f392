"""Cells named `package.module:Name`: plain functions, and all that is refused."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.foreign import spec as foreign_spec
from tests.foreign.mine import BARE, GOOD, STEP, D, N, apart, drawn, hidden, unused


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


def test_a_cell_of_ours_around_it_makes_it_while_a_program_is_traced(write):
    write()
    wrapped = registry.make("cells", "layer_norm(cell=mine:step)")
    registry.made.cache_clear()
    _, state = jax.eval_shape(lambda key: wrapped.init(key, D, N, 1.0, unused), jax.random.key(0))
    assert [leaf.shape for leaf in jax.tree.leaves(state)] == [(N,)]
