import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import arms


@pytest.mark.parametrize("text", ["lstm(forget_bias=2.0)", "cell(lstm(forget_bias=2.0))"])
def test_the_named_cell_is_trained(text):
    arm = arms.arm(text, "elman", "gaussian")
    assert arm.cell == registry.make("cells", "lstm(forget_bias=2.0)")
    assert not arm.closed_form


def test_whatever_replaces_the_cell_comes_before_what_changes_it():
    for text in ("forget_bias(2.0)+lstm", "lstm+forget_bias(2.0)"):
        assert arms.arm(text, "elman", "gaussian").cell == registry.make("cells", "lstm(forget_bias=2.0)")


def test_a_reservoir_is_fitted_in_closed_form():
    assert arms.arm("esn", "elman", "gaussian").closed_form
    assert arms.arm("esn+spectral", "elman", "gaussian").closed_form
    assert not arms.arm("esn+layer_norm", "elman", "gaussian").closed_form


def test_no_such_cell():
    with pytest.raises(GradlabError, match="did you mean lstm"):
        arms.arm("cell(lstmm)", "elman", "gaussian")
