"""Synthetic runs with everything that a comparison reads: settings, versions, digests of the weights."""

import math

import numpy as np

from gradlab.findings.numbers import MACHINE
from gradlab.studies.sweep import results
from tests import samples

SETTINGS = {
    "seed": 0,
    "hidden": 32,
    "inputs": 1,
    "input_std": 0.1,
    "batch": 1,
    "precision": "float32",
    "objective": "unit",
}
VERSIONS = {"gradlab": "0.1.0"} | dict.fromkeys(MACHINE, "1")
MIXED = [{"machine": {"processor": name}, "groups": count} for name, count in (("one", 3), ("other", 1))]
"""Of a run that two machines have computed: what they were, and how many groups each."""


def facts(norms, **about):
    """What `run.json` says of a finished sweep that has measured this; `about` is added to it."""
    axes = {axis: norms[axis].values.tolist() for axis in ("cell", "init", "w_rec", "T")}
    settings = SETTINGS | axes | {"seeds": norms.sizes["seed"], "probe": []} | about.pop("settings", {})
    points = int(np.prod([norms.sizes[axis] for axis in (*axes, "seed")]))
    made = {"status": "complete", "points": points, "failed": 0, "versions": VERSIONS}
    code = {cell: {"step": cell, "source": "1"} for cell in axes["cell"]}
    return made | {"settings": settings, "code": code} | about


def run(cells=("elman", "lstm"), w_rec=(0.5, 0.9, 1.5), T=(20, 50), *, seed=0, gain=1.0, about=None, **more):
    """A finished run; its networks depend on `seed`; `gain` is a change of w_rec that nobody asked for."""
    norms = samples.norms(cells, w_rec, T, seed=seed, **({"seeds": 5} | more))
    if gain != 1.0:
        for name in ("adjoint", "transport", "transport_frobenius", "weight_gradient"):
            norms[name] = norms[name] + math.log10(gain) * norms["lag"]
    inits, seeds = norms["init"].values.tolist(), norms["seed"].values.tolist()
    weights = {
        cell: {f"{i}/{s}": f"{cell} {i} {s} of {seed}" for i in inits for s in seeds} for cell in cells
    }
    made = facts(norms, settings={"seed": seed}, weights=weights)
    return results.Run(made | (about or {}), results.metrics(norms), norms)


def changed(run, **about):
    """The same run with other facts in `run.json`."""
    return results.Run(run.about | about, run.metrics, run.norms)


def without(run, **labels):
    """The same run without the rows that have one of these labels, such as `cell="lstm"`."""
    table, norms = run.metrics, run.norms
    for name, label in labels.items():
        table = table[table[name] != label]
        if name in norms.coords:
            norms = norms.isel({name: norms[name].values != label})
    return results.Run(run.about, table.reset_index(drop=True), norms)


def edited(run, metric, value, state="ok", **where):
    """The same run with another value of one metric, in every row that `where` fits."""
    table = run.metrics.copy()
    hit = table["metric"] == metric
    for name, label in where.items():
        hit &= table[name] == label
    assert hit.any()
    table.loc[hit, "value"], table.loc[hit, "state"] = value, state
    return results.Run(run.about, table, run.norms)
