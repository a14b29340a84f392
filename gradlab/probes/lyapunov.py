"""The Lyapunov spectrum of the driven system, with its history and its sum rule."""

import fractions
import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float

from gradlab.recurrence.forward import Product, log_of, one, times, with_jacobian
from gradlab.recurrence.scan import scan
from gradlab.types import ProbeContext, Step

AXES = {
    "lyapunov": ("index",),
    "lyapunov_history": ("step", "index"),
    "lyapunov_sum": ("step",),
    "lyapunov_at_rest": (),
    "log_determinant": ("step",),
}
FACTS = {
    "lyapunov": {
        "meaning": "Exponent of the driven system, the greatest first",
        "unit": "nats per step",
    },
    "lyapunov_history": {
        "meaning": "The exponents as the mean over the steps so far",
        "unit": "nats per step",
        "heading": "history",
    },
    "lyapunov_sum": {
        "meaning": "Sum of the exponents as the mean over the steps so far",
        "unit": "nats per step",
        "heading": "sum",
    },
    "lyapunov_at_rest": {
        "meaning": "1 where the state never moved, so that the exponents are those of a fixed point",
        "heading": "at rest",
    },
    "log_determinant": {
        "meaning": "Mean over the steps so far of ln |det| of the Jacobian, which lyapunov_sum must be",
        "unit": "nats per step",
        "heading": "ln det",
    },
}
AT_REST = "of the fixed point that every state stays at, not of an attractor; start=random starts elsewhere"
"""What the exponents are of, where no state ever leaves the initial one."""


class Leading(NamedTuple):
    """Natural logs per step; -inf where a product is 0, NaN where it is `hidden`."""

    lyapunov: Float[Array, " index"]
    """The mean over the steps after the warm-up, the greatest first."""
    lyapunov_history: Float[Array, "step index"]
    """The mean over steps 1..t, for each t, in the order of `lyapunov`."""
    lyapunov_sum: Float[Array, " step"]
    """The sum of the exponents of `lyapunov_history`."""
    lyapunov_at_rest: Float[Array, ""]
    """1 where no step moved the state: the exponents are those of a fixed point. Else 0."""
    hidden: dict[str, Bool[Array, "..."]]
    """Where rounding hides an exponent, and the sum that it belongs to."""


class Columns(NamedTuple):
    """`Leading` for the whole spectrum, and what its sum must be."""

    lyapunov: Float[Array, " index"]
    lyapunov_history: Float[Array, "step index"]
    lyapunov_sum: Float[Array, " step"]
    lyapunov_at_rest: Float[Array, ""]
    log_determinant: Float[Array, " step"]
    """The mean of ln |det D| over steps 1..t: the sum rule says that it is `lyapunov_sum`."""
    hidden: dict[str, Bool[Array, "..."]]


def check(*, top: int = 0, warm_up: float = 0.1, start: str = "given", seed: int = 0) -> None:
    """Raise ValueError for settings that are not possible."""
    if top < 0:
        raise ValueError(f"top={top} must be 0 (all exponents) or more")
    if warm_up < 0 or (warm_up >= 1 and not float(warm_up).is_integer()):
        raise ValueError(
            f"warm_up={warm_up} must be a share of the steps below 1, or a whole number of steps"
        )
    if seed < 0:
        raise ValueError(f"seed={seed} must not be negative")
    del start


def shortest(units: int, *, warm_up: float = 0.1, **_: Any) -> dict[str, int]:
    """The least T that a column has a value at: one step after the warm-up."""
    return {"lyapunov": 1 + math.floor(warm_up)}


def lyapunov(
    step: Step,
    params: Any,
    state: Any,
    xs: Any,
    setup: ProbeContext,
    *,
    top: int = 0,
    warm_up: float = 0.1,
    start: Literal["given", "random"] = "given",
    seed: int = 0,
) -> Leading | Columns:
    """The exponents of the sequence's own trajectory, the greatest first, by QR.

    D_t Q_{t-1} = Q_t R_t,   exponent i = mean over t of ln |R_t[i, i]|,   D_t = dstate_t/dstate_{t-1}

    Q_0 is a fixed random orthogonal matrix, so that no frame is trapped in an invariant subspace. The
    products of the R_t[i, i] are kept as numbers and exponents: no logarithm is summed. One is `hidden`, and
    NaN, from the step on that shrinks its direction by more than 1 / (S eps) against the one stretched most.

    top: only so many, the greatest: Q_t has as many columns, pushed through the step by forward mode, at the
        price of so many steps; there is no sum rule then. 0: all, from the whole Jacobian.
    warm_up: left out of `lyapunov`, since the frame turns into place: a share of the steps, or from 1 on a
        number of them. Where it leaves none, the exponents are undefined.
    start: `given` starts where the cell does. Without input that is often a fixed point, and the exponents
        are its own: `lyapunov_at_rest` is then 1. `random` draws the state from N(0, 1), by `seed`; what it
        takes to reach the attractor belongs into the warm-up.

    Reference: Benettin, Galgani, Giorgilli, Strelcyn 1980, Lyapunov characteristic exponents for smooth
    dynamical systems and for Hamiltonian systems; Engelken, Wolf, Abbott 2023, Lyapunov spectra of chaotic
    recurrent neural networks.
    """
    check(top=top, warm_up=warm_up, start=start, seed=seed)
    state = _drawn(state, seed) if start == "random" else state
    flat, _ = ravel_pytree(state)
    size, dtype = flat.size, flat.dtype
    count = min(top, size) or size
    tolerance = size * float(np.finfo(dtype).eps)
    first = jax.tree.map(lambda leaf: leaf[0], xs)
    push = (_by_jacobian if count == size else _by_tangents)(step, params, state, first)

    def body(carry: tuple[Any, ...], x: Any, t: Any) -> tuple[Any, Any]:
        state, frame, known, grown, volume, still = carry
        after, pushed, shrinks = push(state, x, frame)
        still &= (ravel_pytree(after)[0] == ravel_pytree(state)[0]).all()
        frame, triangle = jnp.linalg.qr(pushed)
        stretch = jnp.abs(jnp.diagonal(triangle))
        known &= (stretch > tolerance * stretch.max()) | (stretch.max() == 0)
        grown, volume = times(grown, stretch), times(volume, shrinks)
        steps, total = jnp.asarray(t, dtype), log_of(grown)
        # What is not finite hides nothing.
        hidden = ~known & ~jnp.isnan(total)
        seen = jnp.where(known, total / steps, jnp.nan), hidden, _log_total(volume) / steps
        return (after, frame, known, grown, volume, still), seen

    frame = jnp.asarray(_frame(size)[:, :count], dtype)
    begin = state, frame, jnp.ones(count, bool), one((count,), dtype), one((count,), dtype), jnp.array(True)
    end, (history, hidden, log_determinant) = scan(body, begin, xs, setup.length)
    length = jnp.asarray(setup.length, jnp.int32)
    before = _warm(length, warm_up)
    late = _late(history, length, before)
    # NaN, an exponent that is not known, goes last.
    order = jnp.argsort(-late)
    late, history, hidden = late[order], history[:, order], hidden[:, order]
    marks = {
        "lyapunov": hidden[length - 1] & (before < length),
        "lyapunov_history": hidden,
        "lyapunov_sum": hidden.any(axis=1),
    }
    found = late, history, history.sum(axis=1), end[-1].astype(dtype)
    return Columns(*found, log_determinant, marks) if count == size else Leading(*found, marks)


