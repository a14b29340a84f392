"""Real schedulers and workers: whatever becomes of them, the bytes are those of one process."""

import contextlib
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gradlab.engines import work
from gradlab.errors import GradlabError
from gradlab.studies.measure.settings import Measure
from gradlab.studies.measure.study import STUDY
from tests.cli.calling import ENVIRONMENT
from tests.studies.measure import given_networks

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
SWEEP = (
    "--cell",
    "lstm,elman",
    "--w-rec",
    "0.5,1.5",
    "-T",
    "6,12",
    "--seeds",
    "2",
    "--hidden",
    "4",
    "--quiet",
)
HERE = str(Path(__file__).parents[2])
ENVIRONMENT = ENVIRONMENT | {"PYTHONPATH": HERE}


def gradlab(*words, **environment):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gradlab", *map(str, words)],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run of one process."""
    place = tmp_path_factory.mktemp("whole")
    assert gradlab("sweep", *SWEEP, "--out", place, "--name", "run").returncode == 0
    return files(place / "run")


@pytest.fixture
def other_cluster():
    """Somebody has the port that a Dask scheduler serves its health and its dashboard at by itself."""
    with socket.socket() as taken:
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        yield


@contextlib.contextmanager
def scheduler(workers=1, over="tcp", **environment):
    """The address of a scheduler with workers, each a process; the scheduler's process, and theirs."""
    with contextlib.ExitStack() as stack:

        def started(*words):
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                env=ENVIRONMENT | environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            stack.callback(process.stdout.close)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        place = ("--host", f"{over}://127.0.0.1", "--port", "0", "--no-dashboard")
        first = started("distributed.cli.dask_scheduler", *place)
        address = next(
            word for line in first.stdout for word in line.split() if word.startswith(f"{over}://127.0.0.1:")
        )
        threading.Thread(target=first.stdout.read, daemon=True).start()
        some = [
            started("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
            for _ in range(workers)
        ]
        for one in some:
            next(line for line in one.stdout if "Registered to" in line)
            threading.Thread(target=one.stdout.read, daemon=True).start()
        yield address, first, some


def test_workers_of_this_machine_give_the_same_bytes_beside_another_cluster(whole, tmp_path, other_cluster):
    said = gradlab("sweep", *SWEEP, "--out", tmp_path, "--name", "run", "--engine", "dask", "--workers", "2")
    assert (said.returncode, said.stderr) == (0, "")
    assert files(tmp_path / "run") == whole


def test_a_network_of_one_s_own_is_measured_on_workers_that_have_its_files(tmp_path):
    given_networks.write(tmp_path)
    words = ("measure", tmp_path / "w.npz", "--arch", "rnn", "--activation", "tanh", "-T", "6")
    words += ("--data", tmp_path / "s.csv", "--windows", "2", "--quiet", "--name", "run")
    for out, where in (("here", ()), ("there", ("--engine", "dask", "--workers", "1"))):
        said = gradlab(*words, "--out", tmp_path / out, *where)
        assert (said.returncode, said.stderr) == (0, "")
    assert files(tmp_path / "there" / "run") == files(tmp_path / "here" / "run")


def test_a_worker_that_has_another_file_is_refused(tmp_path):
    given_networks.write(tmp_path)
    asked = Measure(
        str(tmp_path / "w.npz"), str(tmp_path / "s.csv"), arch="rnn", activation="tanh", T=6, windows=2
    )
    stored = STUDY.stored(asked)
    (tmp_path / "s.csv").write_text("a,b\n" + 20 * "1,2\n")
    with pytest.raises(GradlabError, match="another file at a path") as found:
        work.compute(asked, STUDY.groups(asked)[0], stored)
    # It is raised on a worker, and sent.
    sent = pickle.loads(pickle.dumps(found.value))
    assert (sent.where, sent.what, sent.code) == ("--engine", found.value.what, 6)


def shards(folder):
    return len(list(folder.glob("shards/*.shard")))


def until(true, seconds=120):
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def begun(tmp_path, address):
    """The command at work, when the first of its groups is kept."""
    words = (
        "sweep",
        *SWEEP,
        "--out",
        str(tmp_path),
        "--name",
        "run",
        "--engine",
        "dask",
        "--scheduler",
        address,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "gradlab", *words],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: shards(tmp_path / "run") or process.poll() is not None)
    assert process.poll() is None, process.stderr.read()
    return process


def test_a_worker_that_is_killed_is_made_good_by_another(whole, tmp_path):
    with scheduler(workers=2) as (address, _, some):
        process = begun(tmp_path, address)
        some[0].kill()
        _, said = process.communicate(timeout=200)
    assert (process.returncode, said) == (0, "")
    assert files(tmp_path / "run") == whole


def test_without_its_scheduler_it_ends_with_what_is_kept_and_goes_on(whole, tmp_path):
    with scheduler() as (address, first, _):
        process = begun(tmp_path, address)
        began = time.monotonic()
        first.kill()
        _, said = process.communicate(timeout=200)
        assert process.returncode == 6
        assert time.monotonic() - began < 30
        assert said.splitlines()[-1].startswith(
            f"error: --scheduler: {address}: the scheduler is gone; what was"
        )
    kept = shards(tmp_path / "run")
    assert 0 < kept < 8
    assert gradlab("sweep", *SWEEP, "--out", tmp_path, "--name", "run").returncode == 0
    assert files(tmp_path / "run") == whole


