import jax
import numpy as np
import pytest

from gradlab.remedies.omega import omega
from gradlab.studies.remedies import loop
from tests.remedies.training import (
    Follow,
    changes_nothing,
    gradient,
    parts,
    setting,
    trails,
    untrained,
    without,
)

CASES = {
    "last": (Follow(), 1.3),
    "every, shorter than its buffer": (Follow(every=True, length=4), 1.3),
    "some adjoints below 1e-10": (Follow(), 1e-4),
}


def authors(w_rec, slopes, adjoints, length):
    """Pascanu's Ω of one sequence, step by step in float64; dE/da_t = slopes_t * adjoints_t.

    Squared norms in the ratio; steps whose squared dE/da_{t+1} is below 1e-20 are dropped; divided by
    the number of steps that are left.
    """
    total, live = 0.0, 0
    for t in range(length - 1):
        later = adjoints[t + 1] * slopes[t + 1]
        if later @ later < 1e-20:
            continue
        back = [sum(later[i] * w_rec[i, j] for i in range(len(later))) * s for j, s in enumerate(slopes[t])]
        total += (np.square(back).sum() / (later @ later) - 1) ** 2
        live += 1
    return total / live, live


def sequence(params, xs, before, adjoints):
    """Slopes of tanh and adjoints of a sequence."""
    a = np.array([params.w_rec @ s.h + params.w_in @ x + params.b for s, x in zip(before, xs, strict=True)])
    return 1 - np.tanh(a) ** 2, np.array([adjoint.h for adjoint in adjoints])


@pytest.fixture(scope="module", params=CASES)
def case(request):
    task, w_rec = CASES[request.param]
    of = setting(omega(weight=0.7), task=task)
    one = untrained(of, w_rec=w_rec)
    params = jax.tree.map(np.asarray, one.weights.cell)
    sequences = [sequence(params, *trail) for trail in trails(of, one)]

    def whole(w_rec):
        found = [authors(w_rec, *some, task.length or of.T) for some in sequences]
        assert all((live < of.T - 1) == (request.param != "last") for _, live in found)
        return 0.7 * np.mean([value for value, _ in found])

    return of, one, whole


@pytest.mark.ends
def test_value_is_the_authors(case):
    of, one, whole = case
    total, plain = parts(of, one)(one.weights)
    assert float(total - plain) == pytest.approx(whole(np.asarray(one.weights.cell.w_rec)), rel=1e-11)


@pytest.mark.ends
def test_gradient_is_the_immediate_one_of_the_recurrent_matrix_alone(case):
    """By differences in W_rec, the pre-activations and adjoints held as they are."""
    of, one, whole = case
    pair = gradient(of, one)[0], gradient(without(of), one)[0]
    extra = jax.tree.map(lambda a, b: np.asarray(a - b), *pair)
    w = np.asarray(one.weights.cell.w_rec)
    expected, h = np.zeros_like(w), 1e-4
    for at in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[at] = h
        differences = [whole(w + s * step) - whole(w - s * step) for s in (1, 2)]
        expected[at] = (8 * differences[0] - differences[1]) / (12 * h)
    np.testing.assert_allclose(extra.cell.w_rec, expected, rtol=1e-8, atol=1e-9)
    for leaf in (extra.cell.w_in, extra.cell.b, extra.w_out, extra.b_out):
        np.testing.assert_allclose(leaf, 0, atol=1e-15)


def test_weight_0_is_neutral():
    changes_nothing("omega(0.0)")


def test_a_cell_without_one_matrix_product_is_refused():
    words = "needs a cell whose state is one activation of one matrix product"
    with pytest.raises(ValueError, match=words):
        loop.try_out(setting(omega(), "gru"), learn=True)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weight_is_not_negative(weight):
    with pytest.raises(ValueError, match=f"weight={weight} must be 0 or positive, and finite"):
        omega(weight=weight)
