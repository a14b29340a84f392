import jax
import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.remedies.forget_bias import forget_bias
from gradlab.studies.remedies import arms
from gradlab.testing import gaussian


@pytest.mark.parametrize("bias", [0.0, 2.5])
def test_the_forget_gate_starts_there_and_nothing_else_changes(bias, key):
    cell = arms.arm(f"forget_bias({bias})", "lstm", "gaussian").cell
    plain = arms.arm("none", "lstm", "gaussian").cell
    found, other = (c.init(key, 2, 3, 1.0, gaussian)[0] for c in (cell, plain))
    at = cell.gates.index("f")
    np.testing.assert_array_equal(found.b[at], bias)
    np.testing.assert_array_equal(np.delete(found.b, at, 0), np.delete(other.b, at, 0))
    jax.tree.map(np.testing.assert_array_equal, found._replace(b=other.b), other)


def test_the_cells_own_value_is_neutral():
    own = arms.arm("none", "lstm", "gaussian").cell
    assert arms.arm(f"forget_bias({own.forget_bias})", "lstm", "gaussian").cell == own


def test_a_cell_without_a_forget_gate_is_refused():
    with pytest.raises(GradlabError, match="needs a cell with a setting forget_bias; elman is not one"):
        arms.arm("forget_bias", "elman", "gaussian")


@pytest.mark.parametrize("bias", [float("nan"), float("inf")])
def test_bias_is_finite(bias):
    with pytest.raises(ValueError, match="must be finite"):
        forget_bias(bias=bias)
