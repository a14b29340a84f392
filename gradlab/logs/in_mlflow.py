"""A run in a store of MLflow: the database `logs/mlflow/mlflow.db`, with its artifacts beside it."""

import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.logs.entries import Entries, Point
from gradlab.logs.keep import Logged

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "gradlab"
DIGEST = "gradlab.digest"
LONGEST = {"key": 240, "setting": 6000, "tag": 5000}
"""Characters that MLflow takes."""
METRICS, PARAMS = 1000, 100
"""Of one request; tags as parameters."""


def write(entries: Entries, logs: Path) -> Logged:
    """Numbers as metrics, settings as parameters, the verdict as note and tag, figures as artifacts.

    Characters that MLflow has not in the names of metrics become `_`. A former try that ended half-way does
    not count.
    """
    client, experiment = _store(logs)
    asked = f"tags.`{DIGEST}` = '{entries.digest}' and attributes.status = 'FINISHED'"
    if client.search_runs([experiment], asked):
        return Logged(_how(logs), new=False)
    writer = Writer(entries, logs)
    try:
        writer.add(entries.points)
        writer.finish(entries)
    except BaseException:
        writer.fail()
        raise
    return Logged(writer.how, new=True)


class Writer:
    """A run that is RUNNING until it is finished; that of a process which is killed stays so."""

    def __init__(self, entries: Entries, logs: Path) -> None:
        from mlflow.entities import Param

        self.how = _how(logs)
        self._client, experiment = _store(logs)
        self._run = self._client.create_run(experiment, run_name=entries.name).info.run_id
        self._keys: dict[str, str] = {}
        params = [Param(_clean(k), str(v)[: LONGEST["setting"]]) for k, v in entries.settings.items()]
        try:
            self._send("params", params, PARAMS)
        except BaseException:
            self.fail()
            raise

    def add(self, points: Iterable[Point]) -> None:
        """Numbers as metrics."""
        from mlflow.entities import Metric

        told, now = list(points), int(time.time() * 1000)
        self._keys = keys([point.name for point in told], self._keys)
        metrics: list[Any] = [Metric(self._keys[one.name], one.value, now, one.step) for one in told]
        self._send("metrics", metrics, METRICS)

    def finish(self, entries: Entries) -> None:
        """The verdict as note and tag, table and figures as artifacts."""
        from mlflow.entities import RunTag

        tags = entries.tags | {"verdict": entries.verdict, "mlflow.note.content": entries.verdict}
        tags |= {DIGEST: entries.digest}
        self._send("tags", [RunTag(_clean(k), v[: LONGEST["tag"]]) for k, v in tags.items()], PARAMS)
        self._client.log_text(self._run, entries.table, "table.txt")
        for figure in entries.figures:
            self._client.log_artifact(self._run, str(figure), "figures")
        self._client.set_terminated(self._run)

    def fail(self) -> None:
        """End with what is there, as FAILED."""
        self._client.set_terminated(self._run, status="FAILED")

    def _send(self, kind: str, entities: list[Any], most: int) -> None:
        for at in range(0, len(entities), most):
            self._client.log_batch(self._run, **{kind: entities[at : at + most]})


def _how(logs: Path) -> str:
    return f"mlflow ui --backend-store-uri sqlite:///{logs / 'mlflow' / 'mlflow.db'}"


def _store(logs: Path) -> "tuple[MlflowClient, str]":
    """A client of the database, which is made where there is none, and the experiment."""
    folder = (logs / "mlflow").absolute()
    if "?" in str(folder):
        raise ValueError(f"{logs / 'mlflow'} has a '?', which ends the path in the address of a database")
    from mlflow import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return client, found.experiment_id
    return client, client.create_experiment(EXPERIMENT, artifact_location=(folder / "artifacts").as_uri())


def keys(names: Iterable[str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """For each name another that MLflow takes, beside those known; names that differ stay different.

    >>> keys(["rate/lstm w_rec=1", "rate/lstm w_rec(1"])
    {'rate/lstm w_rec=1': 'rate/lstm w_rec_1', 'rate/lstm w_rec(1': 'rate/lstm w_rec_1 2'}
    """
    found = dict(known or {})
    taken = set(found.values())
    for name in dict.fromkeys(names):
        if name in found:
            continue
        key, many = _clean(name), 1
        while key in taken:
            many += 1
            key = f"{_clean(name)} {many}"
        found[name] = key
        taken.add(key)
    return found


def _clean(name: str) -> str:
    return re.sub(r"[^\w\-. :/]", "_", name)[: LONGEST["key"]]
