"""The loss of a batch, with what a remedy adds to the step, on the way back and as a penalty."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.recurrence import batch
from gradlab.recurrence.scaled import rescale
from gradlab.studies.remedies.networks import Network, Setting, Weights
from gradlab.types import Example, Key, Remedy, Scalar, Scaled, Trajectory

Tree = Any


def sample(setting: Setting, keys: Array, dtype: Any) -> Example:
    """A batch of sequences, their numbers of the networks' dtype."""
    drawn = jax.vmap(lambda key: setting.task.sample(key, setting.T))(keys)
    cast = lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
    examples: Example = jax.tree.map(cast, drawn)
    return examples


def outputs(
    setting: Setting,
    weights: Weights,
    state: Tree,
    example: Example,
    nudges: Tree | None = None,
    key: Key | None = None,
) -> tuple[Float[Array, "T O"], Tree]:
    """The readout at every step of one sequence, and the states that the steps start from.

    `nudges`, zeros of the states' form, are added to them: the loss's gradient there is the adjoint. `key`
    as in `_step`.
    """
    step = _step(setting, 1.0)

    def body(state: Tree, given: tuple[Any, Tree]) -> tuple[Tree, tuple[Any, Tree]]:
        x, nudge = given
        after = step(weights.cell, state, x)
        if nudge is not None:
            after = jax.tree.map(jnp.add, after, nudge)
        return after, (setting.cell.readout(after), state)

    _, (hidden, before) = jax.lax.scan(body, state, (_given(example, key), nudges))
    return _read(weights, hidden), before


def _batch(
    setting: Setting, weights: Weights, state: Tree, examples: Example, keys: Array | None
) -> Float[Array, "B T O"]:
    """The readouts of a batch of sequences in training, of which a gradient is taken once."""
    by_time = lambda leaf: jnp.moveaxis(leaf, 1, 0)
    xs = jax.tree.map(by_time, jax.vmap(_given)(examples, keys))
    after = batch.states(_step(setting, 1 / len(examples.xs)), weights.cell, state, xs)
    hidden = jax.vmap(jax.vmap(setting.cell.readout))(after)
    return jnp.moveaxis(jax.vmap(lambda one: _read(weights, one))(hidden), 1, 0)


def _read(weights: Weights, hidden: Float[Array, "T N"]) -> Float[Array, "T O"]:
    return hidden @ weights.w_out.T + weights.b_out[None]


def _given(example: Example, key: Key | None) -> tuple[Any, Array, Array, Any]:
    """What each step is given: input, lag of the state it starts from, its number, the sequence's key."""
    before = jnp.arange(len(example.xs), dtype=example.length.dtype)
    keys = None if key is None else jnp.broadcast_to(key, (len(before), *key.shape))
    return example.xs, example.length - before, before + 1, keys


def _step(setting: Setting, share: float) -> Callable[[Tree, Tree, Any], Tree]:
    """The step in training, of what `_given` gives.

    `share` is what a batch's mean makes of each sequence's loss: a remedy sees the adjoint without it.
    A key draws what a remedy's own step needs; without one the step is the cell's, as in every evaluation.
    """
    remedy = setting.acting()
    send, change = _sent_back(remedy, share), remedy.step

    def step(params: Tree, state: Tree, given: tuple[Any, Array, Array, Any]) -> Tree:
        x, lag, number, key = given
        before = state if send is None else send(lag, state)
        one = setting.cell.step
        if change is not None and key is not None:
            one = change(one, key, number)
        return one(params, before, x)

    return step


def _sent_back(remedy: Remedy, share: float) -> Callable[[Any, Tree], Tree] | None:
    """The identity forward; backward, what a remedy makes of the cotangent."""
    change = remedy.adjoint
    if change is None:
        return None

    @jax.custom_vjp
    def send(lag: Any, state: Tree) -> Tree:
        return state

    def forward(lag: Any, state: Tree) -> tuple[Tree, Any]:
        return state, lag

    def backward(lag: Any, cotangent: Tree) -> tuple[None, Tree]:
        own = jax.tree.map(lambda leaf: leaf / share, cotangent)
        sent: Scaled = change(lag, rescale(own))
        whole = jnp.clip(sent.exponent, -2000, 2000)
        return None, jax.tree.map(lambda leaf: jnp.ldexp(leaf * share, whole), sent.value)

    send.defvjp(forward, backward)
    return send


def loss(
    setting: Setting, weights: Weights, state: Tree, examples: Example, keys: Array | None = None
) -> tuple[Array, Array]:
    """The mean loss of a batch: with the remedy's penalty, and without; `keys` as in `_step`, one each."""
    found = _batch(setting, weights, state, examples, keys)
    plain = jax.vmap(setting.task.loss)(found, examples).mean()
    penalty = setting.acting().penalty
    if penalty is None:
        return plain, plain

    def extra(example: Example, key: Key | None) -> Scalar:
        def alone(nudges: Tree) -> tuple[Array, Tree]:
            found, before = outputs(setting, weights, state, example, nudges, key)
            return setting.task.loss(found, example), before

        zeros = jax.tree.map(lambda leaf: jnp.zeros((len(example.xs), *leaf.shape), leaf.dtype), state)
        adjoints, before = jax.grad(alone, has_aux=True)(zeros)
        return penalty(Trajectory(setting.cell, weights.cell, before, example.xs, adjoints, example.length))

    return plain + jnp.mean(jnp.asarray(jax.vmap(extra)(examples, keys))), plain


def evaluate(setting: Setting, network: Network, key: Key, count: int) -> tuple[Array, Array]:
    """Mean loss on `count` fresh sequences, and their error."""
    setting = setting.of(network)
    examples = sample(setting, jax.random.split(key, count), network.weights.b_out.dtype)

    def one(example: Example) -> tuple[Array, Any]:
        given, _ = outputs(setting, network.weights, network.state, example)
        return setting.task.loss(given, example), setting.task.error(given, example)

    losses, errors = jax.vmap(one)(examples)
    return losses.mean(), setting.task.overall(errors)
