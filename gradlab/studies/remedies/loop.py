"""The one training loop: a task, a cell and a remedy; many networks side by side in one program.

Networks differ in seed, learning rate and `w_rec`. A call makes `eval_every` updates of each and evaluates it
on fresh sequences; the host then drops the networks that have solved the task or have diverged.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from gradlab.programs import Program
from gradlab.recurrence import platforms
from gradlab.recurrence.scaled import norms, rescale
from gradlab.studies.remedies.acting import Numbers
from gradlab.studies.remedies.losses import evaluate, loss, sample
from gradlab.studies.remedies.networks import Evaluation, Network, Setting, Weights, initialised
from gradlab.studies.remedies.optimizers import rule
from gradlab.studies.sweep.program import block as of_sweeps
from gradlab.studies.sweep.program import shared
from gradlab.types import Key

Tree = Any
FINE, LOSS, GRADIENT, WEIGHTS = range(4)
TOGETHER = 32
"""Networks that a GPU trains side by side."""
LARGE = 1000
"""Numbers of a step from which on a network fills a core by itself."""
QUANTITIES = ("", "loss", "gradient", "weights")
"""What was not finite first, by its code."""


def try_out(setting: Setting, *, learn: bool, numbers: Numbers = ()) -> None:
    """Trace a network, and an update of it if it is to learn; what is wrong with the setting is raised."""
    zeros = lambda key, n: jnp.zeros((n, n), float)
    key = jax.random.key(0)
    network = jax.eval_shape(lambda: initialised(setting, zeros, 1.0, 0.1, key, jnp.float32, numbers))
    if learn:
        jax.eval_shape(lambda network: update(setting, network), network)


def update(setting: Setting, network: Network) -> tuple[Network, dict[str, Array]]:
    """One update; a network with a number that is not finite stays as it was before, and says so."""
    setting = setting.of(network)
    keys = jax.random.split(jax.random.fold_in(network.key, network.updates), setting.batch)
    examples = sample(setting, keys, network.weights.b_out.dtype)
    noise = None if setting.acting().step is None else jax.vmap(_noise)(keys)
    grad = jax.value_and_grad(lambda w: loss(setting, w, network.state, examples, noise), has_aux=True)
    (_, plain), raw = grad(network.weights)
    return moved(setting, network, plain, raw)


def moved(setting: Setting, network: Network, plain: Array, raw: Weights) -> tuple[Network, dict[str, Array]]:
    """What the gradient `raw` makes of a network, as `update` has it; `plain` is the loss."""
    raw, acting = _trained(setting.cell, raw), setting.acting(network.numbers)
    used, remedy = (acting.gradients or optax.identity()).update(raw, network.remedy, network.weights)
    step, optimizer = rule(setting.optimizer).update(used, network.optimizer, network.weights)
    weights = jax.tree.map(lambda w, s: w - network.rate * s, network.weights, _trained(setting.cell, step))
    if acting.project is not None:
        weights = weights._replace(cell=acting.project(weights.cell))
    checks = (plain, raw, weights)
    what = jnp.int32(FINE)
    for code, tree in reversed(list(enumerate(checks, start=1))):
        finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()
        what = jnp.where(finite, what, code)
    fine = (what == FINE) & (network.broken == 0)
    after = network._replace(weights=weights, optimizer=optimizer, remedy=remedy, updates=network.updates + 1)
    broken = jnp.where((network.broken == 0) & (what > 0), network.updates + 1, network.broken)
    stopped = network._replace(broken=broken, what=jnp.where(network.broken == 0, what, network.what))
    network = jax.tree.map(lambda new, old: jnp.where(fine, new, old), after, stopped)
    sizes, cosine = _compared(raw, used)
    # Away from 0 a change of the logarithm is the relative change of the norm.
    changed = (jnp.abs(sizes[1] - sizes[0]) > 1e-4 / math.log(10)) | (1 - cosine > 1e-4)
    return network, {
        "loss": plain,
        "raw": sizes[0],
        "used": sizes[1],
        "changed": changed,
        "cosine": cosine,
        "fine": fine,
    }


def _noise(key: Key) -> Key:
    """The stream of a sequence that a remedy's own step draws from."""
    return jax.random.fold_in(key, 1)


