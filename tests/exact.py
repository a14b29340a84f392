"""Any cell against its equations, at 50 digits.

A cell's test writes one step of its equations once more, in NumPy, on object arrays of mpmath numbers:
`step(params, state, x) -> state` with the cell's own NamedTuples. The Jacobians come from central differences
of that step with h = 1e-40 at 120 digits, so they are exact to far more digits than float64 has, and share
no line with automatic differentiation.
"""

import jax
import numpy as np
from mpmath import mp, mpf

from tests import oracle
from tests.probes import networks

DIGITS, H = 120, "1e-40"


def of(function):
    """An mpmath function for arrays of mpmath numbers."""
    return lambda a: np.frompyfunc(function, 1, 1)(a)


tanh = of(mp.tanh)
sigmoid = of(lambda a: 1 / (1 + mp.exp(-a)))
relu = of(lambda a: a if a > 0 else mpf(0))


def exactly(tree):
    """The numbers of a tree as mpmath numbers, without rounding."""
    to = np.frompyfunc(lambda v: mpf(float(v)), 1, 1)
    return jax.tree.map(lambda leaf: np.asarray(to(np.asarray(leaf))), tree)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def jacobian(step, params, state, x):
    """dstep/dstate, rows the new state's numbers, columns the old one's, by central differences."""
    leaves, structure = jax.tree.flatten(state)
    columns = []
    for k, leaf in enumerate(leaves):
        for i in np.ndindex(leaf.shape):
            ends = []
            for sign in (1, -1):
                moved = leaf.copy()
                moved[i] = moved[i] + sign * mpf(H)
                near = structure.unflatten([*leaves[:k], moved, *leaves[k + 1 :]])
                ends.append(flat(step(params, near, x)))
            columns.append((ends[0] - ends[1]) / (2 * mpf(H)))
    return np.stack(columns, axis=1)


def assert_step(spec, step, *, n=3, d=2, T=8, w_rec=0.9, seed=0):
    """The cell's states are the equations', to 1e-12 in float64 and 1e-6 in float32."""
    for dtype, atol in ((np.float64, 1e-12), (np.float32, 1e-6)):
        net = networks.network(spec, T, n=n, d=d, w_rec=w_rec, seed=seed, dtype=dtype)
        states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs)
        with mp.workdps(DIGITS):
            params, state, xs = exactly((net.params, net.state, net.xs))
            for t, x in enumerate(xs):
                state = step(params, state, x)
                found = flat(jax.tree.map(lambda leaf, t=t: np.asarray(leaf[t + 1]), states))
                np.testing.assert_allclose(found.astype(float), flat(state).astype(float), rtol=0, atol=atol)


def assert_gradient(spec, step, *, n=3, d=2, T=40, w_rec=0.9, seed=0, rtol=1e-9):
    """The adjoint and the transport of the cell are those of the equations at every lag, float64."""
    net = networks.network(spec, T, n=n, d=d, w_rec=w_rec, seed=seed)
    found = networks.measured(net, "adjoint", "transport")
    states = oracle.trajectory(net.cell.step, net.params, net.state, net.xs)
    cotangent = networks.target(net)
    with mp.workdps(DIGITS):
        params, xs = exactly((net.params, net.xs))
        pulled = flat(exactly(cotangent))
        product = np.array([[mpf(i == j) for j in range(len(pulled))] for i in range(len(pulled))])
        adjoint, frobenius, largest = [], [], []
        for lag in range(T + 1):
            size = mp.sqrt(sum(v * v for v in product.ravel()))
            adjoint.append(mp.sqrt(sum(v * v for v in pulled)))
            frobenius.append(size)
            scaled = np.vectorize(lambda v, size=size: float(v / size) if size else 0.0)(product)
            largest.append(size * mpf(float(np.linalg.norm(scaled, 2))))
            if lag < T:
                t = T - lag
                before = exactly(jax.tree.map(lambda leaf, t=t: np.asarray(leaf[t - 1]), states))
                step_jacobian = jacobian(step, params, before, xs[t - 1])
                pulled, product = pulled @ step_jacobian, product @ step_jacobian
    whole = lambda name: np.asarray(found[name]).reshape(T + 1, -1)[:, 0]
    assert oracle.relative_log10(whole("adjoint"), adjoint) < rtol
    assert oracle.relative_log10(whole("transport_frobenius"), frobenius) < rtol
    assert oracle.relative_log10(whole("transport"), largest) < 1e-6


__all__ = ["assert_gradient", "assert_step", "jacobian", "relu", "sigmoid", "tanh"]
