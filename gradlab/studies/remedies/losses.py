"""The loss of a batch, with what a remedy adds to the step, on the way back and as a penalty."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

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
    share: float = 1.0,
    key: Key | None = None,
) -> tuple[Float[Array, "T O"], Tree]:
    """The readout at every step of one sequence, and the states that the steps start from.

    `nudges`, zeros of the states' form, are added to them: the loss's gradient there is the adjoint.
    `share` is what a batch's mean makes of each sequence's loss: a remedy sees the adjoint without it.
    `key` draws what a remedy's own step needs; without it the step is the cell's, as in every evaluation.
    """
    send, change = _sent_back(setting.remedy, share), setting.remedy.step

    def body(state: Tree, given: tuple[Any, Any, Tree]) -> tuple[Tree, tuple[Any, Tree]]:
        x, lag, nudge = given
        before = state if send is None else send(lag, state)
        step = setting.cell.step
        if change is not None and key is not None:
            step = change(step, key, example.length - lag + 1)
        state = step(weights.cell, before, x)
        if nudge is not None:
            state = jax.tree.map(jnp.add, state, nudge)
        return state, (setting.cell.readout(state), before)

    # A step that starts from the state at lag l is step T - l + 1 of its sequence.
    lags = example.length - jnp.arange(len(example.xs), dtype=example.length.dtype)
    _, (hidden, before) = jax.lax.scan(body, state, (example.xs, lags, nudges))
    return hidden @ weights.w_out.T + weights.b_out[None], before


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
    """The mean loss of a batch: with the remedy's penalty, and without; `keys` as in `outputs`, one each."""

    def alone(
        weights: Weights, given: tuple[Example, Key | None], nudges: Tree | None, share: float
    ) -> tuple[Array, Tree]:
        example, key = given
        found, before = outputs(setting, weights, state, example, nudges, share, key)
        return setting.task.loss(found, example), before

    share = 1 / len(examples.xs)
    penalty = setting.remedy.penalty
    if penalty is None:
        plain = jax.vmap(lambda given: alone(weights, given, None, share)[0])((examples, keys)).mean()
        return plain, plain

    def both(given: tuple[Example, Key | None]) -> tuple[Array, Scalar]:
        example = given[0]
        zeros = jax.tree.map(lambda leaf: jnp.zeros((len(example.xs), *leaf.shape), leaf.dtype), state)
        pull = jax.grad(lambda nudges: alone(weights, given, nudges, 1.0), has_aux=True)
        adjoints, before = pull(zeros)
        trail = Trajectory(setting.cell, weights.cell, before, example.xs, adjoints, example.length)
        return alone(weights, given, None, share)[0], penalty(trail)

    plain, extra = (jnp.mean(part) for part in jax.vmap(both)((examples, keys)))
    return plain + extra, plain


def evaluate(setting: Setting, network: Network, key: Key, count: int) -> tuple[Array, Array]:
    """Mean loss on `count` fresh sequences, and their error."""
    examples = sample(setting, jax.random.split(key, count), network.weights.b_out.dtype)

    def one(example: Example) -> tuple[Array, Any]:
        given, _ = outputs(setting, network.weights, network.state, example)
        return setting.task.loss(given, example), setting.task.error(given, example)

    losses, errors = jax.vmap(one)(examples)
    return losses.mean(), setting.task.overall(errors)
