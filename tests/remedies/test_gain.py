import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.remedies.gain import gain
from gradlab.studies.remedies import arms, work
from gradlab.studies.remedies.settings import Training


@pytest.mark.parametrize(
    "text", ["gain(1.5)", "orthogonal+gain(1.5)", "gain(1.5)+orthogonal", "lstm+gain(1.5)"]
)
def test_the_recurrent_weights_start_as_many_times_as_large_and_nothing_else_changes(text, key):
    """Whatever the order: another initialiser is not drawn at its own gain."""
    plain = "+".join(part for part in text.split("+") if "gain" not in part) or "none"
    found, other = (arms.arm(one, "elman", "gaussian") for one in (text, plain))
    assert found.label == text.replace("(", "(factor=")
    large, small = (one.cell.init(key, 2, 3, 0.5, one.initializer)[0] for one in (found, other))
    np.testing.assert_allclose(found.cell.recurrent(large), 1.5 * other.cell.recurrent(small), rtol=1e-6)
    rest = large._replace(w_rec=small.w_rec)
    jax.tree.map(np.testing.assert_array_equal, rest, small)


def test_a_factor_of_one_is_neutral():
    assert (
        arms.arm("gain(1.0)", "elman", "gaussian").initializer
        is arms.arm("none", "elman", "gaussian").initializer
    )


def test_a_start_that_depends_on_the_cell_is_made_for_it(key):
    class Tuned:
        def for_cell(self, *given):
            return lambda key, n: jnp.full((n, n), float(given[-1]))

        def __call__(self, key, n):
            raise AssertionError("drawn before it was made for the cell")

    asked = Training("latch", T=(4,), hidden=3, lr=(0.1,))
    arm = arms.arm("gain(2)", "elman", "gaussian")
    arm = arm._replace(initializer=gain(factor=2.0).init(Tuned()))
    made = work.ready(asked, arm, work.setting_of(asked, arm, 4, 3))
    np.testing.assert_array_equal(made.initializer(key, 3), 6.0)


def test_a_cell_without_a_gain_is_refused():
    with pytest.raises(
        GradlabError, match="needs a cell whose recurrent weights have a gain; lru is not one"
    ):
        arms.arm("lru+gain(1.5)", "elman", "gaussian")


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_factor_is_positive(factor):
    with pytest.raises(ValueError, match="must be positive and finite"):
        gain(factor=factor)
