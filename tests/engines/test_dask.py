"""Real schedulers and workers give the bytes of one process, and what differs from it is refused."""

import contextlib
import json
import pickle
import shutil
import socket
import subprocess
import sys

import pytest

from gradlab.engines import work
from gradlab.errors import GradlabError
from gradlab.studies.measure.settings import Measure
from gradlab.studies.measure.study import STUDY
from tests.cli.calling import ENVIRONMENT
from tests.engines import watched
from tests.engines.calling import MARKER, SWEEP, files, gradlab, scheduler
from tests.studies.measure import given_networks

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.fixture
def other_cluster():
    """Somebody has the port that a Dask scheduler serves its health and its dashboard at by itself."""
    with socket.socket() as taken:
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        yield


def test_workers_of_this_machine_give_the_same_bytes_beside_another_cluster(whole, tmp_path, other_cluster):
    said = gradlab("sweep", *SWEEP, "--out", tmp_path, "--name", "run", "--engine", "dask", "--workers", "2")
    assert (said.returncode, said.stderr) == (0, "")
    assert files(tmp_path / "run") == whole


@pytest.mark.slow
def test_a_worker_compiles_the_programs_of_a_cell_once_for_however_many_groups(tmp_path):
    words = ("--cell", "elman,gru", "--w-rec", "0.5,1.5", "-T", "6,7,9,12", "--seeds", "2", "--hidden", "4")
    with scheduler(options=("--preload", watched.__name__)) as (address, _, _, lines):
        where = ("--out", tmp_path, "--name", "run", "--engine", "dask", "--scheduler", address)
        assert gradlab("sweep", *words, "--quiet", *where).returncode == 0
        found = watched.groups(lines[0])
    assert len(found) == 8
    for cell in ("elman", "gru"):
        first, *later = [programs for label, _, programs in found if label == cell]
        assert first > 0
        assert later == [0, 0, 0]


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


def test_a_worker_that_differs_is_refused_before_the_first_point(tmp_path):
    with scheduler(JAX_DEFAULT_PRNG_IMPL="rbg") as (address, *_):
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
    words = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost")
    ]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(signed)]
    subprocess.run(words, check=True, capture_output=True)
    # What stands before a key is not read.
    key.write_text(f"{MARKER}\n{key.read_text()}")
    head = "DASK_DISTRIBUTED__COMM__TLS__"
    whose = {
        f"{head}{who}__{what}": str(place)
        for who in ("SCHEDULER", "WORKER", "CLIENT")
        for what, place in (("KEY", key), ("CERT", signed))
    }
    return whose | {f"{head}CA_FILE": str(signed)}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not there")
def test_over_tls_with_its_certificate_and_with_no_other(whole, tmp_path):
    here = tmp_path / MARKER
    here.mkdir()
    own, other = certificate(here, "own"), certificate(here, "other")
    with scheduler(over="tls", folder=here, TOKEN=MARKER, **own) as (address, _, _, lines):
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
        said = gradlab(*words, "--scheduler", address, cwd=here, TOKEN=MARKER, **own)
        assert (said.returncode, said.stderr) == (0, "")
    made = files(tmp_path / "out" / "run")
    # Another folder is in no repository, which the run tells.
    assert {**made, "run.json": whole["run.json"]} == whole
    # Of secrets, and of the folders of both sides, nothing is in logs or in the run.
    told = [said.stdout, *map("".join, lines)]
    assert not [text for text in told if MARKER in text]
    assert not [name for name, content in made.items() if MARKER.encode() in content]
