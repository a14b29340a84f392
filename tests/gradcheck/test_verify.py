"""`verify` agrees where the gradient is right, and names what is wrong where it is not."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.gradcheck.bench import EXACT
from gradlab.gradcheck.verify import verify
from gradlab.registry import make

D, N, T = 2, 3, 6
LENGTHS = (1, 2, T)
AS_GIVEN = (1.0,)
"""The scale of the inputs."""


def tanh_step(params, h, x):
    """A tanh network whose inputs come with a mask of the units, as dropout gives it."""
    x, mask = x
    return mask * jnp.tanh(params["w_rec"] @ h + params["w_in"] @ x + params["b"])


def backwards(params, h, xs, fault=""):
    """BPTT by hand for L = sum_t |h_t|^2 / 2, with one mistake if `fault` names it."""
    inputs, masks = xs
    length = len(inputs)
    hs = [h]
    for x in zip(*xs, strict=True):
        hs.append(tanh_step(params, hs[-1], x))
    factors = []
    for t in range(length):
        a = params["w_rec"] @ hs[t] + params["w_in"] @ inputs[t] + params["b"]
        factors.append(masks[0 if fault == "mask" else t] * (1 - jnp.tanh(a) ** 2))
    jacobians = [factor[:, None] * params["w_rec"] for factor in factors]
    by_step = []
    for t in range(length + 1):
        total = hs[t] if t else jnp.zeros_like(h)
        for end in range(t + 1, length + 1):
            factors_between = jacobians[t:end]
            if fault != "forward order":
                factors_between = factors_between[::-1]
            total = total + hs[end] @ functools.reduce(jnp.matmul, factors_between)
        by_step.append(total)
    parts = [factors[t] * by_step[t + 1] for t in range(length)]
    used = [part for t, part in enumerate(parts, 1) if (fault, t) != ("accumulation", 2)]
    of_params = {
        "w_rec": sum(jnp.outer(part, h) for part, h in zip(parts, hs, strict=False)),
        "w_in": sum(jnp.outer(part, x) for part, x in zip(parts, inputs, strict=True)),
        "b": sum(used, jnp.zeros_like(h)),
    }
    return of_params, jnp.stack(by_step)


def network(seed=0):
    rng = np.random.default_rng(seed)
    params = {"w_rec": rng.standard_normal((N, N)), "w_in": rng.standard_normal((N, D)), "b": np.ones(N)}
    masks = rng.permuted(np.tile([1.0, 1.0, 0.5], (T, 1)), axis=1)
    masks[0] = [0.5, 1.0, 1.0]
    masks[-1] = [1.0, 1.0, 0.5]
    return params, rng.standard_normal(N), (rng.standard_normal((T, D)), masks)


def given(fault, keep=lambda gradient: gradient):
    """The checks of the gradient by hand alone, by T."""
    params, h, xs = network()
    gradient = lambda *arguments: keep(backwards(*arguments, fault=fault))
    found = verify(tanh_step, params, h, xs, gradient=gradient, lengths=LENGTHS, scales=AS_GIVEN, ways=())
    names = ["given = differences", "given = forward"]
    assert [check.name for check in found.checks] == names * len(LENGTHS)
    by_differences, by_forward = found.checks[::2], found.checks[1::2]
    for one, other in zip(by_differences, by_forward, strict=True):
        assert (one.result, one.step) == (other.result, other.step)
    return {check.T: check for check in by_differences}


def test_a_gradient_by_hand_agrees():
    for check in given("").values():
        assert (check.result, check.where) == ("ok", "")
        assert check.error < 1e-9


def test_jacobians_multiplied_in_forward_order_are_found_from_the_first_product_on():
    found = given("forward order")
    # One Jacobian has no order.
    assert found[1].result == "ok"
    # Of two, their product is first needed on the way back to state_0, by step 1.
    assert (found[2].result, found[2].step) == ("WRONG", 1)
    assert (found[T].result, found[T].step) == ("WRONG", T - 1)
    assert found[T].parameter


def test_a_mask_reused_from_step_1_is_found_at_the_last_step():
    found = given("mask")
    assert found[1].result == "ok"
    assert (found[T].result, found[T].step) == ("WRONG", T)


def test_a_missing_accumulation_is_found_with_its_step():
    found = given("accumulation")
    assert found[1].result == "ok"
    for length in (2, T):
        assert found[length].result == "WRONG"
        assert found[length].where == "b, step 2, whose part is missing"


def test_half_a_gradient_may_be_left_out():
    assert given("", keep=lambda both: (both[0], None))[T].result == "ok"
    assert given("mask", keep=lambda both: (None, both[1]))[T].step == T
    assert given("accumulation", keep=lambda both: (None, both[1]))[T].result == "ok"


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(GradlabError, match=r"gradient: gives dL/dstate_t"):
        given("", keep=lambda both: (both[0], both[1][1:]))


def draw(spec, d=D, seed=0):
    cell = make("cells", spec)
    params, state = cell.init(jax.random.key(seed), d, N, 1.0, make("initializers", "gaussian"))
    rng = np.random.default_rng(seed)
    state = jax.tree.map(lambda leaf: leaf + 0.5 * rng.standard_normal(leaf.shape), state)
    return cell, params, state, rng.standard_normal((T, D))


def test_everything_agrees_for_a_right_cell():
    cell, params, state, xs = draw("elman")
    above = draw("elman", d=N, seed=1)[1:3]
    found = verify(
        cell.step, params, state, xs, readout=cell.readout, above=above, gates=cell.gates, lengths=(1, T)
    )
    names = [check.name for check in found.checks]
    assert names[-2:] == ["layers = differences", "layers = forward"]
    assert names[-3] == "float64 throughout"
    assert len(set(names)) == 9
    assert names[:6] == names[6:12]
    assert {check.T for check in found.checks} == {1, T}
    for check in found.checks:
        assert check.result == "ok", check
        assert check.error < (1e-8 if "differences" in check.name else EXACT)
        assert check.error < check.limit or check.name == "float64 throughout"


def test_what_was_tried_is_said():
    cell, params, state, xs = draw("elman")
    found = verify(cell.step, params, state, xs, readout=cell.readout, lengths=(2, T), scales=(1.0, 2.0))
    tried = found.tried
    assert (tried.lengths, tried.scales, tried.points) == ((2, T), (1.0, 2.0), 1)
    assert tried.largest_input == 2 * np.abs(xs).max()
    # w_rec, w_in, b, and a state at each of 0..T.
    assert tried.entries == tried.numbers == N * N + N * D + N + (T + 1) * N
    assert f"sequences longer than {T}" in tried.not_done
    assert "a second layer" in tried.not_done
    assert tried.rules == ("custom_jvp tanh",)
    assert not tried.surrogate
    assert not found.empty


def test_a_case_whose_loss_overflows_is_left_out_and_said():
    step = lambda w, h, x: w * h + jnp.exp(x)
    found = verify(step, 0.5, np.ones(1), np.full((2, 1), 2.0), lengths=(2,), scales=(1.0, 1000.0))
    assert not found.wrong
    assert found.tried.left_out == ("input scale 1000 at point 1: the loss is not finite",)
    assert {check.cases for check in found.checks} == {1}


@pytest.mark.slow
def test_states_with_counters_and_keys_are_carried_along():
    def step(w, state, x):
        key, noise = jax.random.split(state["key"])
        moved = w * state["h"] + x + 0.1 * jax.random.normal(noise, (2,), jnp.float64)
        return {"h": moved, "t": state["t"] + 1, "key": key}

    state = {"h": np.ones(2), "t": np.int32(0), "key": jax.random.key(3)}
    options = {"lengths": (1, 2), "scales": AS_GIVEN, "readout": lambda state: state["h"]}
    found = verify(step, 0.5, state, np.ones((2, 2)), **options)
    assert {check.result for check in found.checks} == {"ok"}


def test_a_step_that_computes_in_float32_is_compared_as_such():
    narrow = lambda a: jnp.tanh(a.astype(jnp.float32)).astype(jnp.float64)
    step = lambda w, h, x: narrow(w * h + x)
    found = verify(step, 0.5, np.ones(2), np.ones((2, 2)), lengths=(2,), scales=AS_GIVEN)
    results = {check.name: check for check in found.checks}
    assert not found.wrong
    assert results["reverse = forward"].result == "ok"
    assert results["reverse = forward"].limit > 1e-4
    assert results["float64 throughout"].result == "none"
    assert "convert_element_type float64[2] -> float32[2]" in results["float64 throughout"].where


def test_a_kink_does_not_disturb_the_differences():
    """h = 0.002 is nearer to the kink of relu than the widest difference reaches."""
    step = lambda w, h, x: jax.nn.relu(w * h) + x
    found = verify(step, np.float64(1.0), np.full(1, 0.002), np.zeros((2, 1)), lengths=(2,), scales=AS_GIVEN)
    assert {check.result for check in found.checks} == {"ok"}


def test_at_a_kink_there_is_no_derivative_to_be_wrong_about():
    """relu at exactly 0: the derivative is 0 by its rule, and 1/2 by that of max(a, 0)."""
    step = lambda w, h, x: jax.nn.relu(w * h) + x
    found = verify(step, np.float64(1.0), np.zeros(1), np.ones((1, 1)), lengths=(1,), scales=AS_GIVEN)
    assert not found.wrong


def test_a_stopped_gradient_in_one_gate_is_named():
    cell, params, state, xs = draw("lstm")

    def step(params, state, x):
        stopped = jax.lax.stop_gradient(params)
        forget = cell.gates.index("f")
        mix = lambda own, still: own.at[forget].set(still[forget])
        return cell.step(jax.tree.map(mix, params, stopped), state, x)

    options = {"readout": cell.readout, "gates": cell.gates, "lengths": (2,), "ways": ("differences",)}
    wrong, throughout = verify(step, params, state, xs, scales=AS_GIVEN, **options).checks
    assert (wrong.name, wrong.result) == ("reverse = differences", "WRONG")
    assert throughout.result == "ok"
    assert wrong.parameter.endswith("[1] (gate f)")
    # w_in, w_rec and b of that gate, and no other gate's.
    assert wrong.others == 2
    # Both steps lose their part; the last is the first that a backward pass comes to.
    assert wrong.step == 2


def test_a_step_with_a_wrong_rule_of_its_own_is_found():
    @jax.custom_vjp
    def square(h):
        return h * h

    square.defvjp(lambda h: (h * h, h), lambda h, g: (h * g,))
    step = lambda w, h, x: square(w * h) + x
    options = {"lengths": (2,), "scales": AS_GIVEN, "ways": ("forward", "differences")}
    found = verify(step, 0.5, np.ones(2), np.ones((2, 2)), **options)
    results = {check.name: check for check in found.checks}
    # Forward mode goes through h * h itself, not through the rule.
    assert results["forward = differences"].result == "ok"
    for name in ("reverse = forward", "reverse = differences"):
        wrong = results[name]
        assert (wrong.result, wrong.parameter, wrong.step) == ("WRONG", "params", 2)
    assert found.tried.rules == ("custom_vjp square",)


def test_a_step_that_changes_from_call_to_call_differs_between_scan_and_loop():
    calls = []

    def step(w, h, x):
        calls.append(x)
        return w * h / len(calls) + x

    found = verify(step, 0.5, np.ones(2), np.ones((2, 2)), lengths=(2,), scales=AS_GIVEN, ways=("loop",))
    assert [check.result for check in found.checks if check.name == "scan = loop"] == ["WRONG"]


REFUSED = {
    "a state of integers": (lambda w, h, x: h, 1.0, np.zeros(2, int), np.zeros((2, 2)), "state"),
    "no parameters": (lambda w, h, x: h + x, (), np.zeros(2), np.zeros((2, 2)), "params"),
    "too few inputs": (lambda w, h, x: w * h, 1.0, np.zeros(2), np.zeros((1, 2)), "xs"),
    "overflow": (lambda w, h, x: jnp.exp(w * 1e6 + h), 1.0, np.zeros(2), np.zeros((2, 2)), "step"),
    "a loop of unknown length": (
        lambda w, h, x: jax.lax.while_loop(lambda h: (h < 1).any(), lambda h: h + w, h),
        1.0,
        np.zeros(2),
        np.zeros((2, 2)),
        "step",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_gradient_is_refused(what):
    *case, where = REFUSED[what]
    with pytest.raises(GradlabError) as caught:
        verify(*case, lengths=(2,))
    assert caught.value.where == where
    assert "\n" not in str(caught.value)