def test_the_command_killed_and_started_again_computes_the_rest(whole, tmp_path):
    with scheduler() as (address, _, _):
        process = begun(tmp_path, address)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        words = ("--out", tmp_path, "--name", "run", "--engine", "dask", "--scheduler", address)
        assert gradlab("sweep", *SWEEP, *words).returncode == 0
    assert files(tmp_path / "run") == whole


def test_a_group_that_ends_every_worker_is_named_and_the_rest_is_kept(tmp_path):
    cell = "tests.engines.killing:Killing"
    words = (
        "--cell",
        f"elman,{cell}",
        "--w-rec",
        "0.5",
        "-T",
        "6",
        "--seeds",
        "1",
        "--hidden",
        "4",
        "--quiet",
    )
    words += ("--out", tmp_path, "--name", "run")
    said = gradlab("sweep", *words, "--engine", "dask", "--workers", "2", GRADLAB_TESTS_KILL="1")
    assert said.returncode == 3, said.stderr
    assert said.stderr.splitlines()[-1].startswith(
        f"error: --engine: {cell} at T = 6: its worker ended 3 times;"
    )
    assert shards(tmp_path / "run") == 2
    assert gradlab("sweep", *words).returncode == 0


def test_a_worker_that_differs_is_refused_before_the_first_point(tmp_path):
    with scheduler(JAX_DEFAULT_PRNG_IMPL="rbg") as (address, _, _):
        words = ("--out", tmp_path, "--name", "run", "--engine", "dask", "--scheduler", address)
        said = gradlab("sweep", *SWEEP, *words)
        assert said.returncode == 6
        assert (
            "differs from this machine: random was 'threefry2x32, partitionable', now 'rbg, " in said.stderr
        )
        assert said.stderr.count("\n") == 1
        assert list(tmp_path.iterdir()) == []
        assert gradlab("sweep", *SWEEP, *words, "--mixed").returncode == 0
    (machine,) = json.loads((tmp_path / "run" / "run.json").read_text())["mixed"]
    assert (machine["machine"]["random"][:3], machine["groups"]) == ("rbg", 4)


@pytest.mark.slow
def test_a_worker_that_is_stopped_is_made_good_by_another(whole, tmp_path):
    with scheduler(workers=2, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="10s") as (address, _, some):
        process = begun(tmp_path, address)
        os.kill(some[0].pid, signal.SIGSTOP)
        _, said = process.communicate(timeout=250)
    assert (process.returncode, said) == (0, "")
    assert files(tmp_path / "run") == whole


def test_nobody_at_the_address_is_a_line_and_exit_6(tmp_path):
    words = ("--out", tmp_path, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9")
    said = gradlab("sweep", *SWEEP, *words)
    assert said.returncode == 6
    assert said.stderr.splitlines()[-1].startswith(
        "error: --scheduler: tcp://127.0.0.1:9: no scheduler answers"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "many", [pytest.param(5_000, marks=pytest.mark.slow), pytest.param(100_000, marks=pytest.mark.long)]
)
def test_any_number_of_groups_goes_through_and_memory_does_not_grow(many):
    said = subprocess.run(
        [sys.executable, "-m", "tests.engines.loading", str(many)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    times, peak = said.stdout.rsplit(" ", 1)
    assert times == "{1}"
    assert int(peak) < 2**30


def certificate(folder, name):
    """A key, a certificate that is its own authority, and where Dask is told of them."""
    key, signed = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(signed)),
        ],
        check=True,
        capture_output=True,
    )
    head = "DASK_DISTRIBUTED__COMM__TLS__"
    whose = {
        f"{head}{who}__{what}": str(place)
        for who in ("SCHEDULER", "WORKER", "CLIENT")
        for what, place in (("KEY", key), ("CERT", signed))
    }
    return whose | {f"{head}CA_FILE": str(signed)}


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificates, and is not there"
)
def test_over_tls_with_its_certificate_and_with_no_other(whole, tmp_path):
    own, other = certificate(tmp_path, "own"), certificate(tmp_path, "other")
    with scheduler(over="tls", **own) as (address, _, _):
        words = ("sweep", *SWEEP, "--out", tmp_path / "out", "--name", "run", "--engine", "dask")
        nowhere = dict.fromkeys(own, str(tmp_path / "nowhere.pem"))
        for environment, why in (
            (other, f"{address}: no scheduler answers there; "),
            ({}, "tls:// takes a certificate: "),
            (nowhere, "the certificates of Dask's configuration cannot be read: "),
        ):
            said = gradlab(*words, "--scheduler", address, **environment)
            assert (said.returncode, said.stderr.count("\n")) == (6, 1), said.stderr
            assert said.stderr.startswith(f"error: --scheduler: {why}")
            assert not (tmp_path / "out").exists()
        said = gradlab(*words, "--scheduler", address, **own)
        assert (said.returncode, said.stderr) == (0, "")
    assert files(tmp_path / "out" / "run") == whole
