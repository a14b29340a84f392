import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from gradlab.cells.lstm import LSTM, LinkedState, State
from gradlab.initializers.gaussian import gaussian
from gradlab.initializers.orthogonal import orthogonal
from tests import exact
from tests.cells import foreign
from tests.probes import networks

PARTS = ("input_gate", "forget_gate", "output_gate", "input_activation", "output_activation")
ODYSSEY = {
    "NIG": ("input_gate", lambda i, f, g, o, c: (f * c + exact.tanh(g), "tanh", o)),
    "NFG": ("forget_gate", lambda i, f, g, o, c: (c + i * exact.tanh(g), "tanh", o)),
    "NOG": ("output_gate", lambda i, f, g, o, c: (f * c + i * exact.tanh(g), "tanh", 1)),
    "NIAF": ("input_activation", lambda i, f, g, o, c: (f * c + i * g, "tanh", o)),
    "NOAF": ("output_activation", lambda i, f, g, o, c: (f * c + i * exact.tanh(g), "identity", o)),
}
"""The variants of Greff et al. 2017 by their names there, each with its equation written out."""


def step_without(name):
    part, equation = ODYSSEY[name]
    rows = [gate for gate, its in zip("ifgo", (*PARTS[:2], None, PARTS[2]), strict=True) if its != part]

    def step(params, state, x):
        a = {k: u @ x + w @ state.h + b for k, u, w, b in zip(rows, *params, strict=True)}
        i, f, o = (exact.sigmoid(a[k]) if k in a else None for k in "ifo")
        c, squash, o = equation(i, f, a["g"], o, state.c)
        return State(o * (exact.tanh(c) if squash == "tanh" else c), c)

    return step


def linked(params, state, x):
    """Full gate recurrence: each of i, f, o also sees i, f, o of the step before."""
    (u_i, u_f, u_g, u_o), (w_i, w_f, w_g, w_o), v, (b_i, b_f, b_g, b_o) = params
    (h, c), (i, f, o) = state[:2], state.gates
    past = [row[0] @ i + row[1] @ f + row[2] @ o for row in v]
    i = exact.sigmoid(u_i @ x + w_i @ h + past[0] + b_i)
    f = exact.sigmoid(u_f @ x + w_f @ h + past[1] + b_f)
    o = exact.sigmoid(u_o @ x + w_o @ h + past[2] + b_o)
    c = f * c + i * exact.tanh(u_g @ x + w_g @ h + b_g)
    return LinkedState(o * exact.tanh(c), c, np.stack([i, f, o]))


@pytest.mark.ends
@pytest.mark.parametrize("name", ODYSSEY)
def test_each_part_taken_away(name):
    exact.assert_step(f"lstm({ODYSSEY[name][0]}=false)", step_without(name))


def test_states_with_full_gate_recurrence():
    exact.assert_step("lstm(full_gate_recurrence=true)", linked)


@pytest.mark.parametrize(
    ("spec", "step"),
    [
        ("lstm(output_activation=false)", step_without("NOAF")),
        ("lstm(full_gate_recurrence=true)", linked),
    ],
)
@pytest.mark.slow
def test_gradients_are_those_of_the_equations(spec, step):
    """Those of the plain cell are held to a hand-written backward pass in tests/probes."""
    exact.assert_gradient(spec, step, T=12)


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_equals_equinox(dtype, key):
    params, state, xs = foreign.network(LSTM(), key, dtype)
    theirs = eqx.nn.LSTMCell(foreign.D, foreign.N, dtype=dtype, key=key)
    theirs = eqx.tree_at(
        lambda c: (c.weight_ih, c.weight_hh, c.bias),
        theirs,
        (params.w_in.reshape(-1, foreign.D), params.w_rec.reshape(-1, foreign.N), params.b.reshape(-1)),
    )

    def step(carry, x):
        carry = theirs(x, carry)
        return carry, carry[0]

    foreign.assert_equal(LSTM(), params, state, xs, step, (state.h, state.c))


@pytest.mark.parametrize("dtype", foreign.DTYPES)
def test_equals_flax(dtype, key):
    params, state, xs = foreign.network(LSTM(), key, dtype)
    theirs = linen.LSTMCell(foreign.N, dtype=dtype, param_dtype=dtype)
    layers = {}
    for k, gate in enumerate(LSTM().gates):
        layers[f"i{gate}"] = foreign.dense(params.w_in[k])
        layers[f"h{gate}"] = foreign.dense(params.w_rec[k], params.b[k])
    step = lambda carry, x: theirs.apply({"params": layers}, carry, x)
    foreign.assert_equal(LSTM(), params, state, xs, step, (state.c, state.h))


def test_forget_bias_is_the_forget_gate_alone(key):
    params, state = LSTM(forget_bias=3.0).init(key, 2, 4, 1.0, orthogonal)
    np.testing.assert_array_equal(params.b, np.array([0.0, 3, 0, 0])[:, None] * np.ones(4))
    assert not any(leaf.any() for leaf in jax.tree.leaves(state))


def test_memory_is_carried_by_the_forget_gate_alone(key):
    """With the hidden state held still, dc'/dc is the forget gate."""
    params, state, xs = foreign.network(LSTM(), key, np.float64)
    jacobian = jax.jacfwd(lambda s: LSTM().step(params, s, xs[0]).c)(state).c
    forget = jax.nn.sigmoid(params.w_rec[1] @ state.h + params.w_in[1] @ xs[0] + params.b[1])
    np.testing.assert_allclose(jacobian, np.diag(forget), rtol=1e-14)


