"""What trains an arm, as digests; results that other code has given are refused."""

import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import digests
from gradlab.studies.remedies import arms, loop, measure, readout, signal
from gradlab.studies.remedies.networks import Network, Setting, initialised
from gradlab.studies.remedies.settings import Training
from gradlab.studies.remedies.work import by_place, ready
from gradlab.studies.sweep.program import block, placed, shared
from gradlab.types import Key

PROFILE, LEARNING = "profile", ("training", "fitting", "evaluation")
"""Digests of programs that share out networks among devices: all there are, and as many as are needed."""


def require(comparison: Training, known: Any, where: str, places: Iterable[str] | None = None) -> None:
    """Refuse results of the same settings that other code has given; `known` is a run's `code`, by arm and T.

    Raises:
      GradlabError: with what has changed.
    """
    every = by_place(comparison)

    def now(place: str, before: digests.Code) -> digests.Code:
        arm, setting = every[place]
        return of_arm(comparison, ready(comparison, arm, setting), setting, digests.DEVICES in before)

    def spread(place: str, devices: int) -> set[str]:
        # Few seeds are trained on few devices, however many there are.
        on = functools.partial(loop.devices, every[place][1], comparison.seeds)
        alike = on(devices) == on()
        return {PROFILE} if alike else {PROFILE, *LEARNING}

    wanted = {place: _shown(comparison, every[place][0]) for place in (every if places is None else places)}
    digests.require(known, now, lambda place, before: {}, where, wanted, spread)


def _shown(comparison: Training, arm: arms.Arm) -> set[str]:
    """The digests that show whether what the user has brought for an arm is as it was."""
    training = ("fitting", "evaluation") if arm.closed_form else ("training",)
    # An arm may be called by a cell or an initialiser, too.
    given = {
        "cells": (comparison.cell, ("step",)),
        "initializers": (comparison.init, ("initialiser",)),
        "tasks": (comparison.task, training),
        "remedies": ("", training),
    }
    found: set[str] = set()
    for kind, (spelled, shows) in given.items():
        if digests.brought(spelled, arm.label, kinds=(kind,)):
            found.update(shows)
    return found


def of_arm(comparison: Training, arm: arms.Arm, setting: Setting, whole: bool = True) -> digests.Code:
    """The digests of an arm's cell, its initialiser, what trains or fits them, what judges and profiles them.

    The arm is `ready`: it draws what is trained. `whole` is that of `digests.of_cell`.
    """
    dtype, every = np.dtype(comparison.precision), block() * len(jax.devices())
    normal = lambda key, n: jax.random.normal(key, (n, n), float)

    def start(key: Key) -> Network:
        one = jnp.ones((), float)
        return initialised(setting, normal, one, one, key, dtype, arm.numbers)

    def networks(width: int) -> tuple[Network, Any]:
        keys = jax.random.split(jax.random.key(0), width)
        return jax.vmap(start)(keys), keys

    devices = loop.devices(setting, comparison.seeds)
    given = jax.eval_shape(lambda: networks(loop.block(setting) * devices))
    measured = jax.eval_shape(lambda: networks(every)[0])
    own = digests.of_cell(arm.cell, (setting.task.sizes[0], setting.hidden), comparison.precision, whole)
    draw = jax.jit(lambda key: arm.initializer(key, setting.hidden))
    parts = {
        "initialiser": digests.digest(draw.lower(jax.random.key(0))),
        PROFILE: measure.made(comparison, arm, setting, measured).code,
    }
    if arm.closed_form:
        parts["fitting"] = readout.sums(setting).made(given[0], jnp.int32(1)).code
        parts["evaluation"] = readout.evaluated(setting).made(given[0], jax.random.key(0)).code
    else:
        trains = loop.program(setting, devices)
        parts["training"] = trains.made(*placed(given, shared(devices))).code
        if signal.tells(setting):
            seeds = jax.eval_shape(lambda: networks(comparison.seeds)[0])
            parts["signal"] = signal.made(setting, seeds).code
    solved = {"solved": digests.of_text(repr(setting.task.solved))}
    return digests.joined(own, digests.named(parts), solved, digests.here())
