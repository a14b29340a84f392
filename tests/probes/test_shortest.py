"""A sequence that is too short for a probe: the run says so, and which length would do."""

import contextlib
import io

import numpy as np
import pytest

import gradlab
from gradlab import cli, registry
from gradlab.studies.sweep import columns
from tests.cli.calling import gradlab as command
from tests.tiers import few

GRID = ("sweep", "--hidden", 2, "--seeds", 2, "--w-rec", 0.9, "--out", "r", "--name", "one", "--quiet")
SAID = "memory_capacity, memory_function: undefined at T = 10, 19 of elman, lstm, which need T = 20 or more."


def told(*words):
    found = command(*words)
    assert found.code == 0, found
    return " ".join(found.out.split())


@pytest.mark.slow
def test_of_memory_it_is_told_wherever_the_run_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = (*GRID, "--cell", "elman", "--cell", "lstm", "--probe", "memory_capacity", "-T", "10,19,20")
    # Beforehand, too.
    dry = command(*words, "--dry-run")
    assert (dry.code, dry.out.splitlines()[-1]) == (0, f"note     {SAID}")
    assert not list(tmp_path.iterdir())
    assert SAID in told(*words)
    assert SAID in told("show", "r/one")
    assert command("report", "r/one").code == 0
    for page in ("report.html", "report.md"):
        assert SAID in " ".join((tmp_path / "r/one" / page).read_text().replace("\\", "").split())
    # And the length that it names is the least: shorter ones have no value, this one has.
    known = ~np.isnan(gradlab.load("r/one").norms["memory_capacity"]).all(("init", "w_rec", "seed"))
    assert known.transpose("cell", "T").values.tolist() == [[False, False, True]] * 2


def test_it_is_told_before_the_sweep_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gradlab.studies.sweep.compute.run", lambda *_: pytest.fail("it has started"))
    words = (*GRID[:-1], "--cell", "elman", "--probe", "memory_capacity(delays=1),lyapunov,gates")
    said = "memory_capacity, memory_function: undefined at T = 12 of elman, which needs T = 13 or more."
    for T, notes in ((12, [said]), (13, [])):
        err = io.StringIO()
        with contextlib.redirect_stderr(err), pytest.raises(pytest.fail.Exception, match="it has started"):
            cli.execute([str(word) for word in (*words, "-T", T, "--force")])
        first, *rest = err.getvalue().splitlines()
        assert first.startswith("measuring 2 points: about ")
        assert rest == notes


@pytest.mark.parametrize("cell", few(["lru", "stacked(cell=gru)", "cornn", "indrnn"], (), ("lru", "cornn")))
def test_what_is_foreseen_is_what_the_run_says(cell, tmp_path, monkeypatch):
    """The numbers in a readout are known before a network is drawn."""
    monkeypatch.chdir(tmp_path)
    words = (*GRID, "--cell", cell, "--probe", "memory_capacity", "-T", 10)
    [said] = [line for line in command(*words, "--dry-run").out.splitlines() if line.startswith("note ")]
    assert said.partition(" ")[2].strip() in told(*words)


@pytest.mark.parametrize("T", few([12, 13], [13]))
@pytest.mark.slow
def test_each_setting_of_a_probe_counts_and_one_cell_alone_needs(T, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    probe = "memory_capacity(delays=1)"
    found = told(*GRID, "--cell", "elman", "--probe", probe, "-T", T)
    said = "undefined at T = 12 of elman, which needs T = 13 or more."
    assert (said in found) == (T == 12)
    values = gradlab.load("r/one").norms["memory_capacity"].values
    assert np.isnan(values).all() == (T == 12)


@pytest.mark.slow
def test_of_a_function_it_is_told_beside_its_numbers():
    def step(w, h, x):
        return w * h + x

    def measured(T, warm_up):
        xs = np.ones((T, 1), np.float32)
        return gradlab.measure(step, np.float32(0.5), np.zeros(1, np.float32), xs, probes=[warm_up])

    short = measured(3, "lyapunov(warm_up=3)")
    assert np.isnan(short["lyapunov"].values).all()
    assert columns.undefined(short) == ["lyapunov: undefined at T = 3 of step, which needs T = 4 or more."]
    enough = measured(4, "lyapunov(warm_up=3)")
    assert np.isfinite(enough["lyapunov"].values).all()
    assert columns.undefined(enough) == []


def test_what_stands_in_a_received_file_is_no_text_for_granted(tmp_path):
    norms = gradlab.measure(
        lambda w, h, x: w * h + x,
        np.float32(0.5),
        np.zeros(1, np.float32),
        np.ones((3, 1), np.float32),
        probes=["lyapunov(warm_up=3)"],
    )
    for other in (5, np.zeros(7), ["a"]):
        norms["lyapunov"].attrs["undefined"] = other
        assert columns.undefined(norms) == []


@pytest.mark.parametrize("name", registry.names("probes"))
def test_a_probe_s_least_length_is_of_its_own_columns(name):
    home = registry.home("probes", name)
    shortest = getattr(home, "shortest", lambda units: {})(3)
    assert set(shortest) <= set(home.AXES) if shortest else not hasattr(home, "shortest")
    assert all(isinstance(least, int) and least >= 1 for least in shortest.values())
