"""Sequences of a task and what it makes of answers to them: drawn once, and judged by all its contracts."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.types import Example

COUNT = 2048
"""Sequences that are judged."""
QUICK: dict[str, str | bool] = {"xla_backend_optimization_level": "0"}
"""These programs run for milliseconds: what counts is how soon they are compiled."""


def buffers(task: Any) -> int:
    """A T at which every contract can be judged."""
    return int(task.least) + 5


def varied(task: Any) -> Any:
    """The task with every length that it can have, or as it is if it has one length only."""
    return dataclasses.replace(task, shortest=task.least) if hasattr(task, "shortest") else task


@functools.cache
def draw(task: Any, T: int, count: int) -> Example:
    """Sequences from one key, as numpy arrays."""
    keys = jax.random.split(jax.random.key(7), count)
    sample = jax.jit(jax.vmap(lambda key: task.sample(key, T)), compiler_options=QUICK)
    found: Example = jax.tree.map(np.asarray, sample(keys))
    return found


def drawn(task: Any) -> Example:
    """Many sequences."""
    return draw(task, buffers(task), COUNT)


def one(task: Any, T: int) -> Example:
    """One sequence, as JAX arrays."""
    found: Example = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), draw(task, T, 2))
    return found


def judged(task: Any, outputs: Any, examples: Example) -> tuple[Any, Any, Any]:
    """Losses, their gradients and errors of many sequences."""
    (losses, slopes), errors = _judge(task)(outputs, examples)
    return np.asarray(losses), np.asarray(slopes), np.asarray(errors)


@functools.cache
def _judge(task: Any) -> Any:
    slope, error = jax.value_and_grad(task.loss), error_alone(task)
    both = lambda outputs, example: (slope(outputs, example), error(outputs, example))
    return jax.jit(jax.vmap(both), compiler_options=QUICK)


def error_alone(task: Any) -> Any:
    """The error of a single sequence."""

    def error(outputs: Any, example: Example) -> Any:
        return task.overall(jax.tree.map(lambda leaf: leaf[None], task.error(outputs, example)))

    return error


def classes(examples: Example) -> bool:
    """Whether the target is a class, and not numbers."""
    return bool(np.issubdtype(examples.target.dtype, np.integer))


def perfect(task: Any, examples: Example) -> NDArray[np.float64]:
    """Outputs that are right, and infinite where they do not count."""
    target = np.asarray(examples.target)
    right = 50 * np.eye(task.sizes[1])[target] if classes(examples) else target
    return np.where(np.asarray(examples.counted)[..., None] > 0, right, np.inf)


def empty(shape: tuple[int, ...], dtype: Any) -> Any:
    """The form of an array, without its numbers."""
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def shape(task: Any, T: int) -> Example:
    """The shapes and dtypes of one sequence; nothing is drawn."""
    found: Example = jax.eval_shape(lambda key: task.sample(key, T), jax.random.key(0))
    return found
