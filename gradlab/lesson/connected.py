"""How much each step hears of the error of each later one, which a hand chooses; for chapter 6."""

import dataclasses
import math

import numpy as np

from gradlab.lesson import measured
from gradlab.lesson.languages import ENGLISH, Language
from gradlab.lesson.parts import Live
from gradlab.studies.sweep.settings import Sweep

CELLS = {"elman": "tanh", "lstm": "LSTM", "gru": "GRU"}
STEPS = 40
"""Of the sequence, the first ones."""
Logs = tuple[tuple[float, ...], ...]


def measure(grid: Sweep) -> dict[str, Logs]:
    """By cell, the logs of `flow` over the first steps of the networks of a grid's settings."""
    found = measured.networks(dataclasses.replace(grid, cell=tuple(CELLS)))
    return {CELLS[label]: flow(network, STEPS) for (label, _, _), network in found.items()}


def flow(network: measured.Network, steps: int) -> Logs:
    """log10 |(dstate_t/dstate_k)^T u| for k = 1..t, a row for each step t = 1..steps.

    u is the direction of equal parts in h, |u| = 1: the error of a step that asks for the sum of all units.
    """
    jacobians = network.jacobians[:steps].astype(np.float64)
    part = network.parts.get("h", slice(None))
    u = np.zeros(jacobians.shape[1])
    u[part] = 1
    u /= np.linalg.norm(u)
    rows = []
    for t in range(1, steps + 1):
        sent, sizes = u, [1.0]
        for jacobian in jacobians[t - 1 : 0 : -1]:
            sent = sent @ jacobian
            sizes.append(float(np.linalg.norm(sent)))
        rows.append(tuple(math.log10(size) if size > 0 else -math.inf for size in reversed(sizes)))
    return tuple(rows)


def live(found: dict[str, Logs], language: Language = ENGLISH) -> Live:
    """The rows of steps under a hand."""
    cells = [
        {"name": name, "logs": [[log if math.isfinite(log) else None for log in row] for row in logs]}
        for name, logs in found.items()
    ]
    return Live("connected", language.of("connected")("live", steps=STEPS), {"cells": cells})
