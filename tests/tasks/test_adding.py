import numpy as np
import pytest

from gradlab.tasks.adding import Adding
from gradlab.testing.sequences import COUNT, drawn, one, varied


def test_one_mark_lies_in_each_half_and_the_answer_is_their_sum():
    examples = drawn(varied(Adding()))
    t, half = np.arange(7), examples.length[:, None] // 2
    marks = examples.xs[..., 1]
    assert set(np.unique(marks)) == {0.0, 1.0}
    np.testing.assert_array_equal((marks * (t < half)).sum(axis=1), 1)
    np.testing.assert_array_equal((marks * (t >= half)).sum(axis=1), 1)
    total = (examples.xs[..., 0] * marks).sum(axis=1)
    np.testing.assert_allclose(examples.target[np.arange(COUNT), examples.length - 1, 0], total, rtol=1e-15)


def test_chance_is_the_double_integral():
    nodes, weights = np.polynomial.legendre.leggauss(4)
    u, w = (nodes + 1) / 2, weights / 2
    total = u[:, None] + u[None, :]
    assert Adding().chance(50) == pytest.approx((w[:, None] * w * (total - 1) ** 2).sum(), rel=1e-14)


@pytest.mark.parametrize(("off", "error"), [(0.0, 0), (0.079, 0), (0.081, 1), (-0.079, 0), (-0.081, 1)])
def test_an_answer_is_right_within_004_of_half_the_sum(off, error):
    example = one(Adding(), 4)
    assert Adding().error(example.target + off, example) == error


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("nan"), float("inf")])
def test_tolerance_is_positive_and_finite(tolerance):
    with pytest.raises(ValueError, match=rf"tolerance={tolerance} must be positive and finite"):
        Adding(tolerance=tolerance)
