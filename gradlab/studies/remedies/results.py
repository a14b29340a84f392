"""Results of a training as tables: one row per network, its curves, and its profiles before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from gradlab.errors import GradlabError, shown
from gradlab.runs import contents, csv_tables, former, readers
from gradlab.studies import norms
from gradlab.studies.norms import PROFILES, SEQUENCES, SIGNAL
from gradlab.studies.remedies import race, search, sent_back
from gradlab.studies.remedies.rows import ENDS, ArmRow, Race, outcomes

if TYPE_CHECKING:
    import pandas
    import xarray

    from gradlab.studies.remedies.kept import Result

MEANS = ("changed", "cosine")
UNITS = {"gradient_share": "share of the gradient", "target_chance": "chance"}
TEXT: Any = {"arm": str, "cell": str, "broken_what": str}


@final
@dataclass(frozen=True)
class TrainingRun:
    """What the folder of a comparison holds."""

    about: dict[str, Any]
    table: "pandas.DataFrame"
    """`remedies.csv`: one row per network."""
    curves: "pandas.DataFrame"
    """`training.csv`: one row per (network, update, metric)."""
    norms: "xarray.Dataset"
    """`norms.nc`: the profiles before and after training."""

    @property
    def chance(self) -> dict[str, float]:
        """By T, as text: the loss of the best answer that knows nothing of the sequence."""
        found = self.about.get("chance")
        pairs = found.items() if isinstance(found, dict) else ()
        return {T: float(loss) for T, loss in pairs if isinstance(loss, int | float)}

    def outcomes(self) -> list[ArmRow]:
        """One row per (arm, T, w_rec)."""
        rows = outcomes(self.table, self.norms, self.chance, self.about.get("costs", {}))
        found = sent_back.added(rows, self.norms)
        settings = self.about["settings"]
        if settings.get("target"):
            return self._raced(found)
        if not settings.get("longest"):
            return found
        most = search.most(settings["T"][0], settings["longest"])
        return [row._replace(most=most) for row in found]

    def _raced(self, rows: list[ArmRow]) -> list[ArmRow]:
        """The rows of a race, with who was stopped when."""
        budget, every = (self.about["settings"][name] for name in ("updates", "eval_every"))
        stride = min(budget, every)
        costs = [int(row.multiply_adds) for row in rows if row.multiply_adds > 0]
        rungs = race.rungs(costs, budget, stride) if costs else ()
        ends = self.curves.groupby(["arm", "seed"])["update"].max()
        made = []
        for row in rows:
            some = self.table[self.table["arm"] == row.arm]
            on = some[(some["solved_at"] == 0) & (some["broken_at"] == 0)]
            last = max((int(ends.get((row.arm, seed), budget)) for seed in on["seed"]), default=budget)
            stopped = last if last < budget else 0
            at = 0
            if stopped and row.multiply_adds > 0:
                reached = [race.updates_of(int(row.multiply_adds), one, budget, stride) for one in rungs]
                at = 1 + next((i for i, one in enumerate(reached) if one >= stopped), len(rungs) - 1)
            when = some["solved_at"].to_numpy(np.float64)
            each = tuple(np.where(when > 0, when, np.inf).tolist())
            made.append(row._replace(race=Race(budget, stopped, at, len(rungs), each)))
        return made


def write(folder: Path, run: TrainingRun) -> list[Path]:
    """Write a comparison's files, `run.json` last; the errors are those of `contents.write`."""
    made = {
        "remedies.csv": contents.csv(run.table, run.about),
        "training.csv": contents.csv(run.curves, run.about),
        "norms.nc": contents.netcdf(run.norms),
    }
    return contents.write(folder, run.about, made)


def read(path: Path) -> TrainingRun:
    """Read a comparison from its folder; the errors are those of `contents.read`."""
    folder = contents.home(path)
    about, held = contents.read(folder, ("remedies.csv", "training.csv", "norms.nc"))
    if about.get("command") != "remedies":
        raise GradlabError(str(folder), "is the run of a sweep, not of remedies")
    settings = about["settings"]
    lr = former.LEARNING_RATE.get(about["schema"], "lr")
    table = _table(held["remedies.csv"], str(folder / "remedies.csv"), settings, lr)
    arms = list(dict.fromkeys(table["arm"].tolist()))
    there = settings | {"T": lengths(settings, table)}
    curves = _curves(held["training.csv"], str(folder / "training.csv"), there, arms)
    profiles = norms.trained(held["norms.nc"], str(folder / "norms.nc"), there, arms)
    return TrainingRun(about, table, curves, profiles)


def _table(content: bytes, where: str, settings: dict[str, Any], lr: str) -> "pandas.DataFrame":
    """One row for every arm, T, w_rec and seed; an arm is called as its settings came out.

    `lr` is what the column of the learning rate is called in the file.
    """
    updates = readers.whole(0, settings["updates"])
    searched = bool(settings.get("longest"))
    may = settings
    if searched:
        may = settings | {"T": search.candidates(settings["T"][0], settings["longest"])}
    columns = {"arm": readers.label, "cell": readers.label} | _grid(may)
    columns |= {"hidden": readers.whole(1), "parameters": readers.whole(0), lr: readers.number}
    columns |= {"solved_at": updates, "broken_at": updates, "broken_what": readers.word}
    columns |= {"loss": readers.loss, "error": readers.loss} | dict.fromkeys(MEANS, readers.number)
    table = csv_tables.read(content, where, columns, ["arm", *_grid(may)])
    if searched:
        _require_searched(table, where, settings)
    wanted = len(settings["remedies"]) * len(settings["T"]) * len(settings["w_rec"]) * settings["seeds"]
    if (len(table) != wanted and not searched) or table["arm"].nunique() != len(settings["remedies"]):
        what = (
            f"has {len(table)} networks of {table['arm'].nunique()} arms, where the settings of the run say "
        )
        raise GradlabError(where, f"{what}{wanted} of {len(settings['remedies'])}; run the command again")
    table = table.rename(columns={lr: "lr"})
    numbers = ("lr", "loss", "error", *MEANS)
    return table.astype(dict.fromkeys(TEXT, str) | dict.fromkeys(numbers, float))


