import numpy as np
import pytest

from gradlab.tasks.multiplication import Multiplication
from gradlab.testing.sequences import COUNT, drawn, varied


def test_the_answer_is_the_product_of_the_marked_numbers():
    examples = drawn(varied(Multiplication()))
    numbers, marks = examples.xs[..., 0], examples.xs[..., 1]
    product = np.where(marks == 1, numbers, 1.0).prod(axis=1)
    np.testing.assert_allclose(examples.target[np.arange(COUNT), examples.length - 1, 0], product, rtol=1e-15)
    np.testing.assert_array_equal(marks.sum(axis=1), 2)


def test_chance_is_the_double_integral():
    nodes, weights = np.polynomial.legendre.leggauss(4)
    u, w = (nodes + 1) / 2, weights / 2
    off = u[:, None] * u[None, :] - 1 / 4
    assert Multiplication().chance(50) == pytest.approx((w[:, None] * w * off**2).sum(), rel=1e-14)


@pytest.mark.parametrize("tolerance", [0.0, float("nan")])
def test_tolerance_is_positive_and_finite(tolerance):
    with pytest.raises(ValueError, match=rf"tolerance={tolerance} must be positive and finite"):
        Multiplication(tolerance=tolerance)
