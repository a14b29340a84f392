"""What a run that still goes on, or was stopped, has measured so far."""

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab import profiles
from gradlab.engines.share import deal, parsed
from gradlab.errors import Exit, GradlabError
from gradlab.profiles import QUANTITIES
from gradlab.runs import files, manifest, settings_forms, strict
from gradlab.runs.files import BEGUN
from gradlab.runs.shards import Arrays, Shards
from gradlab.states import UNDEFINED
from gradlab.studies.measure import partial as measuring
from gradlab.studies.neurons import partial as reading
from gradlab.studies.remedies import partial
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run

if TYPE_CHECKING:
    import xarray

_FAR: dict[str, tuple[type[strict.Strict], Callable[..., str]]] = {
    "measure": (settings_forms.Measure, measuring.said),
    "neurons": (settings_forms.Neurons, reading.said),
}
"""What has no table before its end: the form of its settings, and what says how far it is."""
_POINT = ("cell", "init", "w_rec", "T", "seed")


def read(folder: Path) -> Run | TrainingRun:
    """The finished points of a run that is not finished; of a sweep only of the state as a whole.

    Raises `GradlabError` with exit 4 if there are none, or if it is no sweep and no comparison of remedies.
    """
    about = _about(folder)
    settings = about["settings"]
    if settings.get("command") == "remedies":
        return _trained(folder, about)
    shards = Shards(folder, looking=True)
    found = {
        (cell, T): arrays
        for cell in settings["cell"]
        for T in settings["T"]
        if (arrays := shards.get(fits=functools.partial(_fits, settings), cell=cell, T=T)) is not None
    }
    if not found:
        raise nothing(folder, "the run has begun, and no point of it has finished yet")
    points = math.prod(len(settings[axis]) for axis in ("cell", "init", "w_rec", "T")) * settings["seeds"]
    norms = dataset(settings, found)
    return Run(about | {"status": "running", "points": points}, results.metrics(norms), norms)


def _trained(folder: Path, about: dict[str, Any]) -> TrainingRun:
    """The trainings that have ended of a comparison, or of a share of it."""
    if about["settings"].get("longest") or about["settings"].get("target"):
        raise nothing(
            folder, "arms are still being trained, and what a search or a race comes to is told at its end"
        )
    mine = [(text, T) for text in about["settings"]["remedies"] for T in about["settings"]["T"]]
    if about.get("share"):
        mine = deal(mine, [T for _, T in mine], parsed(about["share"]))
    run, rest = partial.read(Shards(folder, looking=True), about, mine)
    if run is None:
        raise nothing(folder, f"no training has ended. {rest.to_come()}".removesuffix("."))
    return run


def _fits(settings: dict[str, Any], arrays: Arrays) -> bool:
    """Whether these are the arrays of a cell of this sweep at one T."""
    gains = len(settings["w_rec"])
    counts = [len(settings["init"]) * n * settings["seeds"] for n in (1, gains)]
    return any(profiles.fit(arrays, n, max(settings["T"]) + 1) for n in counts)


def nothing(folder: Path, what: str) -> GradlabError:
    """The error for a run of which nothing can be said yet."""
    return GradlabError(str(folder), f"{what}; there is nothing to show", Exit.INCONCLUSIVE)


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = manifest.begun(folder)
    except FileNotFoundError:
        about = {}
    except OSError as error:
        raise files.unreadable(folder / BEGUN, error) from error
    if not about:
        raise nothing(folder, "the run has begun, and no point of it has finished yet")
    command = about["settings"].get("command", "sweep")
    if command in _FAR:
        _, faults = strict.read(_FAR[command][0], about["settings"], "settings")
        if faults:
            raise strict.refusal(str(folder / BEGUN), faults[:1])
        raise nothing(folder, _FAR[command][1](Shards(folder, looking=True), about, _part(about)))
    return about


def _part(about: dict[str, Any]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What gives, of all groups of a run of equal T, those that are computed in this folder."""
    share = parsed(about["share"]) if about.get("share") else None
    return lambda every: every if share is None else deal(every, [1] * len(every), share)


def dataset(settings: dict[str, Any], found: dict[tuple[str, int], Arrays]) -> "xarray.Dataset":
    """The dataset of the shards that are there; the points of the others are undefined."""
    import xarray as xr

    cells = [cell for cell in settings["cell"] if any(cell == there for there, _ in found)]
    Ts = [int(T) for T in settings["T"] if any(there == T for _, there in found)]
    inits, gains, seeds = settings["init"], settings["w_rec"], settings["seeds"]
    axes, lags = (len(inits), len(gains), seeds), max(settings["T"]) + 1
    shape = (len(cells), len(inits), len(gains), len(Ts), seeds)
    coords: dict[str, Any] = {
        "cell": np.array(cells, dtype=object),
        "init": np.array(inits, dtype=object),
        "w_rec": np.array(gains, np.float64),
        "T": np.array(Ts, np.int64),
        "seed": np.arange(seeds),
        "part": np.array(["state"], dtype=object),
        "lag": np.arange(lags),
        # Not known before the run has ended; nothing is then called chaotic.
        "linear": ("cell", np.full(len(cells), True)),
    }
    variables: dict[str, Any] = {"nonfinite_step": (_POINT, np.zeros(shape, np.int32))}
    for name in QUANTITIES:
        own = ("lag",) if name == "weight_gradient" else ("part", "lag")
        full = (*shape, lags) if own == ("lag",) else (*shape, 1, lags)
        variables[name] = ((*_POINT, *own), np.full(full, np.nan))
        variables[f"{name}_state"] = ((*_POINT, *own), np.full(full, UNDEFINED, np.int8))
    for (cell, T), arrays in found.items():
        at = (cells.index(cell), slice(None), slice(None), Ts.index(T))
        variables["nonfinite_step"][1][at] = _grid(arrays["nonfinite"], axes)
        for key in (key for name in QUANTITIES for key in (name, f"{name}_state") if key in arrays):
            networks = arrays[key] if arrays[key].ndim == 2 else arrays[key][..., 0]
            target = variables[key][1][at]
            target[...] = _grid(networks, axes).reshape(target.shape)
    return xr.Dataset(variables, coords)


def _grid(networks: NDArray[Any], axes: tuple[int, int, int]) -> NDArray[Any]:
    """Networks as (init, w_rec, seed, ...); a cell without a gain was measured once for all w_rec."""
    inits, gains, seeds = axes
    grid = networks.reshape(inits, -1, seeds, *networks.shape[1:])
    return np.broadcast_to(grid, (inits, gains, seeds, *networks.shape[1:]))
