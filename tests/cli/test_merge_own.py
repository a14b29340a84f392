"""Shares of runs that name files and code of one's own: their merging is told which of these it may use."""

import sys

import pytest

from gradlab import registry
from tests.cli.calling import gradlab
from tests.cli.test_merge import files, merged, refused, shared
from tests.studies.measure import given_networks

MEASURE = (
    *("measure", "w.npz", "--arch", "rnn", "--activation", "tanh", "--data", "all.csv", "--columns", "a,b"),
    *("-T", "6", "--windows", "3"),
)
OWN = ("--with", "w.npz", "--with", "all.csv")
CELL = """
import jax.numpy as jnp


def init(key, d_in, d_hidden):
    zero = jnp.zeros(d_hidden)
    return {"w_rec": jnp.eye(d_hidden), "w_in": jnp.ones((d_hidden, d_in))}, zero


def leaky(params, state, x):
    return 0.5 * state + jnp.tanh(params["w_rec"] @ state + params["w_in"] @ x)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("own")
    given_networks.write(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr("gradlab.plots._default.draw", lambda *_: None)
        assert gradlab(*MEASURE, "--out", home, "--name", "whole", "--quiet").code == 0
        shared(MEASURE, 2, home)
    return home


@pytest.fixture(autouse=True)
def here(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setattr("gradlab.plots._default.draw", lambda *_: None)


@pytest.mark.slow
def test_windows_of_a_network_are_those_of_one_machine(home, monkeypatch):
    monkeypatch.setattr("gradlab.studies.measure.compute._measured", lambda *_: pytest.fail("measured again"))
    said = merged(home, "s2", "s1", words=OWN)
    assert (said.code, said.err) == (0, "")
    assert files(home / "merged") == files(home / "whole")


def test_files_that_are_not_named_are_not_read(home):
    refused(merged(home, "s1", "s2", words=OWN[:2]), "'all.csv' cannot be read in", "--with 'all.csv'")
    refused(merged(home, "s1", "s2", words=OWN[2:]), "'w.npz' cannot be read in", "--with 'w.npz'")
    refused(merged(home, "s1", words=OWN), "share 2/2 is missing")


def test_a_file_that_has_changed_is_another_run(home):
    before = (home / "all.csv").read_text()
    try:
        (home / "all.csv").write_text(before.replace("0.", "0.1", 1))
        refused(merged(home, "s1", "s2", words=(*OWN, "--force")), "data_digest was ")
    finally:
        (home / "all.csv").write_text(before)


def test_a_share_beyond_the_windows_is_nothing_to_do(home):
    said = gradlab(*MEASURE, "--shard", "7/7", "--out", home / "none")
    assert (said.code, said.out) == (0, "share 7/7: 0 of 3 groups, so there is nothing to do\n")


def test_minutes_are_not_shared_out(tmp_path):
    words = ("neurons", "--corpus", "prose", "--out", tmp_path, "--quiet")
    refused(gradlab(*words, "--shard", "1/2"), "--minutes: 5 are other updates on every machine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_cell_of_one_s_own_is_held_to_its_code(home, monkeypatch):
    monkeypatch.syspath_prepend(home)
    sweep = (
        "sweep",
        "--cell",
        "lent_cells:leaky",
        "-T",
        "4,6",
        "--w-rec",
        "0.5",
        "--seeds",
        "1",
        "--hidden",
        "2",
    )
    (home / "lent_cells.py").write_text(CELL)
    shares = [home / "own" / name for name in ("s1", "s2")]
    assert shared(sweep, 2, home / "own") == shares
    to = ("--out", home / "own", "--name", "whole", "--quiet")
    refused(gradlab("merge", *shares, *to), "names code, which a file may not")
    refused(gradlab("merge", *shares, *to, "--with", "lent_cells:other"), "--with 'lent_cells:leaky'")
    said = gradlab("merge", *shares, *to, "--with", "lent_cells:leaky")
    assert (said.code, said.err) == (0, "")
    assert gradlab(*sweep, "--out", home / "alone", "--name", "whole", "--quiet").code == 0
    assert files(home / "own" / "whole") == files(home / "alone" / "whole")
    # One share of other code.
    monkeypatch.setattr(
        sys.modules["lent_cells"], "leaky", lambda params, state, x: 0.9 * state + 0 * x.sum()
    )
    registry.made.cache_clear()
    assert gradlab(*sweep, "--shard", "2/2", "--out", home / "own", "--name", "s3", "--quiet").code == 0
    to = ("--out", home / "own", "--name", "no", "--quiet", "--with", "lent_cells:leaky")
    refused(gradlab("merge", shares[0], home / "own" / "s3", *to), "with different code, another ")
    registry.made.cache_clear()
