import jax
import numpy as np
import pytest

from gradlab import registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import arms, loop
from gradlab.testing import gaussian
from tests.remedies.training import remedy, setting, untrained


@pytest.mark.parametrize("limit", [0.3, 1.0, 50.0])
def test_each_gate_s_matrix_is_shortened_alone_and_no_further(limit, key):
    cell = registry.make("cells", "lstm")
    params, _ = cell.init(key, 2, 6, 1.7, gaussian)
    found = remedy(f"spectral_norm(limit={limit})").project(params)
    for gate, old in zip(found.w_rec, params.w_rec, strict=True):
        size = np.linalg.svd(old, compute_uv=False)[0]
        np.testing.assert_allclose(gate, np.asarray(old) * min(1, limit / size), rtol=1e-12)
    jax.tree.map(np.testing.assert_array_equal, found._replace(w_rec=0), params._replace(w_rec=0))


def test_it_holds_after_every_update():
    of = setting(remedy("spectral_norm(limit=0.9)"), "elman")
    one = untrained(of, rate=0.5)
    for _ in range(5):
        one, _ = jax.jit(loop.update, static_argnums=0)(of, one)
        assert np.linalg.norm(one.weights.cell.w_rec, 2) <= 0.9 * (1 + 1e-12)


def test_a_cell_without_a_matrix_is_refused():
    made = arms.arm("spectral_norm", "indrnn", "gaussian")
    with pytest.raises(ValueError, match="needs a cell with recurrent matrices w_rec"):
        loop.try_out(setting(made.remedy, made.cell), learn=True)


def test_with_a_reservoir_it_has_nothing_to_act_on():
    with pytest.raises(GradlabError, match="in closed form"):
        arms.arm("esn+spectral_norm", "elman", "gaussian")


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_the_limit_is_positive_and_finite(limit):
    from gradlab.remedies.spectral_norm import spectral_norm

    with pytest.raises(ValueError, match="must be positive and finite"):
        spectral_norm(limit=limit)
