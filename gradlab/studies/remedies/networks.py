"""Networks in training: what those of one program share, what each carries, and how one is drawn."""

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Int

from gradlab.errors import GradlabError
from gradlab.recurrence.trees import has_gradient
from gradlab.studies.remedies import acting
from gradlab.studies.remedies.acting import Numbers, Unnumbered
from gradlab.studies.remedies.optimizers import rule
from gradlab.studies.remedies.settings import Optimizer
from gradlab.types import Initializer, Key, Remedy, Scalar

Tree = Any


@dataclass(frozen=True)
class Setting:
    """What all networks of a program share; hashable, so that equal settings share a program."""

    task: Any
    """With the numbers that the networks have of their own at their defaults."""
    cell: Any
    """With what only its draw reads left out, where arms differ in that alone."""
    remedy: Remedy | Unnumbered
    """With its numbers left out, where these are the networks' own."""
    T: int
    hidden: int
    batch: int
    optimizer: Optimizer = "sgd"
    eval_every: int = 100
    """Updates between two evaluations of a network."""
    eval_size: int = 500
    """Fresh sequences at each evaluation."""
    told: tuple[str, ...] = ()
    """Which settings of the task are numbers of the networks: those that may be arrays."""

    def acting(self, numbers: Numbers = ()) -> Remedy:
        """The remedy; of these numbers, where it leaves them out."""
        return acting.of(self.remedy, numbers)

    def of(self, network: "Network") -> "Setting":
        """The setting with the numbers of a network, which may be traced: it is no key of a program."""
        task = acting.numbered(self.task, self.told, network.task)
        return dataclasses.replace(self, remedy=self.acting(network.numbers), task=task, told=())


class Weights(NamedTuple):
    """What is trained: the cell, and a linear readout at every step."""

    cell: Tree
    w_out: Float[Array, "O N"]
    b_out: Float[Array, " O"]


class Network(NamedTuple):
    """A network in training."""

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
    numbers: Numbers = ()
    """Those of the remedy, if its setting leaves them out."""
    task: tuple[Any, ...] = ()
    """Those of the task that its setting tells."""


class Evaluation(NamedTuple):
    """A network after its last `eval_every` updates; gradients as means over them."""

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


def initialised(
    setting: Setting,
    initializer: Initializer,
    w_rec: Scalar,
    rate: Scalar,
    key: Key,
    dtype: Any,
    numbers: Numbers = (),
    cell: Any = None,
    task: Any = None,
) -> Network:
    """A network before its first update; all is drawn from `key`, in float64 where JAX has it, and cast.

    The readout starts at N(0, 1/N) with zero bias. `cell` and `task` are those of the setting
    with what it leaves out of them.
    """
    d_in, d_out = setting.task.sizes
    key_cell, key_out, key_data = jax.random.split(key, 3)
    cell = setting.cell if cell is None else cell
    params, state = cell.init(key_cell, d_in, setting.hidden, w_rec, initializer)
    remedy = setting.acting(numbers)
    if remedy.init is not None:
        params, state = cell.init(key_cell, d_in, setting.hidden, w_rec, remedy.init(initializer))
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
    changed = remedy.gradients or optax.identity()
    nothing = jnp.int32(0)
    return Network(
        weights,
        state,
        rule(setting.optimizer).init(weights),
        changed.init(weights),
        key_data,
        jnp.asarray(rate, dtype),
        nothing,
        nothing,
        nothing,
        jax.tree.map(lambda number: jnp.asarray(number, dtype), numbers),
        # In the precision that sequences are drawn in.
        tuple(jnp.asarray(getattr(task or setting.task, name), float) for name in setting.told),
    )
