"""An exploding error on its way back: as it is, truncated, clipped, and after descent on a penalty."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from gradlab import registry
from gradlab.lesson.measured import quick
from gradlab.recurrence import objectives
from gradlab.recurrence.scaled import log10_norm
from gradlab.studies.remedies import arms
from gradlab.studies.sweep.networks import stream
from gradlab.types import ProbeContext, Trajectory

INIT = "spectral"
"""Whose largest eigenvalue has the size 1 in every draw: at gain 1.2 the network explodes for every seed."""
SHORT, T, N, W_REC = 10, 50, 16, 1.2
"""Steps that truncation leaves, steps in all, units, gain."""
LIMIT = 0.5
"""Of clipping."""
PENALTY_RATE, PENALTY_STEPS, TARGETS = 0.02, 300, 8


def bent(seed: int) -> tuple[dict[str, tuple[float, ...]], float]:
    """log10 of the adjoint by lag under each remedy, and the factor of clipping by norm."""
    cell, initializer = (
        registry.make("cells", "elman(activation=identity)"),
        registry.make("initializers", INIT),
    )
    key = stream(seed, "lesson", chapter=4)
    params, state = cell.init(key, 1, N, W_REC, initializer)
    xs = jax.random.normal(jax.random.fold_in(key, 1), (T, 1), float)
    keys = jax.random.split(jax.random.fold_in(key, 2), TARGETS)
    targets = [objectives.draw_target("unit", k, state, cell.readout) for k in keys]
    cut = arms.arm(f"truncate(k={SHORT})", "elman", "gaussian").remedy.adjoint
    tamed = _penalised(cell)(params, state, xs, jax.tree.map(lambda *rows: jnp.stack(rows), *targets))
    plain, whole = _adjoint(cell, None)(params, state, xs, targets[0])
    shorter, _ = _adjoint(cell, cut)(params, state, xs, targets[0])
    turned, _ = _adjoint(cell, None)(tamed, state, xs, targets[0])
    logs = {"as it is": plain, "truncated": shorter, "penalty": turned}
    found = {name: tuple(log10_norm(norm)[: T + 1, 0].tolist()) for name, norm in logs.items()}
    shrunk = min(1.0, LIMIT / float(whole))
    found["clipped"] = tuple(log + math.log10(shrunk) for log in found["as it is"])
    return found, shrunk


@functools.cache
def _adjoint(cell: Any, change: Any) -> Any:
    """`(params, state, xs, target) -> |adjoint| by lag, |dL/dparams|`, of L = target · h_T."""
    probe = registry.member("probes", "adjoint")

    def run(params: Any, state: Any, xs: Any, target: Any) -> Any:
        objective = objectives.objective("unit", target, cell.readout)
        found = probe(cell.step, params, state, xs, ProbeContext(objective, None, T, change))

        def loss(params: Any) -> Any:
            last = jax.lax.scan(lambda s, x: (cell.step(params, s, x), None), state, xs)[0]
            return jnp.vdot(cell.readout(last), cell.readout(target))

        squares = [jnp.sum(leaf**2) for leaf in jax.tree.leaves(jax.grad(loss)(params))]
        return found.adjoint, jnp.sqrt(jnp.stack(squares).sum())

    return quick(run)


@functools.cache
def _penalised(cell: Any) -> Any:
    """`(params, state, xs, targets) -> params` after descent on the penalty alone, in steps of one length."""
    penalty = arms.arm("omega", "elman", "gaussian").remedy.penalty
    assert penalty is not None

    def trail(params: Any, state: Any, xs: Any, target: Any) -> Trajectory:
        def last(nudges: Any) -> tuple[Any, Any]:
            def body(state: Any, item: Any) -> tuple[Any, Any]:
                after = jax.tree.map(jnp.add, cell.step(params, state, item[0]), item[1])
                return after, state

            final, before = jax.lax.scan(body, state, (xs, nudges))
            return jnp.vdot(cell.readout(final), cell.readout(target)), before

        zeros = jax.tree.map(lambda leaf: jnp.zeros((T, *leaf.shape), leaf.dtype), state)
        adjoints, before = jax.grad(last, has_aux=True)(zeros)
        return Trajectory(cell, params, before, xs, adjoints, jnp.asarray(T))

    def run(params: Any, state: Any, xs: Any, targets: Any) -> Any:
        def mean(params: Any) -> Any:
            each = jax.vmap(lambda target: penalty(trail(params, state, xs, target)))(targets)
            return jnp.mean(jnp.asarray(each))

        def move(_: Any, params: Any) -> Any:
            slope = jax.grad(mean)(params).w_rec
            size = jnp.sqrt(jnp.sum(slope**2))
            return params._replace(w_rec=params.w_rec - PENALTY_RATE * slope / jnp.maximum(size, 1.0))

        return jax.lax.fori_loop(0, PENALTY_STEPS, move, params)

    return quick(run)
