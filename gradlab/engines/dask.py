"""Workers of a Dask cluster: groups of a run are their tasks, and their results are kept as they come.

Only what a share of the run would be is computed there; it is put together here.
"""

import contextlib
import ipaddress
import itertools
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import Any
from urllib.parse import urlsplit

from gradlab import runtime, specs
from gradlab.engines import work
from gradlab.engines.foreseen import foreseen
from gradlab.errors import Exit, GradlabError, shown
from gradlab.planning.plan import Plan
from gradlab.runs import store
from gradlab.studies import base
from gradlab.studies.base import Group, Settings

ATTEMPTS = 3
"""Workers that one group may end before it is given up."""
WAITING = 1000
"""Groups that are with the workers at a time: of a run of any length the scheduler holds no more."""
ANSWER = 10.0
"""Seconds in which a scheduler has to answer, first and whenever the connection breaks."""
SILENT = 15.0
"""Seconds without a scheduler after which it is given up."""
_CONFIG: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
    # A worker that was stopped says nothing: what it had is computed elsewhere.
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.comm.timeouts.connect": "10s",
    "distributed.worker.daemon": False,
    "distributed.logging": {"distributed": "critical"},
}


class Dask:
    """The workers of a scheduler, or of a cluster on this machine that lasts as long as the run."""

    def __init__(
        self,
        scheduler: str = "",
        workers: int = 0,
        device: str = "auto",
        *,
        insecure: bool = False,
        mixed: bool = False,
    ) -> None:
        self.scheduler, self.workers, self.device = scheduler, workers, device
        self.address = scheduler
        self.standing = ""
        self.mixed = mixed
        """Whether workers may differ from this process; what they compute is marked."""
        if scheduler:
            _require_private(scheduler, insecure)

    def foreseen(self, groups: Sequence[Group], planned: Plan) -> list[str]:
        """What so many `workers` would take, each on a machine; a scheduler is not asked before a start."""
        return [foreseen(groups, planned, self.workers).said()] if self.workers else []

    def results(self, asked: Settings, groups: Sequence[Group]) -> Iterator[work.Result | None]:
        """The results of groups, as they come, the largest first; None every now and then while none comes.

        Raises:
          GradlabError: without the extra, without a scheduler, or with workers that differ from this process
            (exit 6); at the end, for groups that end every worker (exit 3).
        """
        # A worker may have been started in another folder.
        asked = specs.absolute(asked)
        stored = base.of(asked).stored(asked)
        with self._client() as client:
            found = self._ready(client, asked, stored)
            if not self.mixed:
                _require_alike(found)
            executor = client.get_executor(pure=False)
            first = sorted(groups, key=lambda group: -group.T)
            lost: list[Group] = []
            yield from self._computed(client, executor, asked, first, lost)
            # What was beside a group that ends its worker is suspected with it: each has its try alone.
            suspects, lost = lost, []
            for group in suspects:
                yield from self._computed(client, executor, asked, [group], lost)
        if lost:
            names = ", ".join(group.name for group in lost)
            what = f"{names}: its worker ended {ATTEMPTS} times; the rest is kept, a repeated command goes on"
            raise GradlabError("--engine", what, Exit.PARTIAL)

    def _ready(self, client: Any, asked: Settings, stored: dict[str, Any]) -> dict[str, dict[str, str]]:
        """What the numbers of each worker depend on; one that ends before it has said so is left out."""
        with self._heard(client):
            told = client.run(work.ready, self.device, asked, stored, on_error="return")
        for said in told.values():
            # Whoever ends in the middle of this leaves a broken connection.
            if isinstance(said, Exception) and not isinstance(said, OSError):
                raise said
        found = {place: said for place, said in told.items() if not isinstance(said, OSError)}
        if not found:
            raise _gone(self.address, "the scheduler has no workers")
        return found

    @contextlib.contextmanager
    def _heard(self, client: Any) -> Iterator[None]:
        """Whatever fails for want of a scheduler says so."""
        try:
            yield
        except Exception as error:
            if client.status == "running" and not isinstance(error, OSError):
                raise
            raise _gone(self.address, "the scheduler is gone") from error

    def _computed(
        self, client: Any, executor: Any, asked: Settings, groups: Sequence[Group], lost: list[Group]
    ) -> Iterator[work.Result | None]:
        """The results of groups, None while none comes; those whose worker ended too often go to `lost`."""
        from distributed import KilledWorker

        versions, stored = runtime.versions(), base.of(asked).stored(asked)
        rest = iter(groups)
        waiting: dict[Future[work.Result], Group] = {}
        silent = time.monotonic()
        while True:
            for group in itertools.islice(rest, WAITING - len(waiting)):
                with self._heard(client):
                    waiting[executor.submit(work.compute, asked, group, stored)] = group
            if not waiting:
                return
            done, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            if client.status == "running":
                silent = time.monotonic()
                self._look(client, len(lost))
            elif time.monotonic() - silent > SILENT:
                raise _gone(self.address, "the scheduler is gone")
            if not done:
                yield None
            for future in done:
                group = waiting.pop(future)
                try:
                    result = future.result()
                except KilledWorker:
                    lost.append(group)
                    continue
                except CancelledError as error:
                    raise _gone(self.address, "the scheduler is gone") from error
                changes = store.differences(versions, result.versions)
                if changes and not self.mixed:
                    raise _other(changes)
                yield result

    def _look(self, client: Any, lost: int) -> None:
        """Say how many workers there are, and how many groups have ended theirs too often."""
        known = client.scheduler_info()
        # Of many workers newer versions name a few, and count all.
        many = known.get("n_workers", len(known["workers"]))
        self.standing = f"{many} worker{'s' * (many != 1)}" + f", {lost} failed" * bool(lost)

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            import dask
            import distributed
        except ImportError as error:
            what = 'dask is not installed; pip install "gradlab[cluster]"'
            raise GradlabError("--engine", what, Exit.ENVIRONMENT) from error
        with dask.config.set(_CONFIG), contextlib.ExitStack() as stack:
            address: Any = self.scheduler
            if address.startswith("tls:"):
                _require_certificate(distributed.Security())
            if not address:
                address = stack.enter_context(
                    distributed.LocalCluster(
                        n_workers=self.workers or runtime.cores(),
                        threads_per_worker=1,
                        host="127.0.0.1",
                        dashboard_address=None,
                        # Without a dashboard it still serves its health, at a port that another may have.
                        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                        memory_limit=0,
                        # A busy machine ends its workers late, and Dask says so after the run is whole.
                        silence_logs=logging.CRITICAL,
                    )
                )
            try:
                opened = distributed.Client(address, timeout=ANSWER, set_as_default=False)
                client = stack.enter_context(opened)
            except (OSError, ValueError, TimeoutError) as error:
                raise _gone(self.scheduler, "no scheduler answers there") from error
            self.address = str(client.scheduler.address)
            if not client.scheduler_info().get("workers"):
                raise _gone(self.scheduler, "the scheduler has no workers")
            yield client


