"""Of a state of 4096 numbers the transport has the singular values of its blocks, and LAPACK's."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from tests.probes.networks import measured, network

LINEAR = "elman(activation=identity)"


def rotated(diagonal, above, v):
    """Q B Q^T with Q = 1 - 2 v v^T: B has `diagonal`, and `above` it in blocks of two."""
    n = len(diagonal)
    blocks = np.diag(diagonal)
    blocks[np.arange(0, n, 2), np.arange(1, n, 2)] = above
    blocks -= 2 * np.outer(v, v @ blocks)
    return blocks - 2 * np.outer(blocks @ v, v)


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_of_4096_numbers_the_largest_singular_value_is_that_of_its_blocks(precision):
    """2048 blocks ((a, c), (0, b)) in a basis that mixes all: the powers' singular values are the blocks'.

    All lie close together, and the greatest by far from alone: the hardest for a Lanczos method.
    """
    n, T, rng = 4096, 6, np.random.default_rng(4)
    diagonal, above = rng.uniform(0.9, 1.0, n), rng.uniform(0, 0.5, n // 2)
    v = rng.standard_normal(n)
    matrix = rotated(diagonal, above, v / np.linalg.norm(v))
    found = power_norms(matrix.astype(precision), T)
    blocks = np.zeros((n // 2, 2, 2))
    blocks[:, 0, 0], blocks[:, 1, 1], blocks[:, 0, 1] = diagonal[::2], diagonal[1::2], above
    power = np.broadcast_to(np.eye(2), blocks.shape)
    for lag in range(T + 1):
        exact = np.linalg.norm(power, 2, axis=(1, 2)).max()
        assert found[lag] == pytest.approx(exact, rel=0.01 if precision == "float32" else 0.001)
        power = power @ blocks


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_of_4096_numbers_in_a_dense_network_it_is_lapacks(precision):
    n, T = 4096, 2
    matrix = (np.random.default_rng(5).standard_normal((n, n)) / math.sqrt(n)).astype(precision)
    found = power_norms(matrix, T)
    power = np.eye(n)
    for lag in range(T + 1):
        # The norm of a square is that of its Gram matrix: LAPACK's greatest eigenvalue alone.
        gram = power @ power.T
        (top,) = scipy.linalg.eigvalsh(gram, subset_by_index=[n - 1, n - 1])
        assert found[lag] == pytest.approx(math.sqrt(top), rel=0.01 if precision == "float32" else 0.001)
        power = power @ matrix.astype(np.float64)


def power_norms(matrix, T):
    """The largest singular values of the powers 0..T, as gradlab finds them; none is left out."""
    n, dtype = len(matrix), matrix.dtype
    net = network(LINEAR, T, n=2, d=1, dtype=dtype, bias=0)
    params = net.params._replace(
        w_rec=jnp.asarray(matrix), w_in=jnp.zeros((n, 1), dtype), b=jnp.zeros(n, dtype)
    )
    still = net.state._replace(h=jnp.zeros(n, dtype))
    return 10 ** measured(net._replace(params=params, state=still), "transport")["transport"][:, 0]
