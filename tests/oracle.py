"""A 50-digit backward pass, written by hand for each cell.

The Jacobians are taken at the states that gradlab stored, converted exactly; nothing here is differentiated
automatically and nothing underflows (an mpf's exponent is unbounded). Small N only: pure Python.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from mpmath import mp, mpf

DIGITS = 50
Vector = list[mpf]
Parts = dict[str, Vector]
Used = list[tuple[Vector, Vector]]
"""Pairs (delta, source): the gradient of each recurrent matrix from one step is their outer product."""
Pull = Callable[[Parts], tuple[Parts, Used]]
"""Cotangent of a step's result -> that of the state before it, and what the recurrent matrices receive."""


class Norms(NamedTuple):
    """Exact norms by lag: `[0]` is the last step, `[T]` the initial state."""

    whole: list[mpf]
    parts: dict[str, list[mpf]]
    weight: list[mpf]
    """||part of dL/dW_rec from step T - lag||, all gates together; T entries."""


class Transport(NamedTuple):
    """Norms of dstate_T/dstate_t by lag, 0..T."""

    frobenius: list[mpf]
    largest: list[mpf]


def trajectory(step: Callable[..., Any], params: Any, state: Any, xs: Any) -> Any:
    """The states 0..T that gradlab's own step visits, stacked along a leading axis."""

    def body(state: Any, x: Any) -> tuple[Any, Any]:
        state = step(params, state, x)
        return state, state

    _, states = jax.jit(lambda s, x: jax.lax.scan(body, s, x))(state, xs)
    return jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), state, states)


def adjoint(cell: Any, params: Any, states: Any, xs: Any, cotangent: Any) -> Norms:
    """Norms of dL/dstate_t and of the weight gradient by lag, for dL/dstate_T = `cotangent`.

    Args:
        cell: an Elman, LSTM, GRU or ESN; only its settings are read.
        params: its Params.
        states: its State with a leading axis 0..T (see `trajectory`).
        xs: inputs, T x D; `xs[t]` takes state t to state t + 1.
        cotangent: a State.
    """
    with mp.workdps(DIGITS):
        g = _parts(cotangent)
        found = Norms([_norm(*g.values())], {name: [_norm(g[name])] for name in g}, [])
        for pull in _backward(cell, params, states, xs):
            g, used = pull(g)
            found.whole.append(_norm(*g.values()))
            for name in g:
                found.parts[name].append(_norm(g[name]))
            found.weight.append(mp.sqrt(sum(_norm(d) ** 2 * _norm(s) ** 2 for d, s in used)))
        return found


def transport(cell: Any, params: Any, states: Any, xs: Any) -> Transport:
    """Frobenius norm and largest singular value of dstate_T/dstate_t by lag; arguments as in `adjoint`."""
    with mp.workdps(DIGITS):
        sizes = {name: leaf.shape[-1] for name, leaf in states._asdict().items()}
        rows = [
            {name: [mpf(name == row and i == j) for j in range(sizes[name])] for name in sizes}
            for row in sizes
            for i in range(sizes[row])
        ]
        found = Transport([], [])
        _record(found, rows)
        for pull in _backward(cell, params, states, xs):
            rows = [pull(row)[0] for row in rows]
            _record(found, rows)
        return found


def relative(found: Sequence[Any], exact: Sequence[mpf]) -> float:
    """The largest relative error of plain numbers against exact ones; an exact 0 must be met exactly."""
    with mp.workdps(DIGITS):
        return _worst([mpf(float(f)) for f in found], exact)


def relative_log10(found: Sequence[Any], exact: Sequence[mpf]) -> float:
    """The same for numbers given by their log10, which may lie far outside float64."""
    with mp.workdps(DIGITS):
        return _worst([10 ** mpf(float(f)) for f in found], exact)


def _worst(found: Sequence[mpf], exact: Sequence[mpf]) -> float:
    assert len(found) == len(exact)
    errors = [abs(f / e - 1) if e else mpf("inf" if f else 0) for f, e in zip(found, exact, strict=True)]
    return float(max(errors))


def _record(found: Transport, rows: list[Parts]) -> None:
    flat = [[value for part in row.values() for value in part] for row in rows]
    found.frobenius.append(_norm(*flat))
    # The largest singular value is well conditioned: float64 gives it to 1e-15 once its size is taken out.
    size = found.frobenius[-1]
    scaled = np.array([[float(value / size) if size else 0.0 for value in row] for row in flat])
    found.largest.append(size * mpf(float(np.linalg.norm(scaled, 2))))


def _backward(cell: Any, params: Any, states: Any, xs: Any) -> Iterator[Pull]:
    make = {"Elman": _elman, "ESN": _esn, "LSTM": _lstm, "GRU": _gru}[type(cell).__name__]
    pull_at = make(cell, params)
    states = jax.tree.map(np.asarray, states)
    xs = np.asarray(xs)
    for t in reversed(range(len(xs))):
        yield pull_at(_parts(jax.tree.map(lambda leaf, t=t: leaf[t], states)), _vector(xs[t]))


def _elman(cell: Any, params: Any) -> Callable[[Parts, Vector], Pull]:
    given, w = _given(params)
    slope = {
        "tanh": lambda a: _tanh(a)[1],
        "sigmoid": lambda a: _sigmoid(a)[1],
        "relu": lambda a: mpf(a > 0),
        "identity": lambda a: mpf(1),
    }[cell.activation]

    def at(state: Parts, x: Vector) -> Pull:
        h = state["h"]
        slopes = [slope(a) for a in _add(given(x), _times(w, h))]

        def pull(g: Parts) -> tuple[Parts, Used]:
            delta = _mul(g["h"], slopes)
            return {"h": _times_transposed(w, delta)}, [(delta, h)]

        return pull

    return at


