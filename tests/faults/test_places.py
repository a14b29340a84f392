"""Where a run may lie: behind links, on what cannot be written; and that no clock decides anything."""

import contextlib
import os
import subprocess
import sys

import pytest

from gradlab.errors import Exit
from tests.cli.calling import ENVIRONMENT, SMALL, contents, finished
from tests.faults.calling import SWEEP, digests
from tests.tiers import few

CLOCK = """
import itertools, time

ticks = itertools.count()


def time_():
    return 2e9 - 3600.0 * next(ticks)


time.time, time.time_ns = time_, lambda: int(time_() * 1e9)
"""
READERS = {
    "show": ("show", "{run}"),
    "json": ("show", "{run}", "--json"),
    "diff": ("diff", "{run}", "{run}"),
    "terminal": ("plot", "{run}", "profile", "--terminal"),
    "plot": ("plot", "{run}", "profile", "-o", "{else}/a.svg"),
    "report": ("report", "{run}", "-o", "{else}/a.html", "--quiet"),
    "export": ("export", "{run}", "--to", "csv", "-o", "{else}/a.csv"),
    "baseline": ("baseline", "create", "{run}", "-o", "{else}/base.json"),
}
WRITERS = {
    "sweep": SWEEP,
    "force": (*SWEEP, "--force"),
    "plot": ("plot", "{run}", "horizon"),
    "report": ("report", "{run}"),
    "export": ("export", "{run}", "--to", "csv"),
}


def put(words, run, elsewhere):
    return [word.format(**{"run": run, "else": elsewhere}) for word in words]


def test_a_path_with_links_is_the_path_it_leads_to(driver, whole, tmp_path):
    words, files, _ = whole
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("disk")
    out = tmp_path / "link" / "deep"
    killed = driver.run(out, words, fault=("replace", 3, "KILL", False))
    assert killed.struck
    assert driver.run(tmp_path / "disk" / "deep", words).code == 0
    assert digests(tmp_path / "disk" / "deep") == files
    again = driver.run(out, words)
    assert (again.code, again.computed) == (0, [])
    assert driver.run(out, put(("report", "{run}", "--quiet"), out / "run", ""), bare=True).code == 0
    assert (tmp_path / "disk" / "deep" / "run" / "report.html").is_file()
    assert (tmp_path / "link").is_symlink()


@contextlib.contextmanager
def disk(place):
    """A file system of its own at a place, if one may be mounted here; gone however this ends."""
    subprocess.run(["mount", "-t", "tmpfs", "gradlab", place], check=False, capture_output=True)
    mounted = os.path.ismount(place)
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", place], check=True)


@pytest.fixture(scope="module")
def sealed(driver, tmp_path_factory):
    """A finished run on a file system that is then mounted read-only, if this may be done here."""
    place = tmp_path_factory.mktemp("sealed")
    with disk(place) as mounted:
        if not mounted and os.geteuid() == 0:
            pytest.skip("may not mount here, and root writes everywhere")
        assert driver.run(place).code == 0
        folders = (place / "run" / "figures", place / "run", place)
        if mounted:
            subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        for folder in () if mounted else folders:
            folder.chmod(0o555)
        yield place
        for folder in () if mounted else reversed(folders):
            folder.chmod(0o755)


@pytest.mark.parametrize("reader", READERS)
def test_a_run_that_cannot_be_written_is_read(driver, sealed, tmp_path, reader):
    said = driver.run(sealed, put(READERS[reader], sealed / "run", tmp_path), bare=True)
    # One seed is too few to tell a difference from none.
    assert (said.code, said.err) == (Exit.INCONCLUSIVE if reader == "diff" else Exit.OK, "")
    assert said.out


@pytest.mark.parametrize("writer", few(WRITERS, lambda name: name != "export"))
def test_what_would_write_there_says_so_in_one_line(driver, sealed, tmp_path, writer):
    words, before = put(WRITERS[writer], sealed / "run", tmp_path), contents(sealed)
    said = driver.run(sealed, words, bare=words[0] != "sweep")
    assert (said.code, said.out, said.computed) == (Exit.STORAGE, "", [])
    assert said.err.startswith(f"error: {sealed}")
    assert said.err.count("\n") == 1
    assert contents(sealed) == before


@pytest.mark.long
def test_a_clock_that_runs_backwards_changes_no_byte(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    jumping = {"PYTHONPATH": os.pathsep.join([str(tmp_path), ENVIRONMENT["PYTHONPATH"]])}
    told = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time() > time.time() > 1.9e9)"],
        env=ENVIRONMENT | jumping,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "True\n"
    said = {}
    for name, more in (("steady", {}), ("jumping", jumping)):
        words = ("sweep", *SMALL, "--name", "run", "--out", tmp_path / name, "--quiet")
        said[name] = finished(*words, env=more)
        assert (said[name].code, said[name].err) == (0, "")
        assert finished("report", tmp_path / name / "run", "--quiet", env=more).code == 0
    assert said["jumping"].out == said["steady"].out
    assert digests(tmp_path / "jumping") == digests(tmp_path / "steady")
