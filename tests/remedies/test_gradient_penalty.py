import jax
import numpy as np
import pytest

from gradlab.remedies.gradient_penalty import gradient_penalty
from tests.remedies.training import (
    Follow,
    along,
    changes_nothing,
    direction,
    gradient,
    parts,
    setting,
    slope,
    trails,
    untrained,
)


@pytest.fixture(scope="module", params=["elman", "lstm"])
def case(request):
    of = setting(gradient_penalty(weight=0.3), request.param, task=Follow(every=True, length=4), T=5)
    one = untrained(of)
    return of, one, parts(of, one)


def test_value_is_the_sum_of_squared_adjoints(case):
    of, one, loss = case
    squares = [
        sum((leaf**2).sum() for leaf in jax.tree.leaves(adjoints)) for _, _, adjoints in trails(of, one)
    ]
    total, plain = loss(one.weights)
    assert float(total - plain) == pytest.approx(0.3 * np.mean(squares), rel=1e-12)


def test_gradient_by_differences(case):
    """Of the whole loss, so through the backward pass as well."""
    of, one, loss = case
    way = direction(one.weights)
    found = along(gradient(of, one)[0], way)
    assert found == pytest.approx(slope(lambda w: loss(w)[0], one.weights, way, 1e-4), rel=1e-8)


def test_weight_0_is_neutral():
    changes_nothing("gradient_penalty(0.0)")


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_weight_is_not_negative(weight):
    with pytest.raises(ValueError, match=f"weight={weight} must be 0 or positive, and finite"):
        gradient_penalty(weight=weight)
