"""A tiny task of random numbers, and networks that train on it: what all tests of remedies share."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.cells.elman import Elman, Params, State
from gradlab.recurrence.scaled import rescale
from gradlab.studies.remedies.losses import loss, sample
from gradlab.studies.remedies.networks import Setting, initialised
from gradlab.testing import gaussian
from gradlab.testing.remedies import Follow, tree
from gradlab.types import Remedy, Trajectory

NONE = Remedy()


def setting(remedy=NONE, cell="elman", **changed):
    made = registry.make("cells", cell) if isinstance(cell, str) else cell
    sizes = {"T": 6, "hidden": 3, "batch": 2, "eval_every": 2, "eval_size": 4, "task": Follow()} | changed
    return Setting(cell=made, remedy=remedy, **sizes)


def remedy(spec):
    return registry.make("remedies", spec)()


def untrained(of, seed=0, rate=0.1, w_rec=1.3, dtype=jnp.float64, initializer=gaussian, numbers=()):
    return initialised(of, initializer, w_rec, rate, jax.random.key(seed), dtype, numbers)


def batch(of, one):
    """The examples of the network's next update."""
    keys = jax.random.split(jax.random.fold_in(one.key, one.updates), of.batch)
    return sample(of, keys, one.weights.b_out.dtype)


def gradient(of, one):
    """The gradient of the next update as it is before the remedy's change of it, and the whole loss."""
    given = batch(of, one)
    grad = jax.value_and_grad(lambda w: loss(of, w, one.state, given)[0])
    value, found = jax.jit(grad)(one.weights)
    return found, value


def parts(of, one):
    """The mean loss of the network's next batch: with the remedy's penalty, and without, of any weights."""
    given = batch(of, one)
    return jax.jit(lambda weights: loss(of, weights, one.state, given))


def trails(of, one):
    """What a penalty sees of each sequence: (inputs, states before each step, adjoints), by a plain loop."""

    def run(nudges, example):
        state, before, read = one.state, [], []
        for x, nudge in zip(example.xs, nudges, strict=True):
            before.append(state)
            state = jax.tree.map(jnp.add, of.cell.step(one.weights.cell, state, x), nudge)
            read.append(of.cell.readout(state))
        outputs = jnp.stack(read) @ one.weights.w_out.T + one.weights.b_out[None]
        return of.task.loss(outputs, example), before

    nothing = [jax.tree.map(jnp.zeros_like, one.state)] * of.T
    back = jax.jit(jax.grad(run, has_aux=True))
    examples = batch(of, one)
    for b in range(of.batch):
        example = jax.tree.map(lambda leaf, b=b: leaf[b], examples)
        adjoints, before = back(nothing, example)
        yield jax.tree.map(np.asarray, (example.xs, before, adjoints))


def slope(function, weights, direction, h=1e-5):
    """The derivative of a function of weights along a direction, by differences of fourth order."""
    at = lambda s: float(function(jax.tree.map(lambda w, d: w + s * d, weights, direction)))
    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def direction(weights, seed=0):
    """A random direction of every parameter."""
    draw = np.random.default_rng(seed).standard_normal
    return jax.tree.map(lambda leaf: jnp.asarray(draw(leaf.shape)), weights)


def along(found, direction):
    """The product of a gradient and a direction."""
    terms = jax.tree.map(lambda a, b: float((a * b).sum()), found, direction)
    return sum(jax.tree.leaves(terms))


def close(a, b, rtol=1e-12, atol=1e-15):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=rtol, atol=atol), a, b)


def equal(a, b):
    """The same bytes."""
    jax.tree.map(np.testing.assert_array_equal, a, b)


def changes_nothing(spec, T=6):
    """A remedy in its neutral setting changes nothing of what it is given, in whichever place it acts."""
    made = remedy(spec)
    if made.gradients is not None:
        equal(changed_by(spec, tree()), tree())
    if made.adjoint is not None:
        for lag in range(-1, T + 1):
            sent = rescale(tree(), 100 * lag)
            equal(made.adjoint(jnp.int32(lag), sent), sent)
    if made.penalty is not None:
        cell = Elman()
        made_up = lambda *shape: jnp.asarray(np.random.default_rng(2).standard_normal(shape))
        params = Params(made_up(3, 2), made_up(3, 3), made_up(3))
        given = params, State(made_up(T, 3)), State(made_up(T, 3))

        def penalty(given):
            return made.penalty(Trajectory(cell, given[0], given[1], made_up(T, 2), given[2], jnp.int32(T)))

        value, slopes = jax.jit(jax.value_and_grad(penalty))(given)
        equal((value, slopes), jax.tree.map(jnp.zeros_like, (value, slopes)))


def changed_by(what, gradient, weights=None):
    """What a remedy's (or any) change of the gradient makes of one."""
    change = remedy(what).gradients if isinstance(what, str) else what
    weights = gradient if weights is None else weights
    return change.update(gradient, change.init(weights), weights)[0]


def without(of):
    """The same setting without its remedy."""
    return dataclasses.replace(of, remedy=Remedy())
