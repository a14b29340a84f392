"""Sequences of different lengths of which one loses its gradient, or two each other's."""

import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab.states import BELOW_PRECISION, NOT_COMPUTED, OK, UNDEFINED
from gradlab.states import FORWARD_NONFINITE as BROKEN
from tests.studies.sweep.grids import of


def counting(w, state, x):
    h = jnp.tanh(w * state["h"] * (1 + state["n"].astype(float) / 9) + x)
    return {"h": h, "n": state["n"] + 1}


@pytest.mark.slow
def test_a_counter_is_carried_along_each_sequence_and_a_zero_of_rounding_names_its_own():
    """The transport is a product of numbers here."""
    xs, w = np.array([[0.1, 0.2, 0.3], [0.1, 50.0, 0.1]])[..., None], 0.8
    state = {"h": jnp.full(1, 0.3), "n": jnp.int32(0)}
    found = gradlab.measure(counting, jnp.array(w), state, xs, lengths=[2, 3], w_rec=lambda w: w)
    h, factors = 0.3, []
    for n, x in enumerate((0.1, 0.2)):
        h = np.tanh(w * h * (1 + n / 9) + x)
        factors.append(w * (1 + n / 9) * (1 - h**2))
    h = np.tanh(w * np.tanh(50.0) * (1 + 2 / 9) + 0.1)
    other = w * (1 + 2 / 9) * (1 - h**2)
    value, state = of(found, "transport")
    want = np.log10([1, np.sqrt(factors[1] * other), factors[1] * factors[0]])
    np.testing.assert_allclose(value[0, :3], want, rtol=0, atol=1e-12)
    assert state[0].tolist() == [OK, OK, OK, BELOW_PRECISION]
    assert of(found, "transport_sequences")[0].tolist() == [2, 2, 1, 0]
    assert found.attrs["rounded"].startswith("xs[1]: the transport is rounded to zero from lag 2 on: tanh'")


def test_a_counter_is_traced_as_often_for_all_sequences_as_for_one():
    calls = []
    step = lambda *given: calls.append(given) or counting(*given)
    state, xs = {"h": jnp.full(1, 0.3), "n": jnp.int32(0)}, np.ones((3, 4, 1))
    for lengths in ([4], [4, 2, 3]):
        calls.append(None)
        gradlab.measure(step, jnp.array(0.8), state, xs[: len(lengths)], lengths=lengths)
    one = calls.index(None, 1)
    assert len(calls) == 2 * one


def squaring(w, h, x):
    return w * h * h + x


def squared(xs, signs):
    how = {"w_rec": lambda w: w, "loss": lambda h, sign: (h * sign).sum(), "targets": np.array(signs)}
    how |= {"lengths": [4, 3], "probe": "reach"}
    return gradlab.measure(squaring, jnp.array(0.5), jnp.full(1, 0.3), np.array(xs)[..., None], **how)


@pytest.mark.slow
def test_a_sequence_that_breaks_is_named():
    found = squared([[0.1, 0.1, 0.1, 0.1], [1e200, 1.0, 1.0, 9.9]], [1.0, 1.0])
    assert found.attrs["broken"] == "the forward pass is not finite: xs[1] from step 2"
    assert found["nonfinite_step"].item() == 2
    assert gradlab.verdict(found).splitlines()[1:] == [
        "Means over 2 sequences of 3 to 4 steps, beyond lag 3 over those that have it.",
        "The forward pass is not finite: xs[1] from step 2.",
    ]
    for name in ("transport", "adjoint", "reach", "weight_gradient_of_mean"):
        assert of(found, name)[1].ravel()[0] == BROKEN
    # At the lag that it has not, the other one is there.
    assert of(found, "transport")[1][0, 4] == OK


@pytest.mark.slow
def test_sequences_that_cancel_have_no_norm_of_their_mean():
    """The part of a step is h^2 at lag 0, whatever its sign; the targets' signs are opposite."""
    found = squared([[0.1, 0.2, 0.2, 0.3], [0.2, 0.2, 0.3, np.nan]], [1.0, -1.0])
    hs = []
    for xs in ((0.1, 0.2, 0.2, 0.3), (0.2, 0.2, 0.3)):
        hs.append([0.3])
        for x in xs:
            hs[-1].append(0.5 * hs[-1][-1] ** 2 + x)
    want = [np.mean(np.log10([h[-1 - lag] for h in hs])) for lag in (1, 2)]
    value, _ = of(found, "reach")
    assert value[1] == pytest.approx(want[0], abs=1e-12)  # the derivative by h is 2 w h = h
    assert value[2] == pytest.approx(want[0] + want[1], abs=1e-12)
    assert of(found, "weight_gradient_of_mean")[0][0] == pytest.approx(
        np.log10(abs(hs[0][-2] ** 2 - hs[1][-2] ** 2) / 2), abs=1e-10
    )
    # 0.255 leads to the start of the other one: from there on both are the same, with opposite signs.
    same = squared([[0.255, 0.2, 0.2, 0.3], [0.2, 0.2, 0.3, np.nan]], [1.0, -1.0])
    value, state = of(same, "weight_gradient_of_mean")
    assert of(same, "weight_gradient")[1][:4].tolist() == [OK] * 4
    assert state.tolist() == [NOT_COMPUTED] * 3 + [OK, UNDEFINED]
    assert np.isnan(value[:3]).all()
