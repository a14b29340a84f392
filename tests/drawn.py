"""Random results, every number of which is known: sweeps of straight profiles, and comparisons."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from gradlab.states import BELOW_PRECISION, EXACT_ZERO, FORWARD_NONFINITE, OK, UNDEFINED
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import results

CELLS = ("elman", "elman(activation=identity)", "gru", "lstm(forget_bias=2.0)")
AXES = ("cell", "init", "w_rec", "T", "seed")


def sweep(rng):
    """A sweep and its raw numbers: `raw[cell, init, w_rec, T]` is a list with one network per seed.

    A network is its slope, the lag of its last norm (`last`), what comes beyond (`beyond`: a state), and
    the step at which its forward pass overflows (`step`, 0 for none).
    """
    cells = list(rng.choice(CELLS, rng.integers(1, 4), replace=False))
    inits = ["orthogonal", "gaussian"][: rng.choice([1, 1, 2])]
    gains = sorted(rng.choice(np.arange(2, 30), rng.choice([1, 1, 2, 3, 5, 7]), replace=False) / 10)
    Ts = sorted(rng.choice([10, 16, 30], rng.choice([1, 1, 2]), replace=False).tolist())
    seeds = int(rng.choice([1, 2, 3, 5, 8]))
    has_gain = [bool(rng.random() > 0.15) for _ in cells]
    raw = {}
    for c, cell in enumerate(cells):
        for init in inits:
            kind = rng.choice(["rising", "level", "any", "zero", "decaying", "alike"])
            noise = rng.choice([0, 1e-5, 0.003, 0.05])
            for T in Ts:
                raw |= _rows(rng, (cell, init), gains, T, seeds, kind, noise, has_gain[c])
    norms = _norms(raw, cells, inits, gains, Ts, seeds)
    norms = norms.assign_coords(
        has_gain=("cell", has_gain), linear=("cell", ["identity" in c for c in cells])
    )
    run = results.Run({"status": "complete"}, results.metrics(norms), norms)
    return SimpleNamespace(run=run, raw=raw, has_gain=dict(zip(cells, has_gain, strict=True)), T=max(Ts))


def _rows(rng, where, gains, T, seeds, kind, noise, has_gain):
    found, same = {}, None
    turn = rng.choice([-1.0, 1.0])
    for w in gains:
        base = {
            "rising": (w - 1.4) * 0.15,
            "level": rng.normal() * 0.1 / T,
            "any": rng.normal() * 0.2,
            "zero": 0.0,
            "decaying": -0.3 * turn * (w - 1.1),
            "alike": -0.123,
        }[kind]
        trouble = rng.choice(["", "", "", "", "lost", "cut", "dim"])
        some = rng.random(seeds) < rng.choice([0.3, 1.0])
        row = []
        for s in range(seeds):
            one = SimpleNamespace(slope=base + noise * rng.normal(), last=T, beyond=OK, step=0)
            if some[s] and trouble == "lost":
                one.step = int(rng.integers(1, T))
            elif some[s] and trouble in ("cut", "dim"):
                one.last = int(rng.integers(0, T))
                one.beyond = EXACT_ZERO if trouble == "cut" else BELOW_PRECISION
            row.append(one)
        # A cell that w_rec does not scale is the same network at every w_rec.
        same = row if same is None or has_gain else same
        found[*where, float(w), T] = same
    return found


def _norms(raw, cells, inits, gains, Ts, seeds):
    shape = (len(cells), len(inits), len(gains), len(Ts), seeds, 1, max(Ts) + 1)
    value, state = np.full(shape, np.nan), np.full(shape, UNDEFINED, np.int8)
    step = np.zeros(shape[:5], np.int32)
    for (cell, init, w, T), row in raw.items():
        at = (cells.index(cell), inits.index(init), list(map(float, gains)).index(w), Ts.index(T))
        for s, one in enumerate(row):
            value[*at, s, 0, : T + 1] = one.slope * np.arange(T + 1)
            state[*at, s, 0, : T + 1] = FORWARD_NONFINITE if one.step else OK
            if not one.step:
                state[*at, s, 0, one.last + 1 : T + 1] = one.beyond
            step[*at, s] = one.step
    past = np.arange(max(Ts) + 1) >= np.array(Ts)[:, None, None]
    weight = np.where(np.broadcast_to(past, state[..., 0, :].shape), UNDEFINED, state[..., 0, :])
    dims = (*AXES, "part", "lag")

    def pair(name, values, codes, dims):
        return {name: (dims, np.where(codes == OK, values, np.nan)), f"{name}_state": (dims, codes)}

    return xr.Dataset(
        pair("adjoint", value * 0.95 - 0.1, state, dims)
        | pair("transport", value, state, dims)
        | pair("transport_frobenius", value + 0.7, state, dims)
        | pair("weight_gradient", value[..., 0, :] * 0.97 - 1, weight.astype(np.int8), (*AXES, "lag"))
        | {"nonfinite_step": (AXES, step)},
        coords={
            "cell": cells,
            "init": inits,
            "w_rec": np.asarray(gains, float),
            "T": np.asarray(Ts, np.int64),
            "seed": np.arange(seeds),
            "part": ["state"],
            "lag": np.arange(max(Ts) + 1),
        },
        attrs={"schema": "gradlab.norms/1", "objective": "unit", "precision": "float32", "hidden": 8},
    )


ARMS = ("clip_norm", "clip_norm+omega", "lstm", "truncate(k=3)", "esn(leak=1.0, density=1.0)", "gru")
QUANTITIES = ("adjoint", "transport", "weight_gradient")


def comparison(rng):
    """A comparison; raw are its table, its profiles and `fitted`, the arms fitted in closed form."""
    arms = ["none"] * (rng.random() > 0.1) + list(rng.choice(ARMS, rng.integers(1, 6), replace=False))
    if rng.random() < 0.15:
        arms += [f"skip(span={k})" for k in range(2, 14)]
    if rng.random() < 0.1:
        arms = arms[:1]
    Ts = sorted(rng.choice([10, 20], rng.choice([1, 1, 2]), replace=False).tolist())
    gains = [0.9, 1.25][: rng.choice([1, 1, 2])]
    seeds = int(rng.choice([1, 2, 3, 4, 5, 6, 10, 20]))
    chance = {str(T): float(c) for T, c in zip(Ts, rng.choice([0.1667, 1.386], 2), strict=False)}
    fitted = {arm for arm in arms if arm.startswith("esn") or rng.random() < 0.05}
    norms = _profiles(rng, arms, Ts, gains, seeds)
    mood = rng.choice(["hard", "easy", "mixed", "mixed"])
    rows = [
        row
        for arm in arms
        for T in Ts
        for w in gains
        for row in _networks(rng, arm, T, w, seeds, chance[str(T)], mood, arm in fitted)
    ]
    settings = {
        "task": "adding",
        "updates": 400,
        "batch": 20,
        "optimizer": "adam",
        "eval_size": 50,
        "lr": [0.01, 0.001][: rng.choice([1, 2])],
        "tuning": int(rng.choice([1, 2])),
        "match": bool(rng.random() > 0.5),
        "widen": bool(rng.random() > 0.5),
    }
    about = {"command": "remedies", "status": "complete", "failed": 0, "settings": settings, "solved": 0.01}
    about |= {"code": {"none at T = 8": {"step": "1"}}}
    about |= {"chance": chance} if rng.random() > 0.1 else {}
    about |= {"costs": _costs(rng, arms, Ts, fitted)} if rng.random() > 0.1 else {}
    curves = pd.DataFrame(columns=["arm", "T", "w_rec", "seed", "update", "metric", "value"])
    return SimpleNamespace(run=TrainingRun(about, pd.DataFrame(rows), curves, norms), fitted=fitted)


def _costs(rng, arms, Ts, fitted):
    """What an update costs: nothing where none is made, and of some arms nobody knows it."""
    found = {}
    for arm in arms:
        for T in Ts:
            known = arm not in fitted and rng.random() > 0.1
            number = {"multiply_adds": T * int(rng.integers(1, 10**6))} if known else {}
            found[f"{arm} at T = {T}"] = {"trained": 90, "untrained": 7 * (arm in fitted)} | number
    return found


def _networks(rng, arm, T, w, seeds, chance, mood, fitted):
    """The rows of one arm at one place."""
    rates = {"hard": [0.0, 0.0, 0.0, 0.3], "easy": [1.0, 1.0, 0.9], "mixed": [0.0, 0.0, 0.5, 1.0]}[mood]
    solves, middle = rng.choice(rates), chance * rng.choice([0.01, 0.3, 0.6, 0.95, 1.0, 1.1, 2.0])
    spread, breaks = rng.choice([0.0, 0.02, 0.5]), 0 if fitted else rng.choice([0, 0, 0, 0.3, 1.0])
    for seed in range(seeds):
        broken = rng.random() < breaks
        solved = not broken and rng.random() < solves
        at_once = broken and rng.random() < 0.5
        row = {"arm": arm, "cell": arm.partition("(")[0], "T": T, "w_rec": w, "seed": seed, "hidden": 8}
        row |= {"parameters": 100 + 7 * len(arm), "lr": 0.01}
        row |= {"solved_at": int(rng.choice([100, 200, 300])) * solved, "broken_at": 150 * broken}
        row |= {"broken_what": str(rng.choice(["loss", "gradient"])) if broken else ""}
        row |= {"loss": math.nan if at_once else middle * math.exp(spread * rng.normal()), "error": 0.5}
        nobody = fitted or at_once
        changed = rng.choice([0.0, 0.001, 0.4]) * (arm != "none")
        yield row | {"changed": math.nan if nobody else changed, "cosine": math.nan if nobody else 0.9}


def _profiles(rng, arms, Ts, gains, seeds):
    """Straight transports by (arm, T, w_rec, seed, when); of truncate the adjoint is cut at lag 3."""
    shape = (len(arms), len(Ts), len(gains), seeds, 2)
    slope = rng.choice([0.0, -0.01, 0.05, -0.4, 0.2], (*shape[:3], 1, 2)) * np.ones(shape)
    slope = slope + rng.choice([0.0, 0.001, 0.1]) * rng.normal(size=shape)
    lag = np.arange(max(Ts) + 1)
    log = slope[..., None] * lag
    log[rng.random(shape) < 0.03] = np.nan
    log[..., 5:] = np.where(rng.random(shape)[..., None] < 0.05, -np.inf, log[..., 5:])
    within = lag <= np.array(Ts)[:, None, None, None, None]
    adjoint = log.copy()
    for a, arm in enumerate(arms):
        if arm.startswith("truncate"):
            adjoint[a, ..., 4:] = -np.inf
    axes = ("arm", "T", "w_rec", "seed", "when", "lag")
    coords = {
        "arm": arms,
        "T": Ts,
        "w_rec": gains,
        "seed": range(seeds),
        "when": ["start", "end"],
        "lag": lag,
    }
    values = {"adjoint": adjoint, "transport": log, "weight_gradient": log}
    return xr.Dataset({q: (axes, np.where(within, values[q], np.nan)) for q in QUANTITIES}, coords)
