"""What every member of a kind must do; names no member."""

import inspect
from collections import Counter
from typing import Literal, get_args, get_origin, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry, testing
from gradlab.testing import D, N, gaussian, named, orthogonal

DTYPES = [jnp.float32, jnp.float64]


def specs(kind):
    """Every member as it comes, and with each value that a setting of a few named values can take."""
    found = []
    for name in registry.names(kind):
        factory = registry.member(kind, name)
        hints = get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
        found.append(name)
        for setting in registry.settings(factory):
            if get_origin(hints[setting]) is Literal:
                found += [f"{name}({setting}={value})" for value in get_args(hints[setting])]
            if hints[setting] is bool:
                found += [f"{name}({setting}={value})" for value in ("true", "false")]
    return sorted({registry.label(kind, spec) for spec in found})


CHECKS = {f"{spec}-{check!r}": check for spec in specs("cells") for check in testing.cell_checks(spec)}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_cell_keeps_its_contract(check):
    check()


def test_every_contract_is_about_some_cell():
    judged = Counter(repr(check) for check in CHECKS.values())
    assert set(judged) == {name for name in vars(testing) if name in judged}
    assert min(judged[contract.__name__] for contract in testing.CELL) == len(specs("cells"))
    assert judged["gates_are_drawn_apart"] >= 15
    assert judged["declared_rate_is_measured"] >= 2


@pytest.mark.parametrize("spec", specs("cells"))
class TestCell:
    def test_input_weights_do_not_depend_on_the_initializer(self, spec, key):
        cell = registry.make("cells", spec)
        first, second = (named(cell.init(key, D, N, 1.0, start)[0]) for start in (gaussian, orthogonal))
        inputs = [name for name in first if name.split("/")[-1] == "w_in"]
        assert inputs
        for name in inputs:
            np.testing.assert_array_equal(first[name], second[name])

    def test_settings_round_trip(self, spec):
        cell = registry.make("cells", spec)
        assert registry.label("cells", spec) == spec
        again = registry.make("cells", registry.label("cells", spec))
        assert again == cell
        assert hash(again) == hash(cell)


@pytest.mark.parametrize("spec", specs("initializers"))
class TestInitializer:
    @pytest.mark.parametrize("n", [1, 2, 7])
    def test_shape_dtype_and_key(self, spec, n, key):
        draw = registry.make("initializers", spec)
        w = draw(key, n)
        assert (w.shape, w.dtype) == ((n, n), jnp.float64)
        assert np.isfinite(w).all()
        np.testing.assert_array_equal(w, draw(key, n))

    def test_float32_where_float64_is_off(self, spec, key):
        with jax.enable_x64(False):
            assert registry.make("initializers", spec)(key, 5).dtype == jnp.float32

    def test_vmap_equals_a_loop(self, spec, key):
        draw = registry.make("initializers", spec)
        keys = jax.random.split(key, 3)
        together = jax.jit(jax.vmap(lambda k: draw(k, 5)))(keys)
        for one, k in zip(together, keys, strict=True):
            np.testing.assert_allclose(one, draw(k, 5), rtol=1e-12, atol=1e-14)

    def test_settings_round_trip(self, spec):
        assert registry.label("initializers", spec) == spec
