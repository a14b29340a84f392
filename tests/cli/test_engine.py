"""What `--engine` and its options refuse, before anything starts."""

import json
import sys

import pytest

from tests.cli.calling import SMALL, gradlab


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--engine", "ray"), "--engine: no engine called 'ray'"),
        (("--workers", "2"), "--workers: is of --engine dask"),
        (("--scheduler", "tls://a:1"), "--scheduler: is of --engine dask"),
        (("--engine", "dask", "--workers", "0"), "--workers: '0' is no number of workers; give 1 to 1000"),
        (("--engine", "dask", "--workers", "x"), "--workers: 'x' is no number of workers"),
        (("--engine", "dask", "--shard", "1/2"), "--shard: and --engine dask exclude each other"),
        (("--engine", "dask", "--scheduler", "tls://a:1", "--workers", "2"), "--workers: are those of the"),
        (("--engine", "dask", "--scheduler", "tcp://10.0.0.1:8786"), "is open to everyone on the way"),
        (("--engine", "dask", "--scheduler", "tcp://[::2]:8786"), "is open to everyone on the way"),
        (("--engine", "dask", "--insecure-cluster"), "--insecure-cluster: is of --scheduler"),
        (("--mixed",), "--mixed: is of --engine dask"),
        (("--insecure-cluster",), "--insecure-cluster: is of --engine dask"),
        (("--engine", "dask", "--scheduler", "somewhere"), "'somewhere' is no address of a scheduler"),
        (("--engine", "dask", "--scheduler", "tls://a:99999"), "is no address of a scheduler"),
    ],
)
def test_it_is_a_line_and_nothing_is_written(words, said, tmp_path):
    found = gradlab("sweep", *SMALL, "--out", tmp_path, "--quiet", *words)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert said in found.err
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_says_which(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    found = gradlab("sweep", *SMALL, "--out", tmp_path, "--quiet", "--engine", "dask")
    assert (found.code, found.out) == (6, "")
    assert found.err == 'error: --engine: dask is not installed; pip install "gradlab[cluster]"\n'
    assert list(tmp_path.iterdir()) == []


def test_another_address_without_tls_is_taken_where_that_is_asked_for(tmp_path):
    words = ("--engine", "dask", "--scheduler", "tcp://10.0.0.1:8786", "--insecure-cluster", "--dry-run")
    found = gradlab("sweep", *SMALL, "--out", tmp_path, *words)
    assert (found.code, found.err) == (0, "")


def test_what_workers_would_take_is_told_before_they_start():
    words = ("--engine", "dask", "--workers", "3", "--dry-run")
    found = gradlab("sweep", *SMALL, *words)
    assert "note     3 machines such as this one, a worker on each, would take about " in found.out
    told = json.loads(gradlab("sweep", *SMALL, *words, "--json").out)["data"]["notes"]
    assert told[0].startswith("3 machines such as this one, a worker on each, would take about ")
