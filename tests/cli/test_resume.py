"""The real sweep and the real training, killed on their way: the same command ends in the same bytes."""

import sys

import jax
import pytest

from gradlab.runs import shards
from tests.cli.calling import gradlab, with_option
from tests.faults.calling import SWEEP, Driver, digests
from tests.tiers import few

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and fork")
TRAINING = (
    *("remedies", "echo", "-r", "none", "-T", "20", "--hidden", "4", "--batch", "2", "--eval-size", "4"),
    *("--updates", "6", "--eval-every", "2", "--tuning", "1", "--seeds", "2", "--lr", "0.01,0.03"),
    *("--name", "run", "--quiet"),
)
COMMANDS = {
    "sweep": (with_option(with_option(SWEEP, "-T", "5,10"), "--hidden", "4"), (3, 2, 3)),
    "training": (TRAINING, (4, 3, 4)),
}
"""Commands, and the file at whose renaming each is killed, one time after the other."""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    cache = {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")), "GRADLAB_COMPILE_CACHE": "on"}
    made = Driver(tmp_path_factory.mktemp("driver"), cache)
    yield made
    made.close()


@pytest.mark.parametrize("kind", few(COMMANDS, ("sweep",), ()))
def test_killed_three_times_it_ends_in_the_same_bytes(driver, tmp_path, kind):
    words, moments = COMMANDS[kind]
    alone = driver.run(tmp_path / "alone", words, real=True)
    assert (alone.code, alone.err) == (0, "")
    saved = set()
    for at in moments:
        killed = driver.run(tmp_path / "out", words, real=True, fault=("replace", at, "KILL", False))
        assert (killed.code, killed.struck) == (-9, True)
        now = {name for name in digests(tmp_path / "out") if name.endswith(".shard")}
        assert saved <= now
        saved = now
    assert saved
    again = driver.run(tmp_path / "out", words, real=True)
    assert (again.code, again.err) == (0, "")
    assert again.out == alone.out
    assert digests(tmp_path / "out") == digests(tmp_path / "alone")


@pytest.mark.slow
def test_a_card_that_runs_out_of_memory_keeps_what_is_finished(tmp_path, monkeypatch):
    asked = (
        "sweep",
        "--cell",
        "elman",
        "-T",
        "3,5",
        "-N",
        "2",
        "--w-rec",
        "1",
        "--seeds",
        "4",
        "--out",
        tmp_path,
    )
    put = shards.Shards.put

    def once(self, *args, **key):
        put(self, *args, **key)
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")

    monkeypatch.setattr(shards.Shards, "put", once)
    said = gradlab(*asked)
    assert (said.code, said.out) == (7, "")
    assert "error: memory: of the device ran out" in said.err
    assert len(list(tmp_path.rglob("*.shard"))) == 1
    monkeypatch.setattr(shards.Shards, "put", put)
    assert gradlab(*asked).code == 0
