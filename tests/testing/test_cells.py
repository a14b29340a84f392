"""The contracts that ship: somebody's right cell keeps them, and each is broken by a cell that breaks it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import testing
from tests.members import told


class Params(NamedTuple):
    w_rec: jax.Array
    w_in: jax.Array


class Mine:
    """A cell of another package: `init` and `step`, and nothing inherited."""

    def init(self, key, d_in, d_hidden, w_rec, initializer):
        a, b = jax.random.split(key)
        params = Params(w_rec * initializer(a, d_hidden), jax.random.normal(b, (d_hidden, d_in), float))
        return params, jnp.zeros(d_hidden, float)

    def step(self, params, state, x):
        return jnp.tanh(params.w_rec @ state + params.w_in @ x)

    def recurrent(self, params):
        return params.w_rec

    def readout(self, state):
        return state

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return 1


def test_a_right_cell_keeps_them():
    testing.check_cell(Mine())
    names = [repr(check) for check in testing.cell_checks(Mine())]
    held = [contract.__name__ for contract in testing.CELL]
    assert names == [*held, "jacobian_is_that_of_differences"]
    assert [repr(check) for check in testing.cell_checks(Declared())] == held


class Narrow(Mine):
    def init(self, *given):
        return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), super().init(*given))


class Wider(Mine):
    def step(self, params, state, x):
        return super().step(params, state, x).astype(jnp.float32)


class Offset(Mine):
    def init(self, key, d_in, d_hidden, w_rec, initializer):
        params, state = super().init(key, d_in, d_hidden, w_rec, initializer)
        return params._replace(w_rec=params.w_rec + 1), state


class Deaf(Mine):
    def step(self, params, state, x):
        return jnp.tanh(params.w_rec @ state + jax.lax.stop_gradient(params.w_in) @ x)


@jax.custom_jvp
def bent(x):
    return jnp.tanh(x)


@bent.defjvp
def _(primals, tangents):
    return bent(*primals), 0 * tangents[0]


class Forgetful(Mine):
    def step(self, params, state, x):
        return bent(params.w_rec @ state) + params.w_in @ x + 0 * params.w_rec.sum()


class Stopped(Mine):
    def step(self, params, state, x):
        return super().step(params, state, x) + 0.5 * jax.lax.stop_gradient(state)


class Declared(Stopped):
    surrogate = True


class Singular(Mine):
    def __hash__(self):
        return id(self)

    def __eq__(self, other):
        return self is other


class Misnamed(Mine):
    fixed = ("w_out",)


class Keyless(Mine):
    def init(self, key, *rest):
        return super().init(jax.random.key(0), *rest)


class HalfKeyless(Mine):
    def init(self, key, d_in, d_hidden, w_rec, initializer):
        params, state = super().init(jax.random.key(0), d_in, d_hidden, w_rec, initializer)
        return params._replace(w_rec=w_rec * initializer(key, d_hidden)), state


class Unseeded(Mine):
    def init(self, key, *rest):
        params, state = super().init(key, *rest)
        return params._replace(w_in=params.w_in * np.random.default_rng().standard_normal()), state


@pytest.mark.parametrize(
    ("cell", "contract", "said"),
    [
        (Narrow, "starts_in_the_widest_dtype_with_named_parts", "float32"),
        (Keyless, "a_key_draws_the_weights", "two keys draw the same recurrent weights"),
        (HalfKeyless, "a_key_draws_the_weights", "two keys draw the same parameters beside"),
        (Unseeded, "a_key_draws_the_weights", "one key draws two networks"),
        (Wider, "step_keeps_shapes_and_dtypes", "step changes"),
        (Offset, "w_rec_is_the_gain", "w_rec"),
        (Deaf, "gradient_reaches_every_parameter", "w_in"),
        (Forgetful, "forward_and_reverse_jacobians_agree", "does not depend"),
        (Stopped, "jacobian_is_that_of_differences", "entries are off by up to 0.5"),
        (Singular, "a_second_step_compiles_nothing", "traced"),
        (Misnamed, "declared_names_exist", "w_out"),
    ],
)
def test_a_cell_that_breaks_one_is_told(cell, contract, said):
    assert said in told(testing.cell_checks(cell()), contract)