def _esn(cell: Any, params: Any) -> Callable[[Parts, Vector], Pull]:
    given, w = _given(params)
    dtype = np.asarray(params.w_rec).dtype.type
    leak, stay = mpf(float(dtype(cell.leak))), mpf(float(dtype(1 - cell.leak)))

    def at(state: Parts, x: Vector) -> Pull:
        h = state["h"]
        slopes = [leak * _tanh(a)[1] for a in _add(given(x), _times(w, h))]

        def pull(g: Parts) -> tuple[Parts, Used]:
            delta = _mul(g["h"], slopes)
            return {"h": _add([stay * v for v in g["h"]], _times_transposed(w, delta))}, [(delta, h)]

        return pull

    return at


def _lstm(cell: Any, params: Any) -> Callable[[Parts, Vector], Pull]:
    gates = [_given(params, k) for k in range(4)]
    functions = [_sigmoid, _sigmoid, _tanh, _sigmoid]

    def at(state: Parts, x: Vector) -> Pull:
        h, c = state["h"], state["c"]
        (i, di), (f, df), (g, dg), (o, do) = (
            _both(function, _add(given(x), _times(w, h)))
            for function, (given, w) in zip(functions, gates, strict=True)
        )
        tanh_c, slope_c = _both(_tanh, _add(_mul(f, c), _mul(i, g)))

        def pull(bar: Parts) -> tuple[Parts, Used]:
            to_c = _add(bar["c"], _mul(bar["h"], o, slope_c))
            deltas = [
                _mul(to_c, g, di),
                _mul(to_c, c, df),
                _mul(to_c, i, dg),
                _mul(bar["h"], tanh_c, do),
            ]
            to_h = [_times_transposed(w, delta) for (_, w), delta in zip(gates, deltas, strict=True)]
            return {"h": _add(*to_h), "c": _mul(to_c, f)}, [(delta, h) for delta in deltas]

        return pull

    return at


def _gru(cell: Any, params: Any) -> Callable[[Parts, Vector], Pull]:
    (given_r, w_r), (given_z, w_z), (given_n, w_n) = (_given(params, k) for k in range(3))
    before = cell.reset == "before"

    def at(state: Parts, x: Vector) -> Pull:
        h = state["h"]
        r, slope_r = _both(_sigmoid, _add(given_r(x), _times(w_r, h)))
        a_z = _add(given_z(x), _times(w_z, h))
        z, slope_z = _both(_sigmoid, a_z)
        write = [_sigmoid(-a)[0] for a in a_z]
        inner = _times(w_n, h)
        a_n = _times(w_n, _mul(r, h)) if before else _mul(r, inner)
        n, slope_n = _both(_tanh, _add(given_n(x), a_n))
        off = [u - v for u, v in zip(h, n, strict=True)]

        def pull(g: Parts) -> tuple[Parts, Used]:
            delta_n = _mul(g["h"], write, slope_n)
            delta_z = _mul(g["h"], off, slope_z)
            if before:
                back = _times_transposed(w_n, delta_n)
                delta_r = _mul(back, h, slope_r)
                through, used = _mul(back, r), (delta_n, _mul(r, h))
            else:
                delta_r = _mul(delta_n, inner, slope_r)
                through, used = _times_transposed(w_n, _mul(delta_n, r)), (_mul(delta_n, r), h)
            to_h = _add(
                _mul(g["h"], z), through, _times_transposed(w_r, delta_r), _times_transposed(w_z, delta_z)
            )
            return {"h": to_h}, [(delta_r, h), (delta_z, h), used]

        return pull

    return at


class _Matrix(NamedTuple):
    rows: list[Vector]
    columns: list[Vector]


def _given(params: Any, gate: int | None = None) -> tuple[Callable[[Vector], Vector], _Matrix]:
    """`x -> W_in x + b` and the recurrent matrix, of one gate."""
    w_in, w_rec, b = (np.asarray(leaf) if gate is None else np.asarray(leaf)[gate] for leaf in params)
    w_in, bias = _matrix(w_in), _vector(b)
    return lambda x: _add(_times(w_in, x), bias), _matrix(w_rec)


def _matrix(a: Any) -> _Matrix:
    return _Matrix([_vector(row) for row in a], [_vector(column) for column in a.T])


def _vector(a: Any) -> Vector:
    return [mpf(float(value)) for value in a]


def _parts(state: Any) -> Parts:
    return {name: _vector(leaf) for name, leaf in state._asdict().items()}


def _times(w: _Matrix, v: Vector) -> Vector:
    return [mp.fdot(row, v) for row in w.rows]


def _times_transposed(w: _Matrix, v: Vector) -> Vector:
    return [mp.fdot(column, v) for column in w.columns]


def _add(*vectors: Vector) -> Vector:
    return [mp.fsum(values) for values in zip(*vectors, strict=True)]


def _mul(*vectors: Vector) -> Vector:
    return [mp.fprod(values) for values in zip(*vectors, strict=True)]


def _norm(*vectors: Vector) -> mpf:
    return mp.sqrt(mp.fsum((value for v in vectors for value in v), squared=True))


def _both(function: Callable[[mpf], tuple[mpf, mpf]], v: Vector) -> tuple[Vector, Vector]:
    pairs = [function(a) for a in v]
    return [p[0] for p in pairs], [p[1] for p in pairs]


def _sigmoid(a: mpf) -> tuple[mpf, mpf]:
    """Value and derivative, each free of cancellation."""
    e = mp.exp(-abs(a))
    return (1 if a >= 0 else e) / (1 + e), e / (1 + e) ** 2


def _tanh(a: mpf) -> tuple[mpf, mpf]:
    e = mp.exp(-2 * abs(a))
    return mp.tanh(a), 4 * e / (1 + e) ** 2