def _compared(raw: Tree, used: Tree) -> tuple[list[Array], Array]:
    """log10 of the norms of two gradients, however large or small, and the cosine between them.

    The log10 of an exact zero is that of the least normal number; its cosine is 1 with itself, else 0.
    """
    scaled = [rescale(tree) for tree in (raw, used)]
    sizes = [jnp.sqrt(norms(part).square[0]) for part in scaled]
    pairs = zip(*(jax.tree.leaves(part.value) for part in scaled), strict=True)
    inner = jnp.stack([jnp.vdot(a, b) for a, b in pairs]).sum()
    dtype = inner.dtype
    least = math.log10(np.finfo(dtype).tiny)
    logs = [
        jnp.where(size > 0, jnp.log10(size) + part.exponent.astype(dtype) * math.log10(2), least)
        for size, part in zip(sizes, scaled, strict=True)
    ]
    both = sizes[0] * sizes[1]
    none = jnp.where(sizes[0] + sizes[1] == 0, 1.0, 0.0).astype(dtype)
    return logs, jnp.where(both == 0, none, inner / both)


def _trained(cell: Any, tree: Weights) -> Weights:
    """A gradient with zeros for what the cell says is fixed."""

    def one(path: tuple[Any, ...], leaf: Array) -> Array:
        return jnp.zeros_like(leaf) if getattr(path[-1], "name", None) in cell.fixed else leaf

    return tree._replace(cell=jax.tree_util.tree_map_with_path(one, tree.cell))


def advance(setting: Setting, network: Network, key: Key) -> tuple[Network, Evaluation]:
    """`eval_every` updates, and an evaluation of what they have led to."""

    def body(_: Any, loop: tuple[Network, dict[str, Array]]) -> tuple[Network, dict[str, Array]]:
        network, total = loop
        network, new = update(setting, network)
        fine = new.pop("fine")
        added = {name: total[name] + jnp.where(fine, value.astype(dtype), 0) for name, value in new.items()}
        added["top"] = jnp.where(fine, jnp.maximum(total["top"], new["raw"]), total["top"])
        added["count"] = total["count"] + fine.astype(dtype)
        return network, added

    dtype = network.weights.b_out.dtype
    total = dict.fromkeys(("loss", "raw", "used", "changed", "cosine", "count"), jnp.zeros((), dtype))
    network, total = jax.lax.fori_loop(
        0, setting.eval_every, body, (network, total | {"top": jnp.full((), -jnp.inf, dtype)})
    )
    # A network that made no update has no means.
    count = jnp.where(total["count"] > 0, total["count"], jnp.nan)
    seen, error = evaluate(setting, network, key, setting.eval_size)
    means = [total[name] / count for name in ("loss", "raw", "used", "changed", "cosine")]
    return network, Evaluation(seen, error, means[0], means[1], total["top"] + 0 * count, *means[2:])


@functools.cache
def program(setting: Setting, devices: int) -> Program:
    """The `advance` of many networks, `(networks, keys) -> (networks, evaluations)`, on every device.

    Networks come in multiples of `devices * block(setting)`; blocks have one size, so that a network's
    numbers do not depend on which others run beside it.
    """
    size = block(setting)

    def share(networks: Network, keys: Any) -> tuple[Network, Evaluation]:
        blocks = jax.tree.map(lambda leaf: leaf.reshape(-1, size, *leaf.shape[1:]), (networks, keys))
        done = jax.lax.map(lambda some: jax.vmap(functools.partial(advance, setting))(*some), blocks)
        joined: tuple[Network, Evaluation] = jax.tree.map(
            lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), done
        )
        return joined

    spread = shared(devices)
    mapped = jax.shard_map(
        share, mesh=spread.mesh, in_specs=spread.spec, out_specs=spread.spec, check_vma=False
    )
    options = platforms.options(training=True)
    jitted = jax.jit(mapped, in_shardings=(spread, spread), compiler_options=options)
    return Program(jitted, "training", setting, devices)


def block(setting: Setting) -> int:
    """Networks that a device trains side by side: those of a sweep, or one that fills a CPU's core."""
    if not platforms.on_cpu():
        return TOGETHER
    return 1 if setting.batch * setting.hidden >= LARGE else of_sweeps()


def devices(setting: Setting, networks: int, there: int | None = None) -> int:
    """Devices that so many networks are shared out among, of all that there are."""
    return min(len(jax.devices()) if there is None else there, -(-networks // block(setting)))