def notes(norms: Any) -> dict[str, str]:
    """What must be read beside a column, by its name."""
    share = norms["lyapunov_at_rest"].values
    if not (share > 0).any():
        return {}
    which = "" if (share == 1).all() else ", where lyapunov_at_rest is above 0"
    return dict.fromkeys(("lyapunov", "lyapunov_history"), AT_REST + which)


Push = Callable[[Any, Any, Any], tuple[Any, Any, Any]]
"""`(state, x, Q) -> (next state, D Q, factors of det D)`; the factors are 1 where D is not formed."""


def _by_jacobian(step: Step, params: Any, state: Any, x: Any) -> Push:
    advance = with_jacobian(step, params, state, x)

    def push(state: Any, x: Any, frame: Any) -> tuple[Any, Any, Any]:
        after, jacobian = advance(state, x)
        # Pivots of the LU decomposition: a determinant that has seen nothing of the frame.
        return after, jacobian @ frame, jnp.diagonal(jax.lax.linalg.lu(jacobian)[0])

    return push


def _by_tangents(step: Step, params: Any, state: Any, x: Any) -> Push:
    """By forward mode; where the step has none, a gradient of its own, by rows of the Jacobian."""
    _, unravel = ravel_pytree(state)

    def push(state: Any, x: Any, frame: Any) -> tuple[Any, Any, Any]:
        def along(column: Any) -> tuple[Any, Any]:
            after, tangent = jax.jvp(lambda s: step(params, s, x), (state,), (unravel(column),))
            return after, ravel_pytree(tangent)[0]

        after, pushed = jax.vmap(along, in_axes=1, out_axes=(None, 1))(frame)
        return after, pushed, jnp.ones(frame.shape[1], frame.dtype)

    try:
        flat = ravel_pytree(state)[0]
        jax.eval_shape(push, state, x, flat[:, None])
    except TypeError:
        advance = with_jacobian(step, params, state, x)

        def push(state: Any, x: Any, frame: Any) -> tuple[Any, Any, Any]:
            after, jacobian = advance(state, x)
            return after, jacobian @ frame, jnp.ones(frame.shape[1], frame.dtype)

    return push


def _drawn(state: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)

    def draw(leaf: Any) -> Any:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf
        return jnp.asarray(rng.standard_normal(leaf.shape), leaf.dtype)

    return jax.tree.map(draw, state)


def _frame(size: int) -> Any:
    return np.linalg.qr(np.random.default_rng(0).standard_normal((size, size)))[0]


def _log_total(product: Product) -> Float[Array, ""]:
    """The log of the product of all entries; the exponents are added as integers."""
    whole = log_of(Product(product.value, jnp.zeros_like(product.exponent))).sum()
    dtype = product.value.dtype
    return whole + jnp.log(jnp.asarray(2, dtype)) * product.exponent.sum().astype(dtype)


def _warm(length: Any, warm_up: float) -> Any:
    """The steps of the warm-up."""
    share = fractions.Fraction(warm_up).limit_denominator(1000)
    # Halves of the product, so that no length is too long for int32.
    whole, rest = length // share.denominator, length % share.denominator
    before = whole * share.numerator + rest * share.numerator // share.denominator
    return before if warm_up < 1 else jnp.asarray(min(math.floor(warm_up), 2**30), jnp.int32)


def _late(history: Float[Array, "step index"], length: Any, before: Any) -> Float[Array, " index"]:
    """The mean over the steps after the warm-up; NaN where that leaves none."""
    steps, early = length.astype(history.dtype), before.astype(history.dtype)
    total = history[length - 1]
    # Nothing to take off without a warm-up; and an exact zero stays one, whenever it came.
    taken = jnp.where((before > 0) & jnp.isfinite(total), history[jnp.maximum(before, 1) - 1] * early, 0)
    mean: Float[Array, " index"] = (total * steps - taken) / jnp.maximum(steps - early, 1)
    return jnp.where(before < length, mean, jnp.nan)
