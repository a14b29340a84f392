"""What the interactive map needs: log10 norms over lag and w_rec, mean over seeds."""

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlab.escaping import script
from gradlab.profiles import QUANTITIES, mean_ok
from gradlab.report.sources import Source
from gradlab.report.words import clean
from gradlab.states import EXACT_ZERO, FORWARD_NONFINITE
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run
from gradlab.studies.sweep.rows import REPEATS, given, whole

LEAST_LAGS = 24
"""With fewer columns a map says too little to be kept."""
_AXES = ("cell", "init", "w_rec", "T", "seed", "lag")


def payload(named: Sequence[tuple[str, Source]], room: int) -> str | None:
    """The data of the map as JSON of at most about `room` bytes, safe in a script element.

    Long profiles are thinned to evenly spaced lags to fit; None if too few would be left, or no run is a
    sweep.
    """
    runs = [(name, source.run) for name, source in named if isinstance(source.run, Run)]
    # Of a model as a whole there is one profile, which is a figure.
    runs = [(name, run) for name, run in runs if not whole(run.norms)]
    if not runs:
        return None
    rows = sum(_rows(run.norms) for _, run in runs)
    lags = int(room * 3 / 4 / 4 / max(rows, 1))
    longest = max(int(run.norms["T"].values.max()) + 1 for _, run in runs)
    if lags < min(LEAST_LAGS, longest):
        return None
    return script({"runs": [_run(name, run, lags) for name, run in runs]})


def _rows(norms: Any) -> int:
    """Profiles that the map of a run holds."""
    sizes = norms.sizes
    parts = sum(norms[q].sizes.get("part", 1) if q != "transport" else 1 for q in QUANTITIES)
    return int(sizes["cell"] * sizes["init"] * sizes["w_rec"] * sizes["T"] * parts)


def _run(name: str, run: Run, most: int) -> dict[str, Any]:
    norms = run.norms
    Ts = [int(T) for T in norms["T"].values]
    lags = [np.unique(np.linspace(0, T, min(T + 1, most)).round().astype(int)) for T in Ts]
    mean = results.mean_rates(run)
    maps: dict[str, dict[str, dict[str, str]]] = {}
    for quantity in QUANTITIES:
        for part in map(str, norms["part"].values):
            found = _packed(norms, quantity, part, lags)
            if found:
                maps.setdefault(quantity, {})[clean(part)] = found
    return {
        "name": clean(name),
        "cells": [clean(str(cell)) for cell in norms["cell"].values],
        "inits": [clean(str(init)) for init in norms["init"].values],
        # A given network has its own weights, and what stands on its axis is no gain.
        "w_rec": [None if math.isnan(w) or given(norms) else float(w) for w in norms["w_rec"].values],
        "T": Ts,
        "seeds": int(norms.sizes["seed"]),
        "repeats": REPEATS[given(norms)],
        "lags": [some.tolist() for some in lags],
        "rates": [None if math.isnan(r) else round(float(r), 9) for r in mean.ravel()],
        "maps": maps,
    }


def _packed(norms: Any, quantity: str, part: str, lags: list[NDArray[np.int64]]) -> dict[str, str]:
    """By cell, the norms of (T, init, w_rec, lag) as little-endian float32 in base64.

    Minus infinity is an exact zero, plus infinity a forward pass that is not finite, NaN undefined. A cell
    that lacks the quantity or the part is left out.
    """
    values, codes = norms[quantity], norms[f"{quantity}_state"]
    if "part" in values.dims:
        values, codes = values.sel(part=part), codes.sel(part=part)
    elif part != "state":
        return {}
    log, state = values.transpose(*_AXES).values, codes.transpose(*_AXES).values
    mean = mean_ok(log, state)
    mean = np.where(np.isnan(mean) & (state == EXACT_ZERO).any(-2), -np.inf, mean)
    mean = np.where(np.isnan(mean) & (state == FORWARD_NONFINITE).any(-2), np.inf, mean)
    found = {}
    for c in range(mean.shape[0]):
        if not np.isnan(mean[c]).all():
            blocks = [mean[c, :, :, t][..., some].astype("<f4").ravel() for t, some in enumerate(lags)]
            found[str(c)] = base64.b64encode(np.concatenate(blocks).tobytes()).decode()
    return found
