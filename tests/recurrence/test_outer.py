"""Norms of outer products: those of the whole gradient, whatever it is made of, without its N^2 numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.recurrence import backward, outer
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.outer import norm, pieces
from gradlab.recurrence.pullback import pullback
from gradlab.recurrence.scaled import ZERO_EXPONENT, log10_norm
from gradlab.types import ProbeContext
from tests.members import specs
from tests.probes.networks import network, target
from tests.tiers import few

N = 7


def gradient(spec):
    """`g -> cotangent of the recurrent weights` of one step, away from a state of zeros, and a g."""
    net = network(spec, 1, n=N)
    numbers = iter(range(100))
    filled = lambda tree: jax.tree.map(
        lambda leaf: jax.random.normal(jax.random.key(next(numbers)), leaf.shape, leaf.dtype) / 2, tree
    )
    one = pullback(net.cell.step, net.params, net.state, net.xs[0], weights=True)
    after, kept = one.forward(filled(net.state), net.xs[0])
    return lambda g: net.cell.recurrent(one.pull(kept, g)[0]), filled(after)


@pytest.mark.ends
@pytest.mark.parametrize(
    "spec", few(specs("cells"), ("elman", "gru", "lstm", "min_gru", "peephole_lstm", "stacked"))
)
def test_the_norm_of_the_pieces_is_the_norm_of_the_gradient(spec):
    f, g = gradient(spec)
    whole = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(f(g))])
    found = float(log10_norm(norm(pieces(f, g), 0)))
    assert found == pytest.approx(float(np.log10(np.linalg.norm(whole))), rel=1e-12, abs=1e-12)


def test_the_gradient_of_a_matrix_that_multiplies_the_state_is_never_formed():
    f, g = gradient("lstm")
    # Of its four gates all at once.
    assert [[factor.size for factor in piece] for piece in pieces(f, g)] == [[4 * N, N]]


def test_a_matrix_that_is_used_twice_or_scaled_after_the_fact_stays_whole():
    u, v = jnp.arange(1.0, 4), jnp.arange(2.0, 5)
    twice = lambda: jnp.outer(u, v) + jnp.outer(v, u)
    masked = lambda: jnp.outer(u, v) * jnp.tri(3, dtype=u.dtype)
    for f in (twice, masked):
        ((whole,),) = pieces(f)
        np.testing.assert_array_equal(whole, f())


def test_what_would_overflow_or_vanish_as_a_product_keeps_its_norm():
    u, v = jnp.full(3, 1e-30, jnp.float32), jnp.full(5, 1e-25, jnp.float32)
    far = lambda: jax.lax.dot_general(u, v, (((), ()), ((), ())))
    expected = -55 + np.log10(15) / 2
    assert float(log10_norm(norm(pieces(far), 0))) == pytest.approx(expected, abs=1e-6)
    assert float(log10_norm(norm(pieces(far), 2000))) == pytest.approx(
        expected + 2000 * np.log10(2), abs=1e-3
    )


def test_pieces_of_far_apart_sizes_add_up_and_zeros_count_for_nothing():
    dot = lambda u, v: jax.lax.dot_general(u, v, (((), ()), ((), ())))
    u = jnp.arange(1.0, 4)
    found = norm(pieces(lambda: (dot(u, u), dot(1e-300 * u, u), dot(0 * u, u))), 5)
    assert float(log10_norm(found)) == pytest.approx(np.log10(14 * 32), abs=1e-12)
    nothing = norm(pieces(lambda: dot(0 * u, u)), 5)
    assert float(nothing.square) == 0
    assert int(nothing.exponent) == ZERO_EXPONENT
    assert np.isnan(log10_norm(norm(pieces(lambda: dot(jnp.nan * u, u)), 5)))


def test_a_number_without_effect_has_a_gradient_of_zero():
    """Autodiff gives a constant for it, which is no array of any step."""

    def sent(v):
        return jax.vjp(lambda number, unused: number * jnp.ones(2), 2.0, 3.0)[1](v)

    made = outer.summing(sent, jnp.ones(2))
    used, unused = made.leaves(
        made.add(made.start(jnp.int32(0)), jnp.ones((1, 2)), jnp.full(1, 5, jnp.int32))
    )
    assert np.ldexp(float(used.value), int(used.exponent)) == 2 * 32
    assert (float(unused.value), int(unused.exponent)) == (0, ZERO_EXPONENT)
    nothing = norm(pieces(lambda: sent(jnp.ones(2))[1]), 5)
    assert (float(nothing.square), int(nothing.exponent)) == (0, ZERO_EXPONENT)


def product(u, v):
    """What autodiff makes of the gradient of a matrix."""
    return jax.lax.dot_general(u, v, (((), ()), ((), ())))


@pytest.mark.parametrize("made_of", [product, jnp.outer], ids=["factors", "whole"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_contributions_that_cancel_leave_what_they_leave(dtype, made_of):
    """Outer products of ten steps, which cancel to a millionth, at exponents and scales far apart."""
    rng = np.random.default_rng(0)
    # Small integers: no entry of the exact sum is rounded.
    g, h = (rng.integers(-8, 8, (5, N)).astype(float) for _ in range(2))
    left = np.concatenate([g, -g * (1 + 2.0**-20)])
    right = np.concatenate([h, h])
    powers, scales = rng.integers(-900, 900, 10), rng.integers(-30, 30, (2, 10))
    given = [np.ldexp(some, scale[:, None]) for some, scale in zip((left, right), scales, strict=True)]
    exponents = jnp.asarray(powers[0] - scales[0] - scales[1] + np.repeat(7, 10), jnp.int32)
    made = outer.summing(made_of, *(jnp.zeros(N, dtype) for _ in range(2)))
    arguments = tuple(jnp.asarray(some, dtype) for some in given)
    (total,) = made.leaves(jax.jit(made.add)(made.start(jnp.int32(0)), arguments, exponents))
    found = np.ldexp(np.asarray(total.value, float), int(total.exponent) - int(powers[0]) - 7)
    exact, sizes = left.T @ right, np.abs(left).T @ np.abs(right)
    assert np.linalg.norm(exact) < 2e-6 * np.linalg.norm(sizes)
    # What float32 holds of the factors is summed to a few roundings of the parts' sizes.
    kept = left.astype(dtype).astype(float).T @ right
    assert (np.abs(found - kept) <= 10 * np.finfo(dtype).eps * sizes).all()
    if dtype == "float64":
        np.testing.assert_allclose(found, exact, rtol=1e-8, atol=1e-8 * np.abs(exact).max())


def test_gates_with_a_factor_in_common_are_one_product_whichever_side_it_is_on():
    """Two gates of each of three leaves, the same product twice, and one whole: as one by one."""
    forms = [jnp.zeros(size) for size in (2, 3, 4)]

    def sent(u, v, w):
        common_right = jnp.stack([product(u, w), product(2 * u, w)])
        common_left = jnp.concatenate([product(w, u), product(w, v), product(w, u)], axis=1)
        return common_right, common_left, jnp.stack([u, 3 * u]), product(v, w)

    made = outer.summing(sent, *forms)
    rng = np.random.default_rng(1)
    steps = [rng.standard_normal((6, form.size)) for form in forms]
    powers = rng.integers(-3, 3, 6)
    total = made.add(made.start(jnp.int32(0)), tuple(map(jnp.asarray, steps)), jnp.asarray(powers, jnp.int32))
    assert len(total) == 4
    exact = [
        sum(np.asarray(part) * 2.0**power for part, power in zip(parts, powers, strict=True))
        for parts in zip(*(sent(*map(jnp.asarray, one)) for one in zip(*steps, strict=True)), strict=True)
    ]
    for scaled, whole in zip(made.leaves(total), exact, strict=True):
        np.testing.assert_allclose(
            np.ldexp(scaled.value, int(scaled.exponent)), whole, rtol=1e-13, atol=1e-14
        )
    one = [jnp.asarray(some[0]) for some in steps]
    whole = np.concatenate([np.ravel(leaf) for leaf in sent(*one)])
    assert float(log10_norm(norm(pieces(sent, *one), 0))) == pytest.approx(np.log10(np.linalg.norm(whole)))


def test_leaves_far_apart_share_no_exponent():
    """In float32 the smaller one would be zero beside the larger one, though a factor is common to both."""
    small, large, common = (jnp.full((1, 2), 2.0**power, jnp.float32) for power in (-120, 120, 5))
    made = outer.summing(lambda u, v, w: (product(u, w), product(v, w)), *[jnp.zeros(2, jnp.float32)] * 3)
    total = made.add(made.start(jnp.int32(0)), (small, large, common), jnp.zeros(1, jnp.int32))
    for scaled, power in zip(made.leaves(total), (-115, 125), strict=True):
        found = np.log2(np.asarray(scaled.value, float)) + int(scaled.exponent)
        np.testing.assert_array_equal(found, np.full((2, 2), power))


def test_zeros_add_nothing_wherever_their_exponents_lie():
    made = outer.summing(product, jnp.zeros(2), jnp.zeros(3))
    steps = jnp.array([[1.0, 2.0], [0.0, 0.0]]), jnp.ones((2, 3))
    (total,) = made.leaves(made.add(made.start(jnp.int32(0)), steps, jnp.array([-5000, 5000], jnp.int32)))
    np.testing.assert_array_equal(
        np.ldexp(total.value, int(total.exponent) + 5000), np.outer([1, 2], np.ones(3))
    )
    (total,) = made.leaves(
        made.add(made.start(jnp.int32(0)), (0 * steps[0], steps[1]), jnp.zeros(2, jnp.int32))
    )
    assert not np.asarray(total.value).any()


def test_few_steps_are_added_at_once_where_a_gradient_stays_whole():
    matrix_and_bias = outer.summing(lambda u, v: (product(u, v), u), *[jnp.zeros(10_000)] * 2)
    assert matrix_and_bias.together(25) == 25
    few, many = (outer.summing(f, jnp.zeros(100), jnp.zeros(100)).together(25) for f in (jnp.outer, product))
    assert (few, many) == (1, 25)


SUMMED = ["elman", "lstm", "gru", "lru", "indrnn", "min_lstm", "antisymmetric", "stacked(cell=gru, layers=2)"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "segment", "block"),
    few(
        [(spec, *sizes) for spec in SUMMED for sizes in ((4, 2), (256, 3), (256, 25))],
        lambda case: case == ("lstm", 4, 2),
        slow=lambda case: case[0] in ("elman", "lstm") or case[1:] == (4, 2),
    ),
)
def test_a_sum_over_steps_is_the_gradient_of_autodiff(spec, segment, block, monkeypatch):
    """Whatever the parts are made of, and wherever a block or segment ends; entry by entry, in float64."""
    T = 11
    monkeypatch.setattr(
        backward, "reverse_blocks", functools.partial(backward.reverse_blocks, segment=segment)
    )
    monkeypatch.setattr(backward, "BLOCK", block)
    net = network(spec, T)
    goal = target(net, "unit")
    made = objective("unit", goal, net.cell.readout)

    def last(params):
        state = functools.reduce(lambda state, x: net.cell.step(params, state, x), net.xs, net.state)
        return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, made.cotangent(state), state)))

    setup = ProbeContext(made, net.cell.recurrent, T)
    run = lambda params: backward.backpropagate(
        net.cell.step, params, net.state, net.xs, setup, weights=lambda g, e: e, summing=outer.summing
    )
    found = jax.jit(run)(net.params).gradient
    for scaled, exact in zip(found, jax.tree.leaves(jax.grad(last)(net.params)), strict=True):
        value = np.ldexp(np.asarray(scaled.value), int(scaled.exponent))
        np.testing.assert_allclose(value, exact, rtol=1e-9, atol=1e-12 * np.abs(exact).max())
