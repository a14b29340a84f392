"""Cheap stand-ins for what computes and draws; shards, tables and the run folder stay the real ones."""

import hashlib
import json
import time
from types import SimpleNamespace

import numpy as np
import xarray as xr

from gradlab import digests, runtime
from gradlab.planning import plan
from gradlab.planning.progress import Progress
from gradlab.plots import _default
from gradlab.runs import contents, store
from gradlab.runs.files import replace, storage
from gradlab.states import UNDEFINED
from gradlab.studies import norms
from gradlab.studies.remedies import compute as remedies_compute
from gradlab.studies.remedies import measure, work
from gradlab.studies.remedies import plan as remedies_plan
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.networks import Evaluation
from gradlab.studies.sweep import compute as sweep_compute
from gradlab.studies.sweep import plan as sweep_plan
from gradlab.studies.sweep.program import GRADIENT_AXES
from gradlab.studies.sweep.settings import Sweep

FACTS = {"gradlab": "0", "jax": "0"}
LEAVES = ("w_in", "w_rec")
CODE = {"source": digests.source(), "step": "0"}


class Computing:
    """Tells `note` of all that is computed, and stands still where it is asked to."""

    def __init__(self, note, pause=None, deaf=False):
        self.note, self.pause, self.deaf = note, pause, deaf

    def __call__(self, *what):
        word = " ".join(map(str, what))
        self.note(f"computed {word}")
        if word == self.pause:
            self.note("paused")
            self._stand_still()

    def _stand_still(self):
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                if not self.deaf:
                    raise
                self.note("deaf")


def install(computing):
    """Put the stand-ins in their places."""
    runtime.require_device = lambda device: None
    runtime.facts = lambda: dict(FACTS)
    store.git_facts = dict
    sweep_plan.plan = lambda asked: plan.Plan({"points": asked.points}, {}, 0, "")
    remedies_plan.plan = lambda asked: plan.Plan({"arms": len(asked.remedies)}, {}, 0, "")
    sweep_compute.draw = lambda asked: {label: _drawn(asked, label) for label in asked.cell}
    sweep_compute._start = _start
    sweep_compute._measured = lambda asked, started, T, clock: _measured(asked, started, T, clock, computing)
    work.check = lambda comparison: None
    remedies_compute._arm = lambda *what: _arm(computing, *what)
    contents.netcdf, norms.swept, norms.trained = _packed, _unpacked, _unpacked
    _default.fitting = lambda run: ["profile"]
    _default.draw = _draw


def _draw(run, folder):
    with storage(folder / "figures"):
        (folder / "figures").mkdir(exist_ok=True)
        for kind in _default.fitting(run):
            for ending in ("svg", "png"):
                replace(folder / "figures" / f"{kind}.{ending}", f"{kind} {run.about['points']}".encode())


def _packed(made):
    """What `netcdf` does, in a tenth of its time."""
    variables = {
        name: (variable.dims, str(variable.dtype), variable.values.tolist(), variable.attrs)
        for name, variable in made.variables.items()
    }
    whole = {"variables": variables, "coords": sorted(made.coords), "attrs": made.attrs}
    return json.dumps(whole, default=lambda array: array.tolist()).encode()


def _unpacked(content, *_):
    whole = json.loads(content)
    variables = {
        name: (dims, np.array(values, dtype), attrs)
        for name, (dims, dtype, values, attrs) in whole["variables"].items()
    }
    return xr.Dataset(variables, attrs=whole["attrs"]).set_coords(whole["coords"])


def _drawn(asked: Sweep, label):
    networks = SimpleNamespace(params=np.zeros(len(label)), xs=np.zeros(asked.networks))
    digests = {f"{init}/{s}": _hash(label, init, s) for init in asked.init for s in range(asked.seeds)}
    marks = _random(label).normal(size=(2, len(asked.init), asked.seeds, len(LEAVES)))
    return networks, sweep_compute.Weights(digests, LEAVES, marks)


def _hash(*what):
    return hashlib.sha256(repr(what).encode()).hexdigest()


def _random(*what):
    return np.random.default_rng(int(_hash(*what)[:12], 16))


def _start(asked, label, networks, drawn, clock, shards, some):
    clock.add(label)
    stored = {T: shards.get(cell=label, T=T) for T in some}
    kept = {T: arrays for T, arrays in stored.items() if arrays is not None}
    parts = ("state",)
    return sweep_compute._Started(
        label, asked.networks, parts, False, kept, {}, {}, drawn, (), 0, networks, CODE
    )


def _measured(asked, started, T, clock, computing):
    computing(started.cell, T)
    lags, random = max(asked.T) + 1, _random(asked, started.cell, T)
    arrays = {"nonfinite": np.zeros(started.total, np.int32)}
    for name in ("adjoint", "transport", "transport_frobenius", "weight_gradient"):
        axes = (started.total, lags) if name == "weight_gradient" else (started.total, lags, 1)
        value, state = random.normal(size=axes), np.zeros(axes, np.int8)
        value[:, T + 1 :], state[:, T + 1 :] = np.nan, UNDEFINED
        arrays |= {name: value, f"{name}_state": state}
    for name in GRADIENT_AXES:
        axes = (started.total, len(LEAVES))
        arrays |= {name: random.normal(size=axes), f"{name}_state": np.zeros(axes, np.int8)}
    clock.add(started.cell, done=asked.networks)
    # At one T alone a zero was found.
    return arrays, {"zeros": "0"} if min(asked.T) == T else {}


def _arm(computing, comparison, text, arm, T, report, shards):
    """Training whose every evaluation is kept, and depends on all before."""
    updates, seeds = work.evaluated_at(comparison), comparison.seeds
    rounds = len(updates)
    for w_rec in comparison.w_rec:
        checkpoint = Checkpoint(shards, arm.label, T, f"training at w_rec = {w_rec}")
        network = _random(arm.label, T, w_rec).normal(size=seeds)
        evaluations, done = {name: np.full((rounds, seeds), np.nan) for name in Evaluation._fields}, 0
        kept = shards.get(**checkpoint.key)
        if kept is not None:
            network, done = kept["lane 0"], int(kept["look"][0])
            evaluations = {name: np.array(kept[name]) for name in evaluations}
        for at in range(done, rounds):
            computing(arm.label, T, w_rec, at)
            network = np.sin(7 * network)
            for i, name in enumerate(evaluations):
                evaluations[name][at] = np.abs(network) + i
            now = {"lane 0": network, "look": np.array([at + 1])} | digests.packed(CODE)
            shards.put(now | evaluations, **checkpoint.key)
            report(Progress(f"{arm.label}: training", share=(at + 1) / rounds))
        profiles = {name: np.tile(network[:, None, None], (1, 2, T + 1)) for name in measure.PROFILES}
        none = np.zeros(seeds, np.int64)
        ended = evaluations, none, none, ("",) * seeds, profiles, 0.0, CODE, {"trained": 9, "untrained": 0}
        yield remedies_compute.Result(arm.label, "elman", T, w_rec, 4, 9, 0.1, updates, *ended)
