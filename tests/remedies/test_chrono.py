import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.remedies.chrono import chrono
from gradlab.studies.remedies import arms
from gradlab.testing import gaussian


def test_time_scales_are_uniform_up_to_the_longest(key):
    longest, n = 100.0, 4000
    cell = arms.arm(f"chrono({longest})", "lstm", "gaussian").cell
    biases = np.asarray(cell.init(key, 1, n, 1.0, lambda key, n: gaussian(key, 1) + np.zeros((1, 1)))[0].b)
    kept, written = (biases[cell.gates.index(name)] for name in "fi")
    np.testing.assert_array_equal(written, -kept)
    scales = 1 + np.exp(kept)
    np.testing.assert_allclose(1 / (1 - 1 / (1 + np.exp(-kept))), scales, rtol=1e-10)
    assert 2 <= scales.min() < 2.2 < 99.8 < scales.max() <= longest
    assert np.abs(np.sort(scales) - np.linspace(2, longest, n)).max() < 0.03 * longest
    # Integrated over the time scales 1 / (1 - f), f^longest is exp(-1/x) over [0, 1] in the limit.
    assert np.mean((1 - 1 / scales) ** longest) == pytest.approx(0.149, abs=0.01)


def test_a_cell_without_gates_is_refused():
    with pytest.raises(GradlabError, match="needs a cell with a setting chrono; elman is not one"):
        arms.arm("chrono", "elman", "gaussian")


@pytest.mark.parametrize("longest", [2.0, -5.0, float("inf")])
def test_longest_is_more_than_2_steps(longest):
    with pytest.raises(ValueError, match=f"longest={longest} must be"):
        chrono(longest=longest)
