"""What a worker does of a run: groups, one after the other, each kept as its own process would keep it."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from gradlab import runtime
from gradlab.errors import Exit, GradlabError
from gradlab.planning.plan import Plan
from gradlab.runs import documents, store
from gradlab.runs.shards import Shards, unpack
from gradlab.studies import base
from gradlab.studies.base import Group, Settings, Study

COMPUTED = {"computed": np.ones(1, bool)}
"""Kept of a group when all of it is."""

MACHINE = "machine"
"""Beside it: what the numbers of whoever computed it depend on."""

Kept = list[tuple[dict[str, Any], bytes]]
"""Shards as bytes, each with what it is kept under."""


class Result(NamedTuple):
    """What a worker has computed of a group."""

    group: Group
    kept: Kept
    versions: dict[str, str]
    """Of the worker."""


def key(group: Group) -> dict[str, Any]:
    """Under what it is kept that a group is whole."""
    return {"share": group.label, "T": group.T}


def mark(shards: Shards, group: Group) -> None:
    """Keep that all of a group is there, and what machine has computed it."""
    told = json.dumps(runtime.versions(), sort_keys=True).encode()
    shards.put(COMPUTED | {MACHINE: np.frombuffer(told, np.int8)}, **key(group))


def mixed(study: Study[Any, Any], asked: Settings, shards: Shards) -> list[dict[str, Any]]:
    """The machines that have computed a run and how many groups each, for `run.json`; none if all are alike.

    What has no mark was computed by this process.
    """
    try:
        groups = study.groups(asked)
    except GradlabError:
        # It cannot be shared out.
        return []
    here = runtime.versions()
    counts = Counter(tuple(sorted(_machine(shards, group, here).items())) for group in groups)
    if len(counts) < 2 and tuple(sorted(here.items())) in counts:
        return []
    return [{"machine": dict(one), "groups": count} for one, count in sorted(counts.items())]


def _machine(shards: Shards, group: Group, here: dict[str, str]) -> dict[str, str]:
    try:
        content = shards.content(key(group))
        arrays = {} if content is None else unpack(content)
        if MACHINE not in arrays:
            return here
        return {str(k): str(v) for k, v in documents.record(arrays[MACHINE].tobytes()).items()}
    except ValueError:
        return here


def found(study: Study[Any, Any], asked: Settings, group: Group, shards: Shards) -> Kept | None:
    """What is kept of a group that is whole, or None. ValueError if some of it is damaged."""
    if shards.content(key(group)) is None:
        return None
    here = [(one, shards.content(one)) for one in (*study.keys(asked, group), key(group))]
    return [(one, content) for one, content in here if content is not None]


def kept(study: Study[Any, Any], asked: Settings, group: Group, shards: Shards) -> bool:
    """Whether a group is whole, and nothing of it damaged."""
    try:
        return found(study, asked, group, shards) is not None
    except ValueError:
        return False


def take(shards: Shards, some: Kept) -> None:
    """Keep what another folder or another machine has kept."""
    for one, content in some:
        shards.take(one, content)


def compute(asked: Settings, group: Group, stored: dict[str, Any]) -> Result:
    """Compute a group in a folder that lasts as long, and give back what is kept of it.

    `stored` are the settings as the command stores them, its files' digests among them. Raises `GradlabError`
    with exit 6 if they are others here.
    """
    _require_same(asked, stored)
    study = base.of(asked)
    with tempfile.TemporaryDirectory(prefix="gradlab-") as place:
        shards = Shards(Path(place))
        study.share(asked, lambda progress: None, shards, [group])
        mark(shards, group)
        return Result(group, found(study, asked, group, shards) or [], runtime.versions())


def ready(device: str, asked: Settings, stored: dict[str, Any]) -> dict[str, str]:
    """Set up a worker's process, and say what its numbers depend on; errors are those of `compute`."""
    runtime.configure(device)
    _require_same(asked, stored)
    return runtime.versions()


def _require_same(asked: Settings, stored: dict[str, Any]) -> None:
    """Refuse to compute from other files, or other code, than the command's."""
    try:
        changes = store.differences(stored, base.of(asked).stored(asked))
    except GradlabError as error:
        what = f"a worker cannot use {error.where}: {error.what}"
        raise GradlabError("--engine", what, Exit.ENVIRONMENT) from None
    if changes:
        what = f"a worker finds another file at a path that this machine has: {changes}"
        raise GradlabError("--engine", f"{what}; put the same one there", Exit.ENVIRONMENT)


@runtime_checkable
class Engine(Protocol):
    """Where groups of a run are computed beside this process."""

    standing: str
    """What there is to say of it now, as `3 workers`."""

    def foreseen(self, groups: Sequence[Group], planned: Plan) -> list[str]:
        """What it would take there, in sentences; none where that is not known."""
        ...

    def results(self, asked: Settings, groups: Sequence[Group]) -> Iterator[Result | None]:
        """The results of groups, in any order; at the end an error for those that have none.

        None stands for nothing new, so that whoever waits is told every now and then.
        """
        ...
