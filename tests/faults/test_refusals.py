"""A full disk, a bad one, one that became read-only: exit 5, nothing lost, and the same command goes on."""

import itertools
import os
import shutil
import subprocess

import pytest

from gradlab.errors import Exit
from tests.faults.calling import digests

ERRORS = ("ENOSPC", "EDQUOT", "EIO", "EROFS")
EVERY = [
    *itertools.product(("open", "write", "mkdir"), ERRORS),
    *itertools.product(("fsync", "replace"), ERRORS[2:]),
]
USUAL = [("write", "ENOSPC", True), ("fsync", "EIO", False), ("replace", "EROFS", True)]
RARE = [(*pair, forever) for pair in EVERY for forever in (False, True) if (*pair, forever) not in USUAL]


def shards(folder):
    return {name for name in digests(folder) if name.endswith(".shard")}


def refused_at_every_call(driver, whole, tmp_path, call, error, forever, step=1):
    words, files, alone = whole
    for at in range(1, 200, step):
        out = tmp_path / str(at)
        failed = driver.run(out, words, fault=(call, at, error, forever))
        if not failed.struck:
            break
        where = f"{error} at {call} {at}"
        # What clears up may fail without harm; what has to be stored may not.
        assert failed.code in ((Exit.STORAGE, 0) if call in ("unlink", "rmdir") else (Exit.STORAGE,)), where
        if failed.code:
            assert failed.err.startswith("error: "), where
            assert failed.err.count("\n") == 1, where
            assert "cannot be written: " in failed.err, where
        if error in ("ENOSPC", "EDQUOT"):
            assert not [name for name in digests(out) if name.endswith(".tmp")], where
        kept = shards(out)
        again = driver.run(out, words)
        assert (again.code, again.err) == (0, ""), where
        assert digests(out) == files, where
        if words[0] == "sweep" and kept:
            assert len(again.computed) == len(alone.computed) - len(kept), where
    assert at > 1 or call == "rmdir"


@pytest.mark.parametrize(("call", "error", "forever"), USUAL)
def test_what_the_file_system_refuses_is_exit_5_and_the_same_command_goes_on(
    driver, whole, tmp_path, call, error, forever
):
    # Training stores through the same calls; the long form takes it through all of them.
    step = 1 if call == "write" or whole[0][0] == "sweep" else 4
    refused_at_every_call(driver, whole, tmp_path, call, error, forever, step)


@pytest.mark.long
@pytest.mark.parametrize(
    ("call", "error", "forever"), [*RARE, ("unlink", "EIO", False), ("ftruncate", "EIO", False)]
)
def test_every_error_at_every_call(driver, whole, tmp_path, call, error, forever):
    refused_at_every_call(driver, whole, tmp_path, call, error, forever)


def test_what_cannot_be_read_is_exit_5_and_nothing_is_touched(driver, whole, tmp_path):
    words, files, _ = whole
    driver.run(tmp_path, words, fault=("replace", 3, "KILL", False))
    before = digests(tmp_path)
    del before["run/.lock"]
    for at in range(1, 20):
        failed = driver.run(tmp_path, words, fault=("read", at, "EIO", True))
        if not failed.struck or "run/run.json" in digests(tmp_path):
            break
        assert failed.code == Exit.STORAGE
        assert "cannot be read: Input/output error" in failed.err
        assert before.keys() <= digests(tmp_path).keys()
    assert at > 2
    assert driver.run(tmp_path, words).code == 0
    assert digests(tmp_path) == files


@pytest.mark.parametrize("place", ["run", "run/shards", "run/figures", "run/metrics.csv", "run/norms.nc"])
def test_something_in_the_way_is_found_out_before_anything_is_computed(driver, tmp_path, place):
    if place == "run":
        (tmp_path / place).write_text("mine")
    else:
        driver.run(tmp_path, fault=("replace", 2, "KILL", False))
        for shard in (tmp_path / "run" / "shards").glob("*" if place == "run/shards" else "*.shard"):
            shard.unlink()
        for half in (tmp_path / "run" / "shards").glob(".*"):
            half.unlink()
        (tmp_path / "run" / "shards").rmdir()
        made = tmp_path / place
        made.mkdir() if made.suffix else made.write_text("mine")
    said = driver.run(tmp_path)
    assert (said.code, said.computed) == (Exit.STORAGE, [])
    assert said.err.startswith(f"error: {tmp_path / place}: ")
    assert said.err.count("\n") == 1
    assert (tmp_path / place).is_dir() or (tmp_path / place).read_text() == "mine"


@pytest.mark.parametrize("out", ["/proc/nowhere", "/sys/nowhere"])
def test_a_place_that_even_root_cannot_write_is_found_out_before_anything_is_computed(driver, out):
    said = driver.run(out)
    assert (said.code, said.computed) == (Exit.STORAGE, [])
    assert said.err.startswith(f"error: {out}/run: cannot be written: ")


@pytest.fixture
def sealed(tmp_path):
    """A folder on a file system that is mounted read-only, if this may be done here."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "gradlab", tmp_path], check=False, capture_output=True
    )
    if not os.path.ismount(tmp_path):
        if os.geteuid() == 0:
            pytest.skip("may not mount here, and root writes everywhere")
        tmp_path.chmod(0o555)
    yield tmp_path
    if os.path.ismount(tmp_path):
        subprocess.run(["umount", tmp_path], check=True)
    tmp_path.chmod(0o755)


@pytest.mark.slow
def test_a_read_only_folder_is_found_out_before_anything_is_computed(driver, sealed):
    said = driver.run(sealed)
    assert (said.code, said.computed) == (Exit.STORAGE, [])
    assert said.err.startswith(f"error: {sealed}/run: cannot be written: ")


@pytest.fixture
def tiny(tmp_path):
    """A file system of a few pages, if one may be mounted here."""
    if shutil.which("mount") is None:
        pytest.skip("no mount here")
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "gradlab", tmp_path], check=False, capture_output=True
    )
    if not os.path.ismount(tmp_path):
        pytest.skip("may not mount a file system here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_disk_that_is_really_full_is_exit_5_and_goes_on_when_there_is_room(driver, whole, tiny):
    words, files, _ = whole
    failed = driver.run(tiny, words)
    assert failed.code == Exit.STORAGE
    assert "No space left on device" in failed.err
    subprocess.run(["mount", "-o", "remount,size=16m", tiny], check=True)
    assert driver.run(tiny, words).code == 0
    assert digests(tiny) == files
