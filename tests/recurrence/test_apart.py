"""What keeps units apart is told by its operations, against which entries of a Jacobian are not zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.recurrence.apart import keeps_apart

N = 4
C = jnp.arange(1.0, N + 1)
ROWS = jnp.arange(2.0 * N).reshape(2, N) + 1


def turned(h):
    z = jax.lax.complex(h[0], h[1]) * jax.lax.complex(jnp.cos(C), jnp.sin(C))
    return jnp.stack([jnp.real(z), jnp.imag(z)])


def shifted(h):
    return jax.lax.pad(h, 0.0, [(-1, 1, 0)])


PAIR, SQUARE, LINE = (2, N), (N, N), (N,)
APART = {
    "times": (lambda h: C * h + h / C - (-h), LINE),
    "nothing": (lambda h: 0 * C, LINE),
    "pair": (turned, PAIR),
    "sum over the pair": (lambda h: jnp.broadcast_to(h.sum(0), PAIR) * ROWS, PAIR),
    "exchanged": (lambda h: h[::-1] + ROWS * h[:1], PAIR),
    "there and back": (lambda h: (h.T * jnp.broadcast_to(C[:, None], (N, 2))).T, PAIR),
    "reshaped": (lambda h: (h.reshape(2, 1, N, 1) * 2).reshape(2, N), PAIR),
    "padded beside": (lambda h: jnp.pad(h[:1], ((0, 1), (0, 0))), PAIR),
    "in a program": (lambda h: jax.jit(lambda v: jnp.where(C > 2, v, 3 * v))(h), LINE),
    "square": (lambda h: h * jnp.ones(SQUARE), SQUARE),
}
TOGETHER = {
    "matrix": (lambda h: jnp.ones(SQUARE) @ h, LINE),
    "sum": (lambda h: h.sum() * C, LINE),
    "turned round": (lambda h: h[::-1], LINE),
    "rolled": (lambda h: jnp.roll(h, 1), LINE),
    "shifted": (shifted, LINE),
    "transposed": (lambda h: h.T, SQUARE),
    "cumulated": (jnp.cumsum, LINE),
    "one for all": (lambda h: jnp.broadcast_to(h[0], LINE), LINE),
    "one for all, by its axis": (lambda h: jnp.broadcast_to(h[:1], LINE), LINE),
    "halves exchanged": (lambda h: jnp.concatenate([h[2:], h[:2]]), LINE),
    "split": (lambda h: jnp.concatenate(jnp.split(h, 2)[::-1]), LINE),
    "picked": (lambda h: h[jnp.array([1, 0, 3, 2])], LINE),
    "reshaped": (lambda h: h.reshape(N, 2).T, PAIR),
    "reshaped across": (lambda h: h.T.reshape(2, N), PAIR),
    "rows and columns": (lambda h: h + h.T, SQUARE),
    "neighbours of a pair": (lambda h: jnp.stack([h[0], jnp.roll(h[1], 1)]), PAIR),
    "a loop": (lambda h: jax.lax.fori_loop(0, 3, lambda i, h: h[::-1] * 2, h), LINE),
}


def crosses(function, shape, units):
    """Whether an entry of the Jacobian leads from one unit to another one."""
    many = int(np.prod(units))
    slope = np.asarray(jax.jacobian(function)(jnp.zeros(shape))).reshape(
        -1, many, int(np.prod(shape)) // many, many
    )
    return bool(np.abs(np.moveaxis(slope, 2, 1)[..., ~np.eye(many, dtype=bool)]).any())


def units_of(shape):
    return shape if shape == SQUARE else (N,)


@pytest.mark.parametrize("name", APART)
def test_what_keeps_units_apart_is_found(name):
    function, shape = APART[name]
    assert not crosses(function, shape, units_of(shape))
    assert keeps_apart(function, jnp.zeros(shape), units_of(shape))


@pytest.mark.parametrize("name", TOGETHER)
def test_what_brings_units_together_is_not(name):
    function, shape = TOGETHER[name]
    assert crosses(function, shape, units_of(shape))
    assert not keeps_apart(function, jnp.zeros(shape), units_of(shape))


def test_units_on_another_axis_of_the_result_are_not_where_they_were():
    square = jnp.zeros((2, 2))
    assert keeps_apart(lambda h: 2 * h, square, (2,))
    assert not keeps_apart(lambda h: h.T, square, (2,))


@pytest.mark.parametrize("seed", range(40))
def test_of_random_programs_none_is_called_apart_that_is_not(seed):
    """Up to six operations in a row on two vectors of four; what is called apart has a Jacobian that is."""
    rng = np.random.default_rng(seed)
    moves = [
        lambda h: h * ROWS,
        lambda h: h[::-1],
        lambda h: h[:, ::-1],
        lambda h: jnp.roll(h, 2, axis=1),
        lambda h: jnp.broadcast_to(h.sum(0), PAIR),
        lambda h: h.T.reshape(2, N),
        lambda h: h.reshape(N, 2).T,
        lambda h: jnp.stack(jnp.unstack(h)[::-1]),
        lambda h: jnp.concatenate([h[1:], h[:1] + h[1:]]),
        lambda h: jnp.pad(h[1:], ((1, 0), (0, 0))),
        lambda h: jax.lax.pad(h, 0.0, [(0, 0, 0), (1, -1, 0)]),
        turned,
    ]
    for _ in range(20):
        some = [moves[i] for i in rng.integers(len(moves), size=rng.integers(1, 7))]

        def function(h, some=some):
            for move in some:
                h = move(h)
            return h

        if keeps_apart(function, jnp.zeros(PAIR), (N,)):
            assert not crosses(function, PAIR, (N,))
