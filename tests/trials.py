"""A made-up comparison: 20 seeds of two arms, with known profiles."""

import numpy as np

from gradlab.studies.remedies import results as remedies_results
from gradlab.studies.remedies.compute import Result
from gradlab.studies.remedies.results import TrainingRun

PROFILE_T = 40
SETTINGS = {
    "command": "remedies",
    "task": "adding",
    "cell": "elman",
    "init": "gaussian",
    "hidden": 50,
    "eval_every": 100,
    "seed": 0,
    "precision": "float32",
    "updates": 400,
    "batch": 20,
    "optimizer": "adam",
    "eval_size": 50,
    "lr": [0.01, 0.001],
    "tuning": 2,
    "match": True,
}


def result(arm="none", seeds=20, broken=3, cut=None, T=PROFILE_T, w_rec=1.0):
    """The first seeds diverge at update 150, the others solve the task by update 300."""
    at = np.arange(seeds)
    solved = np.where(at < broken, 0, 300)
    evaluations = {
        name: np.where(at < broken, np.nan, np.linspace(1, 0.1, 4)[:, None]) * np.ones((4, seeds))
        for name in ("loss", "error", "train_loss", "gradient_norm", "largest_norm", "used_norm")
    }
    evaluations = {
        name: np.where(np.arange(4)[:, None] > 2, np.nan, values) for name, values in evaluations.items()
    }
    evaluations["train_loss"][0, :broken] = evaluations["loss"][0, :broken] = 2.0
    evaluations |= {"changed": np.zeros((4, seeds)), "cosine": np.ones((4, seeds))}
    lag = np.arange(T + 1)
    transport = np.stack([-0.1 * lag, -0.01 * lag]) * np.ones((seeds, 1, 1))
    adjoint = transport.copy()
    if cut is not None:
        adjoint[..., cut + 1 :] = -np.inf
    weights = np.where(lag == T, np.nan, adjoint)
    return Result(
        arm,
        "elman",
        T,
        w_rec,
        50,
        2700,
        0.01,
        np.array([100, 200, 300, 400]),
        evaluations,
        solved,
        np.where(at < broken, 150, 0),
        tuple("gradient" if b else "" for b in at < broken),
        {"adjoint": adjoint, "transport": transport, "weight_gradient": weights},
        1.0,
        {},
        {},
    )


def made_up(*results):
    results = results or (result(), result("truncate(k=4)", broken=20, cut=4))
    table = remedies_results.table(results)
    axes = {axis: table[axis].unique().tolist() for axis in ("T", "w_rec")}
    settings = (
        SETTINGS | axes | {"remedies": table["arm"].unique().tolist(), "seeds": table["seed"].nunique()}
    )
    about = {"status": "complete", "settings": settings, "solved": 0.01, "chance": {str(PROFILE_T): 1 / 6}}
    about |= {"command": "remedies", "points": len(table), "failed": 0, "versions": {"gradlab": "0"}}
    about |= {"code": {arm: {"step": arm} for arm in settings["remedies"]}}
    return TrainingRun(about, table, remedies_results.curves(results), remedies_results.profiles(results))