@pytest.mark.parametrize("bias", [float("nan"), float("inf")])
def test_forget_bias_is_finite(bias):
    with pytest.raises(ValueError, match=rf"forget_bias={bias} must be finite"):
        LSTM(forget_bias=bias)


@pytest.mark.parametrize("chosen", range(32))
def test_gates_are_those_that_there_are(chosen, key):
    cell = LSTM(**{part: bool(chosen >> k & 1) for k, part in enumerate(PARTS)})
    expected = [
        gate for gate, bit in (("i", 0), ("f", 1), ("g", None), ("o", 2)) if bit is None or chosen >> bit & 1
    ]
    assert list(cell.gates) == expected
    params, state = jax.eval_shape(lambda: cell.init(key, 2, 3, 1.0, gaussian))
    assert [leaf.shape[0] for leaf in params] == [len(expected)] * 3
    after, opened = jax.eval_shape(
        lambda p, s: (cell.step(p, s, s.h[:2]), cell.gate_values(p, s, s.h[:2])), params, state
    )
    assert set(opened) == set(expected) - {"g"}
    assert (cell.carry_gate in opened) == cell.forget_gate
    assert after.c.shape == (3,)


def test_full_gate_recurrence_adds_to_the_same_cell(key):
    """The other draws are the plain cell's; without links it is the plain cell."""
    plain, full = LSTM(), LSTM(full_gate_recurrence=True)
    (params, state), (more, wide) = (cell.init(key, 2, 4, 0.7, gaussian) for cell in (plain, full))
    for name in params._fields:
        np.testing.assert_array_equal(getattr(more, name), getattr(params, name))
    assert more.w_gates.shape == (3, 3, 4, 4)
    assert len(set(np.asarray(more.w_gates)[..., 0, 0].ravel())) == 9
    np.testing.assert_allclose(more.w_gates, 0.7 * full.init(key, 2, 4, 1.0, gaussian)[0].w_gates, rtol=1e-14)
    assert [leaf.shape for leaf in full.recurrent(more)] == [(4, 4, 4), (3, 3, 4, 4)]
    without = more._replace(w_gates=0 * more.w_gates)
    x = jnp.array([0.3, -1.0])
    wide = wide._replace(gates=wide.gates + 0.5)
    after, same = plain.step(params, state, x), full.step(without, wide, x)
    np.testing.assert_array_equal(same.c, after.c)
    np.testing.assert_array_equal(same.h, after.h)
    np.testing.assert_array_equal(same.gates, list(plain.gate_values(params, state, x).values()))
    assert np.abs(full.step(more, wide, x).c - after.c).max() > 1e-3


def half_life(spec):
    """Steps over which the carried memory halves, without input or recurrence: measured, one per unit."""
    net = networks.network(spec, 20, w_rec=0.0, bias=0.0)
    nothing = jnp.zeros_like(net.xs)

    def last(c):
        run = lambda s, x: (net.cell.step(net.params, s, x), None)
        return jax.lax.scan(run, net.state._replace(c=c), nothing)[0].c

    return 20 * np.log(0.5) / np.log(np.diag(jax.jit(jax.jacrev(last))(net.state.c)))


def test_forget_bias_and_chrono_lengthen_the_memory():
    for spec, steps in (("lstm", 2.2126), ("lstm(forget_bias=3)", 14.265)):
        np.testing.assert_allclose(half_life(spec), steps, rtol=1e-4)
    u = np.exp(networks.network("lstm(chrono=100)", 1, w_rec=0.0, bias=0.0).params.b[1])
    np.testing.assert_allclose(half_life("lstm(chrono=100)"), np.log(2) / np.log1p(1 / u), rtol=1e-9)
    assert 14 < half_life("lstm(chrono=100)").max() < 99


def test_chrono_sets_forget_and_input_gate_and_nothing_else(key):
    plain, slow = (LSTM(chrono=longest).init(key, 2, 8, 1.0, gaussian)[0] for longest in (0.0, 50.0))
    np.testing.assert_array_equal(slow.b[0], -slow.b[1])
    np.testing.assert_array_equal(slow.b[2:], 0)
    assert ((slow.b[1] >= 0) & (slow.b[1] <= np.log(49))).all()
    np.testing.assert_array_equal(slow.w_in, plain.w_in)
    np.testing.assert_array_equal(slow.w_rec, plain.w_rec)
    alone = LSTM(chrono=50.0, input_gate=False).init(key, 2, 8, 1.0, gaussian)[0]
    np.testing.assert_array_equal(np.asarray(alone.b), np.stack([slow.b[1], slow.b[2], slow.b[3]]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chrono": 1.0}, r"chrono=1.0 must be 0 \(off\), or finite and at least 2"),
        ({"chrono": 9.0, "forget_gate": False}, "chrono=9.0 must be 0 where forget_gate=false"),
        (
            dict.fromkeys(PARTS[:3], False) | {"full_gate_recurrence": True},
            "full_gate_recurrence=true must come with at least one gate",
        ),
    ],
)
def test_settings_that_do_not_go_together(settings, message):
    with pytest.raises(ValueError, match=message):
        LSTM(**settings)
