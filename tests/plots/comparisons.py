"""Synthetic comparisons of remedies, in the shape that `gradlab remedies` stores."""

import numpy as np
import pandas as pd
import xarray as xr

from gradlab.studies.remedies.results import TrainingRun
from tests.trials import SETTINGS

UPDATES = (100, 200, 300, 400)


def comparison(
    arms=("none", "clip_norm"), T=(20, 50, 100), w_rec=(0.5, 1.0, 1.5), seeds=4, solves=None, breaks=None
):
    solves = solves or (lambda arm, T, w, seed: 200 * (T * abs(np.log10(w)) < 3 + 4 * (arm != "none") - seed))
    breaks = breaks or (lambda arm, T, w, seed: 0)
    rows, curves = [], []
    for arm in arms:
        for t in T:
            for w in w_rec:
                for seed in range(seeds):
                    at, broken = int(solves(arm, t, w, seed)), int(breaks(arm, t, w, seed))
                    row = {"arm": arm, "cell": "elman", "T": t, "w_rec": w, "seed": seed, "hidden": 20}
                    row |= {"parameters": 624, "lr": 0.003, "solved_at": at, "broken_at": broken}
                    row |= {"broken_what": "loss" if broken else "", "loss": 0.5, "error": 0.1}
                    rows.append(row | {"changed": 0.0, "cosine": 1.0})
                    last = at or broken or UPDATES[-1]
                    for update in (u for u in UPDATES if u <= last):
                        loss = 1.4 * (0.1 if at else 0.9) ** (update / 100) * (1 + 0.1 * seed)
                        metrics = {"loss": loss, "error": loss / 2, "gradient_norm": np.log10(loss)}
                        for metric, value in metrics.items():
                            point = {"arm": arm, "T": t, "w_rec": w, "seed": seed, "update": update}
                            curves.append(point | {"metric": metric, "value": value})
    about = {"command": "remedies", "status": "complete", "failed": 0, "points": len(rows)}
    about |= {"chance": {str(t): 1.386 for t in T}, "solved": 0.01}
    asked = {"task": "temporal_order", "T": list(T), "w_rec": list(map(float, w_rec)), "seeds": seeds}
    about |= {"settings": SETTINGS | asked | {"remedies": list(arms)}, "versions": {"gradlab": "0"}}
    return TrainingRun(about, pd.DataFrame(rows), pd.DataFrame(curves), profiles(arms, T, w_rec, seeds))


def profiles(arms, T, w_rec, seeds):
    axes = ("arm", "T", "w_rec", "seed", "when", "lag")
    coords = {"arm": list(arms), "T": list(T), "w_rec": list(w_rec), "seed": list(range(seeds))}
    coords |= {"when": ["start", "end"], "lag": np.arange(max(T) + 1)}
    lags = np.where(coords["lag"] <= np.array(T)[:, None], coords["lag"], np.nan)
    values = lags[:, None, :] * np.log10(np.asarray(w_rec, float))[None, :, None]
    whole = np.broadcast_to(values[None, :, :, None, None], tuple(len(coords[axis]) for axis in axes))
    return xr.Dataset(
        {name: (axes, whole.copy()) for name in ("adjoint", "transport", "weight_gradient")}, coords
    )
