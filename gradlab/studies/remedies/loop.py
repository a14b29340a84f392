"""The one training loop: a task, a cell and a remedy; many networks as lanes of one program.

Lanes differ in seed, learning rate and `w_rec`. A call makes `eval_every` updates of each lane and judges it
on fresh sequences; the host then drops the lanes that have solved the task or have diverged.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Int

from gradlab.errors import GradlabError
from gradlab.recurrence.trees import has_gradient
from gradlab.recurrence.unroll import norms, rescale
from gradlab.studies.remedies.settings import Optimizer
from gradlab.studies.sweep.program import BLOCK, shared
from gradlab.types import Example, Initializer, Key, Remedy, Scalar, Scaled, Trajectory

Tree = Any
OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)
FINE, LOSS, GRADIENT, WEIGHTS = range(4)
QUANTITIES = ("", "loss", "gradient", "weights")
"""What was not finite first, by its code."""


@dataclass(frozen=True)
class Setting:
    """What all lanes of a program share; hashable, so that equal settings share a program."""

    task: Any
    cell: Any
    remedy: Remedy
    T: int
    hidden: int
    batch: int
    optimizer: Optimizer = "sgd"
    eval_every: int = 100
    """Updates between two looks at a lane."""
    eval_size: int = 500
    """Fresh sequences at each look."""


class Weights(NamedTuple):
    """What is trained: the cell, and a linear readout at every step."""

    cell: Tree
    w_out: Float[Array, "O N"]
    b_out: Float[Array, " O"]


class Lane(NamedTuple):
    """A network on its way."""

    weights: Weights
    state: Tree
    """The initial state of every sequence."""
    optimizer: Tree
    remedy: Tree
    """The state of the remedy's change of the gradients."""
    key: Key
    rate: Array
    updates: Int[Array, ""]
    broken: Int[Array, ""]
    """The update at which something was not finite, counted from 1; or 0."""
    what: Int[Array, ""]
    """Which quantity that was."""


class Look(NamedTuple):
    """A lane after its last `eval_every` updates; gradients as means over them."""

    loss: Array
    """On fresh sequences, as is the error."""
    error: Array
    train_loss: Array
    gradient_norm: Array
    """The mean of log10 of the raw gradient's norm."""
    largest_norm: Array
    """The largest log10 of it."""
    used_norm: Array
    """The mean of log10 of the norm after the remedy."""
    changed: Array
    """Share of the updates whose gradient the remedy changed."""
    cosine: Array
    """Between the raw and the changed gradient."""


