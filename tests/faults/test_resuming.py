"""A repeated command: what it believes, what it refuses, and what it leaves alone."""

import pytest

from gradlab.errors import Exit
from tests.cli.calling import contents, with_option
from tests.faults.calling import SWEEP, TRAINING, digests

HALF = ("replace", 3, "KILL", False)


def test_a_finished_run_is_computed_no_more_and_touched_no_more(driver, whole, tmp_path):
    words, files, _ = whole
    driver.run(tmp_path, words)
    before = contents(tmp_path)
    again = driver.run(tmp_path, words)
    assert (again.code, again.computed) == (0, [])
    assert contents(tmp_path) == before
    assert digests(tmp_path) == files


@pytest.mark.parametrize(
    ("words", "option", "value", "said"),
    [
        (SWEEP, "-T", "3,7", "T was [3, 5], now [3, 7]"),
        (SWEEP, "--w-rec", "0.5", "w_rec was [0.5, 1.0], now [0.5]"),
        (SWEEP, "--cell", "gru", "cell was ['elman'], now ['gru']"),
        (SWEEP, "--init", "gaussian", "init was "),
        (SWEEP, "--hidden", "4", "hidden was 3, now 4"),
        (SWEEP, "--seeds", "2", "seeds was 1, now 2"),
        (SWEEP, "--seed", "1", "seed was 0, now 1"),
        (SWEEP, "--batch", "2", "batch was 1, now 2"),
        (SWEEP, "--precision", "float64", "precision was 'float32', now 'float64'"),
        (SWEEP, "--objective", "every", "objective was 'unit', now 'every'"),
        (TRAINING, "--lr", "0.02", "lr was [0.01], now [0.02]"),
        (TRAINING, "--precision", "float64", "precision was 'float32', now 'float64'"),
        (TRAINING, "--updates", "30", "updates was 20, now 30"),
        (TRAINING, "--remedy", "orthogonal", "remedies was "),
    ],
)
def test_other_settings_are_refused_with_the_difference(driver, tmp_path, words, option, value, said):
    driver.run(tmp_path, words, fault=HALF)
    before = contents(tmp_path)
    changed = driver.run(tmp_path, with_option(words, option, value))
    assert (changed.code, changed.computed) == (Exit.USAGE, [])
    assert said in changed.err
    assert changed.err.count("\n") == 1
    left = contents(tmp_path)
    left.pop(next((name for name in left if name.name == ".lock"), None), None)
    before.pop(next((name for name in before if name.name == ".lock"), None), None)
    assert left == before


@pytest.mark.parametrize("name", ["gradlab", "jax", "jaxlib", "numpy", "processor"])
def test_other_versions_are_refused_with_the_difference(driver, tmp_path, name):
    driver.run(tmp_path, fault=HALF)
    changed = driver.run(tmp_path, versions={name: "0.0.1"})
    assert (changed.code, changed.computed) == (Exit.USAGE, [])
    assert "begun with other versions: " in changed.err
    assert f"{name} was " in changed.err
    assert "now '0.0.1'" in changed.err
    assert driver.run(tmp_path).code == 0


def test_force_starts_over_and_leaves_what_others_wrote(driver, tmp_path):
    driver.run(tmp_path)
    mine = ["notes.txt", "figures/mine.png", "figures/profile.pdf", ".hidden.tmp"]
    for name in mine:
        (tmp_path / "run" / name).write_text("mine")
    forced = driver.run(tmp_path, (*SWEEP, "--seed", "1", "--force"))
    assert (forced.code, forced.computed) == (0, ["elman 3", "elman 5"])
    for name in mine:
        assert (tmp_path / "run" / name).read_text() == "mine"
    alone = digests_of(driver, tmp_path / "alone", (*SWEEP, "--seed", "1"))
    assert alone.items() <= digests(tmp_path / "run").items()
    assert len(digests(tmp_path / "run")) == len(alone) + len(mine)


def digests_of(driver, out, words):
    driver.run(out, words)
    return digests(out / "run")


@pytest.mark.parametrize("name", ["metrics.csv", "figures/profile.png", "shards/mine", "run.json"])
def test_force_does_not_touch_a_folder_of_someone_else(driver, tmp_path, name):
    place = tmp_path / "run" / name
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    said = driver.run(tmp_path, (*SWEEP, "--force"))
    assert (said.code, said.computed) == (Exit.USAGE, [])
    assert digests(tmp_path).keys() == {f"run/{name}"}
    assert place.read_text() == "mine"


@pytest.mark.parametrize("call", ["unlink", "replace", "rmdir"])
def test_force_killed_at_every_call_never_mixes_two_runs(driver, tmp_path, call):
    other = (*SWEEP, "--seed", "1")
    alone = digests_of(driver, tmp_path / "alone", other)
    for at in range(1, 30):
        out = tmp_path / str(at)
        driver.run(out, fault=("replace", 3, "KILL", False))
        killed = driver.run(out, (*other, "--force"), fault=(call, at, "KILL", False))
        again = driver.run(out, other)
        if again.code == Exit.USAGE:
            assert "with other settings" in again.err
            again = driver.run(out, (*other, "--force"))
        assert again.code == 0
        assert digests(out / "run") == alone
        if not killed.struck:
            break
    assert at > 1


@pytest.mark.parametrize("words", [SWEEP, pytest.param(TRAINING, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_a_damaged_shard_is_noticed_kept_aside_said_and_computed_again(driver, tmp_path, words):
    whole, out = digests_of(driver, tmp_path / "whole", words), tmp_path / "out"
    last = ("write", 5, "KILL", False)
    before = driver.run(out, words, fault=last)
    shards = sorted((out / "run" / "shards").glob("*.shard"))
    assert shards
    content = shards[0].read_bytes()
    shards[0].write_bytes(content[:-1])
    again = driver.run(out, words)
    aside = shards[0].with_suffix(".damaged")
    assert again.code == 0
    assert set(again.computed) & set(before.computed)
    assert str(aside) in again.err
    assert aside.read_bytes() == content[:-1]
    assert digests(out / "run") == whole | {f"shards/{aside.name}": digests(aside.parent)[aside.name]}
