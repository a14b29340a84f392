"""Training on a text that is read on and on: each place of the batch goes on where it was, its state carried.

The batch is worked on in two halves, each on a device of its own where there are two; the gradient is the
mean of theirs. The text is a ring, and all places go round it.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Float, Int

from gradlab.recurrence import batch, platforms
from gradlab.studies.remedies import loop
from gradlab.studies.remedies.networks import Network, Setting, Weights
from gradlab.studies.sweep.program import shared
from gradlab.types import Key

Tree = Any
HALVES = 2
WARM, LAST = 20, 0.05
"""Updates until the learning rate is whole, and its share at the end."""
LANES, SKIPPED = 32, 64
"""Places of the text on which a network is evaluated, and characters of each that do not count."""
BITS = 1 / math.log(2)
WRITTEN = 40
"""Characters of a sample."""


class Reader(NamedTuple):
    """A network in training, and where it is."""

    network: Network
    states: Tree
    """Of each place of the batch, (B, ...)."""
    best: Weights
    """The weights of the best evaluation so far."""
    best_bits: Array
    best_update: Int[Array, ""]


def begun(setting: Setting, network: Network) -> Reader:
    """A network before its first update; every place starts from the first state."""
    states = jax.tree.map(lambda leaf: jnp.tile(leaf, (setting.batch, *(1,) * leaf.ndim)), network.state)
    return Reader(network, states, network.weights, jnp.full((), jnp.inf, jnp.float32), jnp.int32(0))


def placed(reader: Reader) -> Reader:
    """The same where `program` leaves it: else its second call is traced anew."""
    here = shared(devices())
    whole = NamedSharding(here.mesh, PartitionSpec())  # type: ignore[no-untyped-call]
    network, states = jax.device_put((reader.network, reader.states), (whole, here))
    return reader._replace(network=network, states=states)


def rate(base: Array, update: Array, total: Array) -> Array:
    """The learning rate of an update: it rises over `WARM` updates, then falls along a cosine to `LAST`."""
    done = jnp.minimum(update.astype(base.dtype) / total, 1)
    falling = LAST + (1 - LAST) * 0.5 * (1 + jnp.cos(jnp.pi * done))
    return base * falling * jnp.minimum(1, (update.astype(base.dtype) + 1) / WARM)


def loss(setting: Setting, weights: Weights, states: Tree, codes: Int[Array, "B T1"]) -> tuple[Array, Tree]:
    """Mean nats per character of the places of a batch, and the states that they end in."""
    symbols = setting.task.symbols
    xs = jax.nn.one_hot(codes[:, :-1].T, symbols, dtype=weights.b_out.dtype)
    one = jax.tree.map(lambda leaf: leaf[0], states)
    after = batch.states(setting.cell.step, weights.cell, one, xs, states)
    hidden = jax.vmap(jax.vmap(setting.cell.readout))(after).reshape(-1, setting.hidden)
    logits = hidden @ weights.w_out.T + weights.b_out[None]
    wanted = codes[:, 1:].T.reshape(-1, 1)
    picked = jnp.take_along_axis(logits, wanted, axis=1)[:, 0]
    nats = jnp.mean(jax.nn.logsumexp(logits, axis=1) - picked)
    return nats, jax.tree.map(lambda leaf: jax.lax.stop_gradient(leaf[-1]), after)


@functools.cache
def program(setting: Setting, devices: int) -> Any:
    """`(reader, ring, starts, count, total) -> (reader, bits)`: `count` updates, and their mean loss in bits.

    `ring` are the codes of the text, `starts` where the places of the batch begin in it.
    """
    few = HALVES // devices
    grad = jax.value_and_grad(functools.partial(loss, setting), has_aux=True)

    def gradients(weights: Weights, states: Tree, codes: Array) -> tuple[Array, Weights, Tree]:
        halves = jax.tree.map(lambda leaf: leaf.reshape(few, -1, *leaf.shape[1:]), (states, codes))
        (nats, after), raw = jax.lax.map(lambda half: grad(weights, *half), halves)
        summed: Any = functools.partial(jax.lax.psum, axis_name="device")
        nats, raw = summed(jax.tree.map(lambda leaf: leaf.sum(0) / HALVES, (nats, raw)))
        return nats, raw, jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), after)

    def advance(network: Network, states: Tree, ring: Array, starts: Array, count: Any, total: Array) -> Any:
        base = network.rate

        def body(_: Any, held: tuple[Network, Tree, Array]) -> tuple[Network, Tree, Array]:
            network, states, sum_of = held
            place = starts + network.updates * setting.T
            steps = jnp.arange(setting.T + 1, dtype=place.dtype)
            codes = ring[(place[:, None] + steps[None]) % len(ring)]
            nats, raw, states = gradients(network.weights, states, codes)
            now = network._replace(rate=rate(base, network.updates, total))
            network, _ = loop.moved(setting, now, nats, raw)
            return network, states, sum_of + nats

        start = network, states, jnp.zeros((), base.dtype)
        network, states, sum_of = jax.lax.fori_loop(0, count, body, start)
        return network._replace(rate=base), states, sum_of / count.astype(base.dtype) * BITS

    here = shared(devices)
    whole = NamedSharding(here.mesh, PartitionSpec())  # type: ignore[no-untyped-call]
    given = (whole, here, whole, here, whole, whole)
    mapped = jax.shard_map(
        advance,
        mesh=here.mesh,
        in_specs=tuple(one.spec for one in given),
        out_specs=(whole.spec, here.spec, whole.spec),
        check_vma=False,
    )
    told = platforms.options(training=True)
    # The places of its inputs are those of its results: else the second call compiles anew.
    return jax.jit(mapped, in_shardings=given, out_shardings=(whole, here, whole), compiler_options=told)


def devices() -> int:
    """Devices that the halves are shared out among."""
    return min(HALVES, len(jax.devices()))


@functools.cache
def evaluation(setting: Setting) -> Any:
    """`(weights, state, codes (len, LANES)) -> bits`: mean bits per character, the first ones left out."""
    cell = setting.cell

    def evaluate(weights: Weights, state: Tree, codes: Int[Array, "len lanes"]) -> Float[Array, ""]:
        each = jax.vmap(cell.step, (None, 0, 0))
        states = jax.tree.map(lambda leaf: jnp.tile(leaf, (codes.shape[1], *(1,) * leaf.ndim)), state)

        def body(states: Tree, item: tuple[Array, Array]) -> tuple[Tree, Array]:
            now, following = item
            x = jax.nn.one_hot(now, setting.task.symbols, dtype=weights.b_out.dtype)
            states = each(weights.cell, states, x)
            logits = jax.vmap(cell.readout)(states) @ weights.w_out.T + weights.b_out[None]
            picked = jnp.take_along_axis(logits, following[:, None], axis=1)[:, 0]
            return states, jnp.mean(jax.nn.logsumexp(logits, axis=1) - picked)

        nats = jax.lax.scan(body, states, (codes[:-1], codes[1:]))[1]
        return jnp.mean(nats[min(SKIPPED, len(codes) // 4) :]) * BITS

    return jax.jit(evaluate)


@functools.cache
def writing(setting: Setting) -> Any:
    """`(weights, state, code, key) -> codes`: what a network writes by itself after a first symbol."""
    cell, symbols = setting.cell, setting.task.symbols

    def write(weights: Weights, state: Tree, code: Array, key: Key) -> Int[Array, " n"]:
        def body(way: tuple[Tree, Array], t: Array) -> tuple[tuple[Tree, Array], Array]:
            state, code = way
            state = cell.step(weights.cell, state, jax.nn.one_hot(code, symbols, dtype=weights.b_out.dtype))
            logits = weights.w_out @ cell.readout(state) + weights.b_out
            code = jax.random.categorical(jax.random.fold_in(key, t), logits).astype(jnp.int32)
            return (state, code), code

        codes: Array = jax.lax.scan(body, (state, code), jnp.arange(WRITTEN))[1]
        return codes

    return jax.jit(write)