def rule(name: Optimizer) -> optax.GradientTransformation:
    """The optimiser of that name, without its learning rate: -rate times its result is the update.

    sgd: g;   momentum: v = 0.9 v + g
    rmsprop: v = 0.9 v + 0.1 g^2 from v = 0,   g / (sqrt(v) + 1e-8)
    adam: m = 0.9 m + 0.1 g,  v = 0.999 v + 0.001 g^2, both freed of their start at 0,   m / (sqrt(v) + 1e-8)

    The 1e-8 stands outside the root, as in PyTorch: only gradients below about 1e-8 move a weight less than
    others do. Inside it, optax's default for rmsprop, it would be a floor of 1e-4.

    Reference: Tieleman, Hinton 2012, Lecture 6.5: RMSProp; Kingma, Ba 2015, Adam.
    """
    rules: dict[Optimizer, Callable[[], optax.GradientTransformation]] = {
        "sgd": optax.identity,
        "momentum": lambda: optax.trace(0.9),
        "adam": optax.scale_by_adam,
        "rmsprop": lambda: optax.scale_by_rms(0.9, 1e-8, eps_in_sqrt=False),
    }
    made = rules[name]()

    def update(gradient: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        # optax works out powers of its step count, whatever the promotion that its caller allows.
        with jax.numpy_dtype_promotion("standard"):
            found: tuple[Tree, Tree] = made.update(gradient, state, params)
            return found

    return optax.GradientTransformation(made.init, update)


def start(
    setting: Setting, initializer: Initializer, w_rec: Scalar, rate: Scalar, key: Key, dtype: Any
) -> Lane:
    """A fresh lane; everything is drawn from `key`, in float64 where JAX has it, and cast.

    The readout starts at N(0, 1/N) with zero bias.
    """
    d_in, d_out = setting.task.sizes
    key_cell, key_out, key_data = jax.random.split(key, 3)
    params, state = setting.cell.init(key_cell, d_in, setting.hidden, w_rec, initializer)
    if setting.remedy.init is not None:
        params, state = setting.cell.init(
            key_cell, d_in, setting.hidden, w_rec, setting.remedy.init(initializer)
        )
    w_out = jax.random.normal(key_out, (d_out, setting.hidden), float) / np.sqrt(setting.hidden)
    weights = jax.tree.map(lambda leaf: leaf.astype(dtype), Weights(params, w_out, jnp.zeros(d_out, float)))
    for leaf in jax.tree.leaves(state):
        if not has_gradient(leaf):
            what = (
                f"has a state with {leaf.dtype} numbers; training needs one of floating-point numbers alone"
            )
            raise GradlabError("--cell", what)
    read = setting.cell.readout(state)
    if getattr(read, "shape", None) != (setting.hidden,):
        shape = list(getattr(read, "shape", ()))
        what = (
            f"has a readout of shape {shape}; training needs one real number per unit, [{setting.hidden}]: "
            "write readout(self, state)"
        )
        raise GradlabError("--cell", what)
    state = jax.tree.map(lambda leaf: leaf.astype(dtype), state)
    remedy = setting.remedy.gradients or optax.identity()
    nothing = jnp.int32(0)
    return Lane(
        weights,
        state,
        rule(setting.optimizer).init(weights),
        remedy.init(weights),
        key_data,
        jnp.asarray(rate, dtype),
        nothing,
        nothing,
        nothing,
    )


def try_out(setting: Setting, *, learn: bool) -> None:
    """Trace a lane, and an update of it if it is to learn; whatever is wrong with the setting is raised."""
    zeros = lambda key, n: jnp.zeros((n, n), float)
    key = jax.random.key(0)
    lane = jax.eval_shape(lambda: start(setting, zeros, 1.0, 0.1, key, jnp.float32))
    if learn:
        jax.eval_shape(lambda lane: update(setting, lane), lane)


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


def update(setting: Setting, lane: Lane) -> tuple[Lane, dict[str, Array]]:
    """One update; a lane with a number that is not finite stays as it was before, and says so."""
    keys = jax.random.split(jax.random.fold_in(lane.key, lane.updates), setting.batch)
    examples = sample(setting, keys, lane.weights.b_out.dtype)
    noise = None if setting.remedy.step is None else jax.vmap(_noise)(keys)
    grad = jax.value_and_grad(lambda w: loss(setting, w, lane.state, examples, noise), has_aux=True)
    (_, plain), raw = grad(lane.weights)
    raw = _trained(setting.cell, raw)
    used, remedy = (setting.remedy.gradients or optax.identity()).update(raw, lane.remedy, lane.weights)
    step, optimizer = rule(setting.optimizer).update(used, lane.optimizer, lane.weights)
    weights = jax.tree.map(lambda w, s: w - lane.rate * s, lane.weights, _trained(setting.cell, step))
    if setting.remedy.project is not None:
        weights = weights._replace(cell=setting.remedy.project(weights.cell))
    checks = (plain, raw, weights)
    what = jnp.int32(FINE)
    for code, tree in reversed(list(enumerate(checks, start=1))):
        finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()
        what = jnp.where(finite, what, code)
    fine = (what == FINE) & (lane.broken == 0)
    moved = Lane(
        weights, lane.state, optimizer, remedy, lane.key, lane.rate, lane.updates + 1, lane.broken, lane.what
    )
    broken = jnp.where((lane.broken == 0) & (what > 0), lane.updates + 1, lane.broken)
    stopped = lane._replace(broken=broken, what=jnp.where(lane.broken == 0, what, lane.what))
    lane = jax.tree.map(lambda new, old: jnp.where(fine, new, old), moved, stopped)
    sizes, cosine = _compared(raw, used)
    # Away from 0 a change of the logarithm is the relative change of the norm.
    changed = (jnp.abs(sizes[1] - sizes[0]) > 1e-4 / math.log(10)) | (1 - cosine > 1e-4)
    return lane, {
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


def sample(setting: Setting, keys: Array, dtype: Any) -> Example:
    """A batch of sequences, their numbers of the networks' dtype."""
    drawn = jax.vmap(lambda key: setting.task.sample(key, setting.T))(keys)
    cast = lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
    examples: Example = jax.tree.map(cast, drawn)
    return examples


def _trained(cell: Any, tree: Weights) -> Weights:
    """A gradient with zeros for what the cell says is fixed."""

    def one(path: tuple[Any, ...], leaf: Array) -> Array:
        return jnp.zeros_like(leaf) if getattr(path[-1], "name", None) in cell.fixed else leaf

    return tree._replace(cell=jax.tree_util.tree_map_with_path(one, tree.cell))


def judge(setting: Setting, lane: Lane, key: Key, count: int) -> tuple[Array, Array]:
    """Mean loss on `count` fresh sequences, and their error."""
    examples = sample(setting, jax.random.split(key, count), lane.weights.b_out.dtype)

    def one(example: Example) -> tuple[Array, Any]:
        given, _ = outputs(setting, lane.weights, lane.state, example)
        return setting.task.loss(given, example), setting.task.error(given, example)

    losses, errors = jax.vmap(one)(examples)
    return losses.mean(), setting.task.overall(errors)


def advance(setting: Setting, lane: Lane, key: Key) -> tuple[Lane, Look]:
    """`eval_every` updates, and a look at what they have led to."""

    def body(_: Any, loop: tuple[Lane, dict[str, Array]]) -> tuple[Lane, dict[str, Array]]:
        lane, total = loop
        lane, new = update(setting, lane)
        fine = new.pop("fine")
        added = {name: total[name] + jnp.where(fine, value.astype(dtype), 0) for name, value in new.items()}
        added["top"] = jnp.where(fine, jnp.maximum(total["top"], new["raw"]), total["top"])
        added["count"] = total["count"] + fine.astype(dtype)
        return lane, added

    dtype = lane.weights.b_out.dtype
    total = dict.fromkeys(("loss", "raw", "used", "changed", "cosine", "count"), jnp.zeros((), dtype))
    lane, total = jax.lax.fori_loop(
        0, setting.eval_every, body, (lane, total | {"top": jnp.full((), -jnp.inf, dtype)})
    )
    # A lane that made no update has no means.
    count = jnp.where(total["count"] > 0, total["count"], jnp.nan)
    seen, error = judge(setting, lane, key, setting.eval_size)
    means = [total[name] / count for name in ("loss", "raw", "used", "changed", "cosine")]
    return lane, Look(seen, error, means[0], means[1], total["top"] + 0 * count, *means[2:])


@functools.cache
def program(setting: Setting, devices: int) -> Any:
    """The jitted `advance` of many lanes, `(lanes, keys) -> (lanes, looks)`, in blocks on every device.

    Lanes come in multiples of `devices * BLOCK`; blocks have one size, so that a lane's numbers do not depend
    on which others run beside it.
    """

    def share(lanes: Lane, keys: Any) -> tuple[Lane, Look]:
        split = jax.tree.map(lambda leaf: leaf.reshape(-1, BLOCK, *leaf.shape[1:]), (lanes, keys))
        done = jax.lax.map(lambda some: jax.vmap(functools.partial(advance, setting))(*some), split)
        joined: tuple[Lane, Look] = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), done)
        return joined

    lanes = shared(devices)
    mapped = jax.shard_map(share, mesh=lanes.mesh, in_specs=lanes.spec, out_specs=lanes.spec, check_vma=False)
    return jax.jit(mapped, in_shardings=(lanes, lanes))