def _require_private(address: str, insecure: bool) -> None:
    """Refuse an address that others could read or speak to on the way, unless that is asked for."""
    parts = urlsplit(address)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if parts.scheme not in ("tls", "tcp") or not host or port is None:
        what = f"{shown(address)} is no address of a scheduler; give tls://HOST:8786"
        raise GradlabError("--scheduler", what)
    local = host == "localhost"
    with contextlib.suppress(ValueError):
        local = local or ipaddress.ip_address(host).is_loopback
    if parts.scheme == "tcp" and not local and not insecure:
        what = f"{shown(address)} is open to everyone on the way, and runs what it is sent; use tls://"
        more = "tcp:// on this machine alone, or --insecure-cluster in a network that is yours"
        raise GradlabError("--scheduler", f"{what}, {more}")


def _require_certificate(known: Any) -> None:
    """Refuse a scheduler over TLS where Dask's configuration names no certificate, or none to read."""
    try:
        found = known.get_connection_args("client").get("ssl_context")
    except OSError as error:
        what = f"the certificates of Dask's configuration cannot be read: {error}"
        raise GradlabError("--scheduler", what, Exit.ENVIRONMENT) from error
    if found is None:
        what = "tls:// takes a certificate: name ca-file, client.key and client.cert in Dask's configuration"
        raise GradlabError("--scheduler", f"{what}, below distributed.comm.tls", Exit.ENVIRONMENT)


def _require_alike(workers: dict[str, dict[str, str]]) -> None:
    """Refuse, before the first point, workers that would compute other bytes."""
    for place, versions in workers.items():
        changes = store.differences(runtime.versions(), versions)
        if changes:
            raise _other(changes, f" {place}")


def _other(changes: str, place: str = "") -> GradlabError:
    what = f"a worker{place} differs from this machine: {changes}; all must be alike, or --mixed"
    return GradlabError("--engine", what, Exit.ENVIRONMENT)


def _gone(address: str, why: str) -> GradlabError:
    what = f"{address or 'the local cluster'}: {why}; what was computed is kept, a repeated command goes on"
    return GradlabError("--scheduler", what, Exit.ENVIRONMENT)
