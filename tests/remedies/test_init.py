import numpy as np
import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import arms
from tests.remedies.training import equal, remedy, setting, untrained


@pytest.mark.parametrize("text", ["init(start=sparse_spectral)", "sparse_spectral"])
def test_the_named_start_is_used(text, key):
    start = arms.arm(text, "elman", "gaussian").initializer
    np.testing.assert_array_equal(start(key, 4), registry.make("initializers", "sparse_spectral")(key, 4))


def test_only_the_recurrent_matrix_of_a_network_changes():
    plain = setting()
    of = setting(remedy("init(orthogonal)"))
    found, other = untrained(of).weights, untrained(plain).weights
    w = np.asarray(found.cell.w_rec) / 1.3
    np.testing.assert_allclose(w.T @ w, np.eye(3), atol=1e-14)
    equal(found._replace(cell=found.cell._replace(w_rec=other.cell.w_rec)), other)


def test_settings_of_the_start_reach_it(key):
    start = arms.arm("scaled_identity(scale=0.25)", "elman", "gaussian").initializer
    np.testing.assert_array_equal(start(key, 3), 0.25 * np.eye(3))


def test_no_such_start():
    with pytest.raises(GradlabError, match="did you mean orthogonal"):
        arms.arm("init(start=orthogonall)", "elman", "gaussian")
