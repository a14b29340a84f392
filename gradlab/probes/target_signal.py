"""How many sequences it takes to see the part of the weight gradient that depends on the target."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float

from gradlab import registry, resampling, stats
from gradlab.recurrence.evidence import evidence
from gradlab.recurrence.scaled import Norm
from gradlab.types import Examples, Key, ProbeContext, Step

AXES = {
    "sequences_needed": ("lag",),
    "sequences_needed_low": ("lag",),
    "sequences_needed_high": ("lag",),
    "target_gradient": ("lag",),
    "target_chance": ("lag",),
    "sequences": (),
}
FACTS = {
    "sequences_needed": {
        "meaning": "Sequences until the weight gradient's target-dependent part stands out of its noise",
        "unit": "sequences",
        "limits": (0.0, 0.02),
        "heading": "needed",
        "width": 6,
        "beyond": "sequences",
    },
    "sequences_needed_low": {
        "meaning": "Lower end of the 95 % interval of the sequences needed",
        "unit": "sequences",
        "limits": (0.0, 0.02),
        "heading": "low",
        "width": 6,
    },
    "sequences_needed_high": {
        "meaning": "Upper end of the 95 % interval of the sequences needed",
        "unit": "sequences",
        "limits": (0.0, 0.02),
        "heading": "high",
        "width": 6,
    },
    "target_gradient": {
        "meaning": "Norm of the expected part of dL/dW_rec that depends on the target",
        "unit": "log10",
        "limits": (0.01, 0.0),
        "heading": "signal",
    },
    "target_chance": {
        "meaning": "How often exchanged targets give as much, the p of a permutation test",
        "limits": (0.02, 0.0),
        "heading": "p",
    },
    "sequences": {"meaning": "Sequences at hand", "unit": "sequences", "limits": (0.0, 0.0)},
}
LEAST = 16
"""Sequences, in pairs: of fewer no exchange of targets is rare enough."""


class Columns(NamedTuple):
    """By lag; none at lag T, where no step was taken, and none at all without examples."""

    sequences_needed: Float[Array, " lag"]
    sequences_needed_low: Float[Array, " lag"]
    sequences_needed_high: Float[Array, " lag"]
    target_gradient: Norm
    target_chance: Float[Array, " lag"]
    sequences: Float[Array, ""]
    hidden: dict[str, Bool[Array, " lag"]]
    """Where the sequences at hand cannot tell: more are needed."""


def check(*, task: str = "", sequences: int = 512, exchanges: int = 99) -> None:
    """Raise ValueError for settings that are not possible."""
    if sequences < LEAST or sequences % 2:
        raise ValueError(f"sequences={sequences} must be an even number, {LEAST} or more")
    if exchanges < 19:
        raise ValueError(f"exchanges={exchanges} must be 19 or more: of fewer none is rare enough at 5 %")
    made = registry.make("tasks", task) if task else None
    if getattr(made, "shortest", 0):
        what = "targets are exchanged between sequences of one length; leave out shortest"
        raise ValueError(f"task={task}: {what}")


def fits(inputs: int, T: int, *, task: str = "", sequences: int = 512, exchanges: int = 99) -> None:
    """Raise ValueError where networks of so many inputs, at a shortest T, cannot read the task."""
    if not task:
        return
    made = registry.make("tasks", task)
    if made.sizes[0] != inputs:
        raise ValueError(f"{task} has {made.sizes[0]} inputs at each step and --inputs is {inputs}")
    if made.least > T:
        raise ValueError(f"{task} has no sequence of {T} steps; the least T is {made.least}")


def effort(weights: int, *, task: str = "", sequences: int = 512, exchanges: int = 99) -> float:
    """Multiplications of a step, of a cell with so many weights: above all those of the exchanges."""
    return float(sequences * weights * (exchanges + 6)) if task else 0.0


def examples(
    key: Key, T: int, room: int, units: int, *, task: str = "", sequences: int = 512, exchanges: int = 99
) -> Examples | None:
    """So many sequences of the task, in buffers of `room` steps, and an output layer N(0, 1/units)."""
    if not task:
        return None
    made = registry.make("tasks", task)
    of_outputs, of_task = jax.random.split(key)
    drawn = jax.vmap(lambda one: made.sample(one, T))(jax.random.split(of_task, sequences))

    def padded(leaf: Any) -> Any:
        return leaf if leaf.ndim < 2 else jnp.pad(leaf, ((0, 0), (0, room - T), *((0, 0),) * (leaf.ndim - 2)))

    drawn = jax.tree.map(padded, drawn)
    outputs = jax.random.normal(of_outputs, (made.sizes[1], units), float) / math.sqrt(units)
    return Examples(drawn.xs, drawn, outputs)


def target_signal(
    step: Step,
    params: Any,
    state: Any,
    xs: Any,
    setup: ProbeContext,
    *,
    task: str = "",
    sequences: int = 512,
    exchanges: int = 99,
) -> Columns:
    """The part of the weight gradient that depends on the target: its size, its noise, and if it is there.

    d = 1/2 [g_a(y_a) - g_a(y_b) + g_b(y_b) - g_b(y_a)]      of each pair a, b of B sequences; by lag
    |E d|^2 = (|sum d|^2 - sum |d|^2) / (n (n - 1)),   n = B / 2,   without bias
    sequences needed = 2 tr Cov d / |E d|^2                  two a pair: there |E d|^2 is its own noise

    g_a(y) is what the use of the recurrent weights W_rec (all gates' and layers'; biases and input weights
    are not among them) at step T - lag gives to dL/dW_rec of sequence a with the target y. Of the loss's
    offset, and of all else that another sequence's target would give too, nothing is left in d: E d is
    E g(y of its own) - E g(y of another sequence). It is the same for every output bias.

    If targets do not depend on sequences, exchanging those of a pair changes d to -d and nothing else. The
    chance is the share of so many random exchanges, and of none, whose |sum d| is at least what it was: at
    most 5 % in 5 % of all cases. Where it is more, the sequences at hand cannot tell, and what is needed is
    not computed. The 95 % interval is Student's about |E d| / sqrt(E |d|^2), with the error of a jackknife
    over pairs; where it reaches 0 there is no upper end, and that is not computed.

    In a sweep, examples are drawn from the `task`, as many as `sequences`, the same for each w_rec; the
    output layer is random, N(0, 1/N). `gradlab.measure` is given `examples`, and a loss. `exchanges`: of
    targets, at random.

    Reference: McCandlish, Kaplan, Amodei 2018, An empirical model of large-batch training, for noise over
    signal; Hoeffding 1948, A class of statistics with asymptotically normal distribution.
    """
    check(task=task, sequences=sequences, exchanges=exchanges)
    given, recurrent = setup.examples, setup.recurrent
    dtype = jax.tree.leaves(state)[0].dtype
    lags = jnp.arange(len(jax.tree.leaves(xs)[0]) + 1, dtype=jnp.int32)
    if given is None or recurrent is None:
        none = jnp.full(len(lags), jnp.nan, dtype)
        nothing = Norm(none, jnp.zeros(len(lags), jnp.int32))
        return Columns(none, none, none, nothing, none, jnp.zeros((), dtype), {})
    pairs = len(jax.tree.leaves(given.xs)[0]) // 2
    # Bits, and not random numbers of the precision: both precisions exchange the same targets.
    up = jax.random.bits(jax.random.key(0), (exchanges, pairs), "uint32") >> 31 == 1
    signs = jnp.where(up, jnp.ones((), dtype), -jnp.ones((), dtype))
    found = evidence(
        step,
        params,
        state,
        given.xs,
        given.targets,
        setup.length,
        loss=setup.loss or _loss(task),
        read=_read(setup.read, given.outputs),
        recurrent=recurrent,
        signs=signs,
    )
    within = lags < setup.length
    share, error, chance = (
        jnp.where(within, jnp.pad(one, (0, 1)), jnp.nan) for one in (found.share, found.error, found.chance)
    )
    seen = resampling.rare(chance) & (share > 0)
    root = jnp.sqrt(share)
    far = stats.errors(pairs) * error
    shares = jnp.stack([jnp.minimum(root + far, 1), root, jnp.maximum(root - far, 0)])
    low, middle, high = jnp.where(seen[None], 2 * (1 / shares**2 - 1), jnp.nan)
    square, exponent = (jnp.pad(one, (0, 1)) for one in found.gradient)
    gradient = Norm(jnp.where(within & seen, square, jnp.nan), exponent)
    # Where no sequence has a gradient there is none to tell.
    untold = within & jnp.isfinite(share) & ~seen
    names = ("sequences_needed", "sequences_needed_low", "sequences_needed_high", "target_gradient")
    hidden = dict.fromkeys(names, untold) | {"sequences_needed_high": untold | jnp.isinf(high)}
    return Columns(middle, low, high, gradient, chance, jnp.asarray(2 * pairs, dtype), hidden)


def notes(norms: Any) -> dict[str, str]:
    """What stands for more sequences than there are, and why there is nothing where there is nothing."""
    import numpy as np

    from gradlab.states import NOT_COMPUTED

    many = int(np.nan_to_num(norms["sequences"].values).max())
    if not many:
        why = "needs the recurrent weights and examples: of a sweep name a task, target_signal(task=adding)"
        return {"sequences_needed": why}
    if not (norms["sequences_needed_state"] == NOT_COMPUTED).any():
        return {}
    told = (
        f"what is not computed is >{many}: these sequences cannot tell; a mean with such a seed is more than"
    )
    return {"sequences_needed": f"{told} with {many} in its place"}


def _loss(task: str) -> Callable[[Any, Any], Any]:
    """The task's, of a sequence's outputs and an example that is another's, or its own."""
    made = registry.make("tasks", task)
    return lambda outputs, example: made.loss(outputs, example)


def _read(read: Callable[[Any], Any], outputs: Any) -> Callable[[Any], Array]:
    """What the loss is given of a state."""

    def of(state: Any) -> Array:
        flat: Array = ravel_pytree(read(state))[0]
        return flat if outputs is None else outputs @ flat

    return of
