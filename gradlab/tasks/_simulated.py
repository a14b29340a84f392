"""The chance level of a task whose target follows no law in closed form: measured on many sequences."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from gradlab.tasks import _common


def variance(task: Any, T: int) -> float:
    """Mean over lengths and counted steps of the variance of the target across sequences.

    Up to 1024 sequences drawn in float64 from a fixed key, so the number is the same in every run; its
    relative standard error is about sqrt(2 / 1024) = 4 % a step and falls as T grows.
    """
    possible = _common.lengths(task, T)
    spread, counted = _by_step(dataclasses.replace(task, shortest=0), T)
    each = np.cumsum(spread * counted) / np.maximum(np.cumsum(counted), 1)
    return float(each[possible.start - 1 : possible.stop - 1].mean())


@functools.cache
def _by_step(task: Any, T: int) -> tuple[Any, Any]:
    """Variance of the target and weight of every step; the same for shorter sequences, which are prefixes."""
    count = int(np.clip(2**20 // T, 64, 1024))
    # A loss may ask while it is traced, in float32: the numbers are worked out apart from all that.
    with (
        jax.ensure_compile_time_eval(),
        jax.enable_x64(True),
        jax.default_device(jax.local_devices(backend="cpu")[0]),
    ):
        draw = jax.jit(jax.vmap(lambda key: task.sample(key, T)))
        examples = draw(jax.random.split(jax.random.key(0), count))
        return np.asarray(examples.target).var(axis=0, ddof=1).mean(axis=1), np.asarray(examples.counted[0])
