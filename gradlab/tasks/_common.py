"""What tasks share: lengths, buffers, losses and errors. A file with an underscore is no member."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.types import Key, Scalar


@runtime_checkable
class Varied(Protocol):
    """A task whose sequences are all T steps long (`shortest=0`), or any length from `shortest` to T."""

    @property
    def shortest(self) -> int: ...

    @property
    def least(self) -> int: ...


def check_shortest(task: Varied) -> None:
    """Raise ValueError where `shortest` is neither 0 nor a length that the task can have."""
    if task.shortest and task.shortest < task.least:
        raise ValueError(
            f"shortest={task.shortest} must be 0 (every sequence has T steps) or >= {task.least}"
        )


def check_length(T: int, least: int) -> None:
    """Raise GradlabError where T is below `least`."""
    if least > T:
        raise GradlabError("-T", f"{T} is too short for this task; the least T is {least}")


def lengths(task: Varied, T: int) -> range:
    """The lengths that a sequence in buffers of T steps can have, all equally likely."""
    check_length(T, max(task.least, task.shortest))
    return range(task.shortest or T, T + 1)


def draw_length(key: Key, possible: range) -> Int[Array, ""]:
    """One of the possible lengths."""
    return jax.random.randint(key, (), possible.start, possible.stop)


def within(length: Int[Array, ""], T: int) -> Bool[Array, " {T}"]:
    """Which of T steps belong to the sequence."""
    return jnp.arange(T) < length


def one_hot(symbols: Int[Array, " T"], count: int, present: Bool[Array, " T"]) -> Float[Array, "T {count}"]:
    """Rows with a single 1 at the symbol; zeros where nothing is present."""
    return jnp.where(present[:, None], jax.nn.one_hot(symbols, count, dtype=float), 0.0)


def at_last(value: Array, length: Int[Array, ""], T: int) -> tuple[Array, Float[Array, " {T}"]]:
    """Target and counted steps of a sequence with one answer, at its last step."""
    last = jnp.arange(T) == length - 1
    column = last.reshape(T, *[1] * value.ndim)
    return jnp.where(column, value[None], jnp.zeros_like(value)[None]), last.astype(float)


def entropy(codes: NDArray[np.integer[Any]]) -> float:
    """Entropy of how often each code occurs, in nats: the cross-entropy of the best constant odds."""
    counts = np.bincount(codes)
    odds = counts[counts > 0] / len(codes)
    return float(-(odds * np.log(odds)).sum())


def squared_error(
    outputs: Float[Array, "T outputs"], target: Float[Array, "T outputs"], counted: Float[Array, " T"]
) -> Scalar:
    """Mean over counted steps and outputs of (output - target)^2."""
    misses = _kept(outputs, counted) - _kept(target.astype(outputs.dtype), counted)
    return _mean((misses**2).mean(axis=1), counted)


class Misses(NamedTuple):
    """What one sequence adds to a normalised error; sums over counted steps and outputs."""

    square: Float[Array, "*axes"]
    """Of (output - target)^2."""
    steps: Float[Array, "*axes"]
    """Counted steps."""
    mean: Float[Array, "*axes outputs"]
    """Of the target."""
    spread: Float[Array, "*axes"]
    """Of (target - mean)^2."""


def misses(
    outputs: Float[Array, "T outputs"], target: Float[Array, "T outputs"], counted: Float[Array, " T"]
) -> Misses:
    """What `normalised` needs to know of one sequence."""
    weights, wanted = counted.astype(outputs.dtype), _kept(target.astype(outputs.dtype), counted)
    steps = weights.sum()
    mean = wanted.sum(axis=0) / steps
    square = ((_kept(outputs, counted) - wanted) ** 2).sum()
    return Misses(square, steps, mean, (weights[:, None] * (wanted - mean[None]) ** 2).sum())


def normalised(each: Misses) -> Scalar:
    """The normalised root mean square error (NRMSE) of many sequences, on a leading axis, pooled.

    sqrt(sum (output - target)^2 / sum (target - mean)^2),   sums and mean over all counted steps together

    Reference: Jaeger 2001, The "echo state" approach to analysing and training recurrent neural networks.
    """
    mean = (each.steps[:, None] * each.mean).sum(axis=0) / each.steps.sum()
    between = (each.steps * ((each.mean - mean[None]) ** 2).sum(axis=1)).sum()
    square = each.square.sum()
    return jnp.where(square == 0, 0.0, jnp.sqrt(square / (each.spread.sum() + between)))


def cross_entropy(
    outputs: Float[Array, "T outputs"], target: Int[Array, " T"], counted: Float[Array, " T"]
) -> Scalar:
    """Mean over counted steps of -log softmax(outputs)[target], in nats."""
    logs = jax.nn.log_softmax(_kept(outputs, counted))
    return -_mean(jnp.take_along_axis(logs, target[:, None], axis=1)[:, 0], counted)


def share_wrong(
    outputs: Float[Array, "T outputs"], target: Int[Array, " T"], counted: Float[Array, " T"]
) -> Scalar:
    """Share of the counted steps whose largest output is not the target's, or that are not finite."""
    right = (outputs.argmax(axis=1) == target) & jnp.isfinite(outputs).all(axis=1)
    return _mean((~right).astype(outputs.dtype), counted)


def share_missed(
    outputs: Float[Array, "T outputs"],
    target: Float[Array, "T outputs"],
    counted: Float[Array, " T"],
    tolerance: Scalar,
) -> Scalar:
    """Share of the counted steps with an output off by more than `tolerance`; one that is NaN is off."""
    far = jnp.abs(outputs - target.astype(outputs.dtype))
    near = (far <= jnp.asarray(tolerance, outputs.dtype)).all(axis=1)
    return _mean((~near).astype(outputs.dtype), counted)


def _kept(rows: Float[Array, "T outputs"], counted: Float[Array, " T"]) -> Float[Array, "T outputs"]:
    """Rows with zeros at the steps that do not count, so that an overflow there spoils neither way."""
    return jnp.where(counted[:, None] > 0, rows, 0.0)


def _mean(values: Float[Array, " T"], counted: Float[Array, " T"]) -> Scalar:
    weights = counted.astype(values.dtype)
    return (values * weights).sum() / weights.sum()
