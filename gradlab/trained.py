"""Results of trials as tables: one row a network, its curves, and its profiles before and after."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from gradlab import tables
from gradlab.outcomes import ENDS, Outcome, outcomes
from gradlab.status import GradlabError, shown

if TYPE_CHECKING:
    import pandas
    import xarray

    from gradlab.trials import Result

PROFILES = ("adjoint", "transport", "weight_gradient")
MEANS = ("changed", "cosine")
TEXT: Any = {"arm": str, "cell": str, "broken_what": str}


@final
@dataclass(frozen=True)
class Trained:
    """What the folder of a comparison holds."""

    about: dict[str, Any]
    table: "pandas.DataFrame"
    """`remedies.csv`: one row a network."""
    curves: "pandas.DataFrame"
    """`training.csv`: one row a (network, update, metric)."""
    norms: "xarray.Dataset"
    """`norms.nc`: the profiles at the start and at the end."""

    @property
    def chance(self) -> dict[str, float]:
        """By T, as text: the loss of the best answer that knows nothing of the sequence."""
        found = self.about.get("chance")
        pairs = found.items() if isinstance(found, dict) else ()
        return {T: float(loss) for T, loss in pairs if isinstance(loss, int | float)}

    def outcomes(self) -> list[Outcome]:
        """One row an (arm, T, w_rec)."""
        return outcomes(self.table, self.norms, self.chance)


def write(folder: Path, run: Trained) -> list[Path]:
    """Write a comparison's files, `run.json` last; the errors are those of `tables.write`."""
    contents = {
        "remedies.csv": tables.csv(run.table),
        "training.csv": tables.csv(run.curves),
        "norms.nc": tables.netcdf(run.norms),
    }
    return tables.write_files(folder, run.about, contents)


def read(path: Path) -> Trained:
    """Read a comparison from its folder; the errors are those of `tables.read`."""
    import pandas as pd

    about, contents = tables.read_files(path, ("remedies.csv", "training.csv", "norms.nc"))
    try:
        frames = [
            pd.read_csv(io.BytesIO(contents[name]), keep_default_na=False, na_values=[""], dtype=TEXT)
            for name in ("remedies.csv", "training.csv")
        ]
        for frame in frames:
            frame["arm"] = frame["arm"].map(tables.unquoted)
        whole = frames[0].fillna({"broken_what": ""})
        return Trained(about, whole, frames[1], tables.dataset(contents["norms.nc"]))
    except (ValueError, KeyError, OSError) as error:
        raise GradlabError(str(path), f"cannot be read: {shown(str(error))}") from error


def table(results: "Sequence[Result]") -> "pandas.DataFrame":
    """One row a (arm, T, w_rec, seed)."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for found in results:
        for seed in range(len(found.solved_at)):
            curve = found.looks["loss"][:, seed]
            seen = np.flatnonzero(~np.isnan(found.looks["train_loss"][:, seed]))
            rows.append(
                {
                    "arm": found.arm,
                    "cell": found.cell,
                    "T": found.T,
                    "w_rec": found.w_rec,
                    "seed": seed,
                    "hidden": found.hidden,
                    "parameters": found.parameters,
                    "rate": found.rate,
                    "solved_at": int(found.solved_at[seed]),
                    "broken_at": int(found.broken_at[seed]),
                    "broken_what": found.broken_what[seed],
                    "loss": float(curve[seen[-1]]) if len(seen) else np.nan,
                    "error": float(found.looks["error"][seen[-1], seed]) if len(seen) else np.nan,
                }
                | {name: _mean(found.looks[name][:, seed]) for name in MEANS}
            )
    return pd.DataFrame(rows)


def _mean(values: Any) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def curves(results: "Sequence[Result]") -> "pandas.DataFrame":
    """The tidy `training.csv`: one row a (arm, T, w_rec, seed, update, metric)."""
    import pandas as pd

    blocks = []
    for found in results:
        seeds = len(found.solved_at)
        for metric, values in found.looks.items():
            update, seed = np.meshgrid(found.updates, np.arange(seeds), indexing="ij")
            block = pd.DataFrame(
                {
                    "arm": found.arm,
                    "T": found.T,
                    "w_rec": found.w_rec,
                    "seed": seed.ravel(),
                    "update": update.ravel(),
                }
            )
            blocks.append(block.assign(metric=metric, value=values.ravel()))
    joined = pd.concat(blocks, ignore_index=True)
    return joined[joined["value"].notna()].reset_index(drop=True)


def profiles(results: "Sequence[Result]") -> "xarray.Dataset":
    """The dataset of `norms.nc`: log10 norms by (arm, T, w_rec, seed, when, lag).

    NaN where undefined or not finite, -inf where exactly zero.
    """
    import xarray as xr

    names, Ts, gains = (
        list(dict.fromkeys(getattr(r, key) for r in results)) for key in ("arm", "T", "w_rec")
    )
    seeds = len(results[0].solved_at)
    shape = (len(names), len(Ts), len(gains), seeds, len(ENDS), max(Ts) + 1)
    axes = ("arm", "T", "w_rec", "seed", "when", "lag")
    arrays = {name: np.full(shape, np.nan) for name in PROFILES}
    for found in results:
        at = names.index(found.arm), Ts.index(found.T), gains.index(found.w_rec)
        for name in PROFILES:
            arrays[name][at][..., : found.T + 1] = found.profiles[name]
    coords: dict[str, Any] = {
        "arm": np.array(names, dtype=object),
        "T": np.array(Ts, np.int64),
        "w_rec": np.array(gains, np.float64),
        "seed": np.arange(seeds),
        "when": np.array(ENDS, dtype=object),
        "lag": np.arange(max(Ts) + 1),
    }
    variables: dict[str, Any] = {
        name: (axes, array, {"units": "log10 of a norm"}) for name, array in arrays.items()
    }
    return xr.Dataset(variables, coords, {"schema": "gradlab.profiles/1"})