def lengths(settings: dict[str, Any], table: "pandas.DataFrame") -> list[int]:
    """The T at which networks of a table were trained; those of a search in order."""
    if not settings.get("longest"):
        return list(settings["T"])
    return sorted(int(T) for T in table["T"].unique())


def _require_searched(table: "pandas.DataFrame", where: str, settings: dict[str, Any]) -> None:
    """Refuse a table whose T are not those that its own outcomes have had the search try."""
    seeds = settings["seeds"]
    for arm, some in table.groupby("arm", sort=False):
        learns: dict[int, bool] = {}
        came = {int(T): some[some["T"] == T] for T in some["T"].unique()}
        while (T := search.following(settings["T"][0], settings["longest"], learns)) in came:
            if len(came[T]) != seeds:
                what = f"has {len(came[T])} networks of {shown(arm)} at T = {T}, where the settings say"
                raise GradlabError(where, f"{what} {seeds}; run the command again")
            learns[T] = search.learns(int((came[T]["solved_at"] > 0).sum()), seeds)
        if T or list(learns) != list(came):
            what = f"does not have {shown(arm)} at the T that its search comes to; run the command again"
            raise GradlabError(where, what)


def _curves(content: bytes, where: str, settings: dict[str, Any], arms: list[str]) -> "pandas.DataFrame":
    """The evaluations of these arms while they were trained."""
    key = {"arm": readers.one_of(arms, "arm of the run")} | _grid(settings)
    key |= {"update": readers.whole(0, settings["updates"]), "metric": readers.name}
    curves = csv_tables.read(content, where, key | {"value": readers.loss}, list(key))
    return curves.astype({"arm": str, "metric": str, "value": float})


def _grid(settings: dict[str, Any]) -> dict[str, readers.Reader]:
    return {
        "T": readers.one_of(settings["T"], "T of the run"),
        "w_rec": readers.one_of(map(float, settings["w_rec"]), "w_rec of the run"),
        "seed": readers.whole(0, settings["seeds"] - 1),
    }


def table(results: "Sequence[Result]") -> "pandas.DataFrame":
    """One row per (arm, T, w_rec, seed)."""
    import pandas as pd

    lines: list[dict[str, Any]] = []
    for found in results:
        for seed in range(len(found.solved_at)):
            curve = found.evaluations["loss"][:, seed]
            seen = np.flatnonzero(~np.isnan(found.evaluations["train_loss"][:, seed]))
            lines.append(
                {
                    "arm": found.arm,
                    "cell": found.cell,
                    "T": found.T,
                    "w_rec": found.w_rec,
                    "seed": seed,
                    "hidden": found.hidden,
                    "parameters": found.parameters,
                    "lr": found.rate,
                    "solved_at": int(found.solved_at[seed]),
                    "broken_at": int(found.broken_at[seed]),
                    "broken_what": found.broken_what[seed],
                    "loss": float(curve[seen[-1]]) if len(seen) else np.nan,
                    "error": float(found.evaluations["error"][seen[-1], seed]) if len(seen) else np.nan,
                }
                | {name: _mean(found.evaluations[name][:, seed]) for name in MEANS}
            )
    return pd.DataFrame(lines)


def _mean(values: Any) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def curves(results: "Sequence[Result]") -> "pandas.DataFrame":
    """The tidy `training.csv`: one row per (arm, T, w_rec, seed, update, metric)."""
    import pandas as pd

    blocks = []
    for found in results:
        seeds = len(found.solved_at)
        for metric, values in found.evaluations.items():
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


def profiles(results: "Sequence[Result]", Ts: "Sequence[int] | None" = None) -> "xarray.Dataset":
    """The dataset of `norms.nc`: log10 norms by (arm, T, w_rec, seed, when, lag).

    NaN where undefined, not finite or not trained, -inf where exactly zero. Of the task's own loss by the
    same axes, if any result has them: the share of each lag in the gradient, and the chance of its dependence
    on the target. `Ts` are all T, in order; else they are in the order of the results.
    """
    import xarray as xr

    names, came, gains = (
        list(dict.fromkeys(getattr(r, key) for r in results)) for key in ("arm", "T", "w_rec")
    )
    Ts = came if Ts is None else list(Ts)
    seeds = len(results[0].solved_at)
    shape = (len(names), len(Ts), len(gains), seeds, len(ENDS), max(Ts) + 1)
    axes = ("arm", "T", "w_rec", "seed", "when", "lag")
    held = (*PROFILES, *(name for name in SIGNAL if any(name in found.profiles for found in results)))
    arrays = {name: np.full(shape, np.nan) for name in held}
    for found in results:
        at = names.index(found.arm), Ts.index(found.T), gains.index(found.w_rec)
        for name in found.profiles:
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
        name: (axes, array, {"units": UNITS.get(name, "log10 of a norm")}) for name, array in arrays.items()
    }
    told = {"sequences": SEQUENCES} if len(held) > len(PROFILES) else {}
    return xr.Dataset(variables, coords, {"schema": "gradlab.profiles/1"} | told)
