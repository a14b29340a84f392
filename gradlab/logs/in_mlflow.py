"""A run in a store of MLflow: the database `logs/mlflow/mlflow.db`, with its artifacts beside it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.logs.entries import Entries
from gradlab.logs.keep import Logged

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "gradlab"
DIGEST = "gradlab.digest"
LONGEST = {"key": 240, "setting": 6000, "tag": 5000}
"""Characters that MLflow takes."""
METRICS, PARAMS = 1000, 100
"""Of one request."""


def write(entries: Entries, logs: Path) -> Logged:
    """Numbers as metrics, settings as parameters, the verdict as note and tag, figures as artifacts.

    Characters that MLflow has not in the names of metrics become `_`. A former try that ended half-way does
    not count.
    """
    folder = logs / "mlflow"
    if "?" in str(folder.absolute()):
        raise ValueError(f"{folder} has a '?', which ends the path in the address of a database")
    from mlflow import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    how = f"mlflow ui --backend-store-uri sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=f"sqlite:///{folder.absolute() / 'mlflow.db'}")
    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = (
        client.create_experiment(EXPERIMENT, artifact_location=(folder.absolute() / "artifacts").as_uri())
        if found is None
        else found.experiment_id
    )
    asked = f"tags.`{DIGEST}` = '{entries.digest}' and attributes.status = 'FINISHED'"
    if client.search_runs([experiment], asked):
        return Logged(how, new=False)
    tags = entries.tags | {"verdict": entries.verdict, "mlflow.note.content": entries.verdict}
    tags = {_clean(name): value[: LONGEST["tag"]] for name, value in tags.items()}
    made = client.create_run(experiment, tags=tags | {DIGEST: entries.digest}, run_name=entries.name)
    try:
        _fill(client, made.info.run_id, made.info.start_time, entries)
    except BaseException:
        client.set_terminated(made.info.run_id, status="FAILED")
        raise
    client.set_terminated(made.info.run_id)
    return Logged(how, new=True)


def _fill(client: "MlflowClient", run: str, time: int, entries: Entries) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(_clean(k), str(v)[: LONGEST["setting"]]) for k, v in entries.settings.items()]
    for at in range(0, len(params), PARAMS):
        client.log_batch(run, params=params[at : at + PARAMS])
    names = keys([point.name for point in entries.points])
    metrics: list[Any] = [Metric(names[name], value, time, step) for name, step, value in entries.points]
    for at in range(0, len(metrics), METRICS):
        client.log_batch(run, metrics=metrics[at : at + METRICS])
    client.log_text(run, entries.table, "table.txt")
    for figure in entries.figures:
        client.log_artifact(run, str(figure), "figures")


def keys(names: list[str]) -> dict[str, str]:
    """For each name another that MLflow takes; names that differ stay different.

    >>> keys(["rate/lstm w_rec=1", "rate/lstm w_rec(1"])
    {'rate/lstm w_rec=1': 'rate/lstm w_rec_1', 'rate/lstm w_rec(1': 'rate/lstm w_rec_1 2'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        key, many = _clean(name), 1
        while key in taken:
            many += 1
            key = f"{_clean(name)} {many}"
        found[name] = key
        taken.add(key)
    return found


def _clean(name: str) -> str:
    return re.sub(r"[^\w\-. :/]", "_", name)[: LONGEST["key"]]
