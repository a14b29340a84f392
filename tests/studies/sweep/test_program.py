"""Random streams, drawn networks, and what a network's results are collected into."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.initializers.gaussian import gaussian
from gradlab.initializers.orthogonal import orthogonal
from gradlab.recurrence.scaled import ZERO_EXPONENT, Norm
from gradlab.recurrence.scan import SEGMENT
from gradlab.states import BACKWARD_NONFINITE, EXACT_ZERO, FORWARD_NONFINITE, OK, UNDEFINED
from gradlab.studies.sweep.arrays import collect
from gradlab.studies.sweep.networks import draw_inputs, draw_networks, stream
from gradlab.studies.sweep.program import capacity, state_parts

INPUT_KEY = functools.partial(stream, 0, "inputs", d=1)
WEIGHT_KEY = functools.partial(stream, 0, "weights", cell="elman", init="gaussian", inputs=1, hidden=8)
TARGET_KEY = functools.partial(stream, 0, "target", cell="elman", hidden=8, objective="unit")
SIZES = (1, 8, 1)


def networks(seeds, sizes=SIZES, initializer=gaussian, name="unit", cell="elman"):
    keys = ([key(seed=s) for s in seeds] for key in (WEIGHT_KEY, TARGET_KEY))
    drawn = draw_networks(registry.make("cells", cell), initializer, name, sizes, *keys, (1.0,))
    return jax.tree.map(lambda leaf: leaf[0], drawn)


# Stored once. If a release of JAX draws other numbers from a key, these fail and results made before it
# cannot be continued: say so in the change log, and store the new numbers.
GOLDEN_KEY = [1472098405, 803075158]
GOLDEN = {
    "inputs": [
        -0.881964356926739,
        0.22674944416726076,
        1.8290363620115857,
        1.181268147385533,
        -0.0632447636737526,
    ],
    "w_rec": [
        0.3288932993792605,
        0.11965531302142134,
        0.04088794701508043,
        -0.43691798702901424,
        0.15633579879482257,
    ],
    "w_in": [
        -0.021428170181671643,
        0.8611231662035683,
        0.7774521458104177,
        1.5627110450328097,
        2.820886038571343,
    ],
    "target": [
        0.18697459791874324,
        0.5982444564916249,
        0.18004198742392133,
        0.3740003439987409,
        0.3562644351030619,
    ],
}


def test_golden_stream_keys():
    assert jax.random.key_data(stream(0, "weights", cell="elman", seed=0)).tolist() == GOLDEN_KEY


@pytest.mark.parametrize("name", ["inputs", "w_rec", "w_in", "target"])
def test_golden_first_numbers(name):
    np.testing.assert_allclose(first_numbers()[name], GOLDEN[name], rtol=1e-13, atol=0)


@functools.cache
def first_numbers():
    params, _, target = networks([0])
    xs = draw_inputs([INPUT_KEY(seed=0)], (1, 256, 1), 1.0)
    found = {"inputs": xs, "w_rec": params.w_rec, "w_in": params.w_in, "target": target.h}
    return {name: np.ravel(values)[:5].tolist() for name, values in found.items()}


def test_a_stream_is_its_content_and_not_its_order():
    data = lambda *args, **content: jax.random.key_data(stream(*args, **content)).tolist()
    assert data(1, "weights", a=1, b="x") == data(1, "weights", b="x", a=1)
    others = [
        data(0, "weights", a=1, b="x"),
        data(1, "inputs", a=1, b="x"),
        data(1, "weights", a=2, b="x"),
        data(1, "weights", a=1, b="y"),
        data(1, "weights", a=1),
        data(1, "weights", a=1, b="x"),
    ]
    assert len({tuple(key) for key in others}) == len(others)


def test_streams_do_not_depend_on_x64():
    with jax.enable_x64(False):
        assert jax.random.key_data(stream(0, "weights", cell="elman", seed=0)).tolist() == GOLDEN_KEY
        params, _, _ = networks([0])
        xs = draw_inputs([INPUT_KEY(seed=0)], (1, 256, 1), 1.0)
    assert params.w_rec.dtype == xs.dtype == np.float64
    np.testing.assert_array_equal(params.w_rec, networks([0])[0].w_rec)


@pytest.mark.parametrize(("longest", "length"), [(1, 256), (256, 256), (257, 512), (10_000, 10_240)])
def test_buffers_grow_by_segments(longest, length):
    assert SEGMENT == 256
    assert capacity(longest) == length


def test_shorter_inputs_are_the_beginning_of_longer_ones():
    keys = [INPUT_KEY(seed=s) for s in range(3)]
    longer = draw_inputs(keys, (2, 512, 1), 0.1)
    assert longer.shape == (3, 2, 512, 1)
    np.testing.assert_array_equal(draw_inputs(keys, (2, 256, 1), 0.1), longer[:, :, :256])
    np.testing.assert_array_equal(draw_inputs(keys[1:2], (1, 256, 1), 0.1)[0, 0], longer[1, 0, :256])
    # 3072 draws: the standard deviation is known to 1 / sqrt(2 x 3072), 1.3 %; four sigma.
    assert longer.std() == pytest.approx(0.1, rel=0.052)
    assert not draw_inputs(keys, (1, 256, 1), 0.0).any()


def test_a_network_does_not_depend_on_those_drawn_beside_it():
    some, more = networks([0, 2]), networks([0, 1, 2])
    for a, b in zip(jax.tree.leaves(some), jax.tree.leaves(more), strict=True):
        assert a.dtype == np.float64
        assert a.tobytes() == b[[0, 2]].tobytes()
    assert not np.array_equal(more[0].w_rec[0], more[0].w_rec[1])


def test_an_initialiser_changes_the_recurrent_matrix_alone():
    (a, state_a, target_a), (b, state_b, target_b) = networks([0]), networks([0], initializer=orthogonal)
    assert not np.array_equal(a.w_rec, b.w_rec)
    for x, y in ((a.w_in, b.w_in), (a.b, b.b), (state_a.h, state_b.h), (target_a.h, target_b.h)):
        np.testing.assert_array_equal(x, y)


def test_a_unit_target_has_length_one_over_the_whole_state():
    _, _, target = networks([0, 1], (1, 8, 3), cell="lstm")
    assert target.h.shape == target.c.shape == (2, 3, 8)
    np.testing.assert_allclose((target.h**2 + target.c**2).sum(-1), 1, rtol=1e-14)
    assert len(np.unique(target.h[..., 0])) == 6


def test_parts_are_named_by_their_place_in_the_state():
    one, two = jnp.zeros(2), jnp.zeros(3)
    assert state_parts(one) == ("state",)
    assert state_parts({"h": one}) == ("state",)
    assert state_parts({"h": one, "c": two}) == ("state", "c", "h")
    assert state_parts((one, {"a": two})) == ("state", "0", "1/a")


def column(values, exponent=0):
    """Norms of given size as a program would return them: (networks, sequences, lags)."""
    square = np.square(np.asarray(values, np.float32))
    return Norm(square, np.where(square == 0, ZERO_EXPONENT, exponent).astype(np.int32))


class TestCollect:
    def test_takes_the_mean_of_logarithms_over_sequences(self):
        found, states = collect(column([[[1, 10, 1], [1, 1000, 1]]]), np.zeros((1, 2)), False, 2, 3)
        np.testing.assert_allclose(found, [[0, 2, 0]], atol=1e-6)
        np.testing.assert_array_equal(states, [[OK] * 3])

    def test_a_sequence_at_zero_leaves_the_mean_to_the_others(self):
        found, states = collect(column([[[1, 0], [100, 0]]]), np.zeros((1, 2)), False, 1, 2)
        assert found[0, 0] == pytest.approx(1, abs=1e-6)
        np.testing.assert_array_equal(states, [[OK, EXACT_ZERO]])
        assert np.isnan(found[0, 1])

    def test_lags_beyond_the_length_are_undefined(self):
        _, states = collect(column(np.ones((1, 1, 5))), np.zeros((1, 1)), False, 2, 4)
        np.testing.assert_array_equal(states, [[OK, OK, OK, UNDEFINED]])

    @pytest.mark.parametrize("linear", [False, True])
    def test_a_state_that_is_not_finite_spoils_what_depends_on_it(self, linear):
        nonfinite = np.array([[0, 0], [0, 3]])
        found, states = collect(column(np.ones((2, 2, 3))), nonfinite, linear, 2, 3)
        np.testing.assert_array_equal(states, [[OK] * 3, [OK if linear else FORWARD_NONFINITE] * 3])
        assert np.isnan(found[1]).all() != linear

    def test_a_value_that_is_not_finite_is_never_ok(self):
        broken = column([[[1, np.nan, np.inf]]])
        for linear in (False, True):
            _, states = collect(broken, np.zeros((1, 1)), linear, 2, 3)
            np.testing.assert_array_equal(states, [[OK, BACKWARD_NONFINITE, BACKWARD_NONFINITE]])
            _, states = collect(broken, np.ones((1, 1)), linear, 2, 3)
            np.testing.assert_array_equal(states[:, 1:], [[FORWARD_NONFINITE, FORWARD_NONFINITE]])

    def test_exponents_carry_norms_that_no_float_holds(self):
        found, states = collect(column(np.ones((1, 1, 2)), -100_000), np.zeros((1, 1)), False, 1, 2)
        np.testing.assert_allclose(found, -100_000 * math.log10(2), rtol=1e-14)
        assert (states == OK).all()
