import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from gradlab.cli import _stopping
from gradlab.errors import Exit
from gradlab.runs.files import unfinished
from tests.cli.calling import ENVIRONMENT, finished, process
from tests.tiers import few


@pytest.fixture(autouse=True)
def handlers():
    """Leave the signals as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    _stopping._asked.clear()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_that_was_swallowed_is_raised_again(number, kind):
    _stopping.listen()
    _stopping.check()
    with pytest.raises(kind):
        signal.raise_signal(number)
    with pytest.raises(kind) as raised:
        _stopping.check()
    assert getattr(raised.value, "code", None) in (None, Exit.TERMINATED)


def test_an_ignored_ctrl_c_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stopping.listen()
    signal.raise_signal(signal.SIGINT)
    _stopping.check()


def test_a_second_ctrl_c_leaves_at_once():
    program = """if True:
        import signal
        from gradlab.cli import _stopping
        _stopping.listen()
        for _ in range(2):
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                pass
        print("still here")
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")


@pytest.mark.parametrize("command", few([["list"], ["list", "--json"], ["doctor"]], [["list"]]))
def test_a_full_disk_behind_stdout_is_a_storage_error(command):
    with open("/dev/full", "w") as full:
        said = finished(*command, stdout=full)
    assert said.code == Exit.STORAGE
    what = "cannot be written: No space left on device; send it elsewhere, what was computed is kept"
    assert said.err == f"error: stdout: {what}\n"


BUSY = """if True:
    import hashlib
    from gradlab.cli import _stopping
    _stopping.listen()
    _stopping.watch("goes on: gradlab")
    for _ in range(2):
        try:
            print("busy", flush=True)
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
        except KeyboardInterrupt:
            pass  # it came before the call
"""
"""Minutes in which Python runs no handler, as while XLA compiles."""


def test_a_second_ctrl_c_ends_what_does_not_listen_and_says_how_to_go_on():
    # A child of a shell's background job would inherit that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    words = [sys.executable, "-c", BUSY]
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True) as running:
        assert running.stdout.readline() == "busy\n"
        running.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(0.5)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "goes on: gradlab\n")


def test_one_that_meets_an_import_leaves_at_once_and_says_how_to_go_on(tmp_path):
    """C code of a library that is being imported makes another error of it, or prints a traceback."""
    (tmp_path / "slow.py").write_text(
        "import time\nprint('busy', flush=True)\n"
        "try:\n    time.sleep(60)\nexcept BaseException:\n    raise ImportError\n"
    )
    program = "from gradlab.cli import _stopping as s; s.listen(); s.watch('goes on'); import slow"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    env = ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}"}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=-1, stderr=-1, text=True, env=env
    ) as running:
        assert running.stdout.readline() == "busy\n"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "goes on\n")


def test_the_second_waits_until_no_folder_is_half_closed(tmp_path):
    """Closing takes half a second here; without the wait an empty folder would stay behind."""
    program = f"""if True:
        import os, pathlib, signal, threading, time
        from gradlab.cli import _stopping
        from gradlab.runs import store
        gone = pathlib.Path.rmdir
        pathlib.Path.rmdir = lambda path: (time.sleep(0.5), gone(path))
        _stopping.listen()
        _stopping.watch("goes on")
        with store.opened(pathlib.Path({str(tmp_path / "run")!r})):
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
                store.abandon()
        time.sleep(60)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (130, "goes on\n")
    assert not (tmp_path / "run").exists()


TWICE = [(after, between) for after in (0.4, 1.0, 3.0, 6.0, 9.0) for between in (0.0, 0.02, 0.5)]


@pytest.mark.parametrize(("after", "between"), few(TWICE, [(3.0, 0.02)]))
def test_two_of_them_are_no_traceback_and_no_crash_wherever_they_meet_it(tmp_path, after, between):
    words = ["sweep", "--cell", "elman,lstm", "-T", "20,40", "--seeds", "2", "--out", tmp_path / "out"]
    with process(*words, cwd=tmp_path) as running:
        time.sleep(after)
        running.send_signal(signal.SIGINT)
        time.sleep(between)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    if running.returncode == -signal.SIGINT:
        # It met Python's own end, which is left to the system: all was done by then.
        assert [*(tmp_path / "out").glob("*/run.json")]
        assert not any(map(unfinished, (tmp_path / "out").glob("*")))
    else:
        assert running.returncode in (0, 130), err
    assert "Traceback" not in err
    assert "Fatal" not in err
    if running.returncode == 130 and "measuring" in err:
        assert f"this goes on: gradlab {shlex.join(map(str, words))}\n" in err
    assert tables_or_nothing(tmp_path / "out")


def tables_or_nothing(out):
    """Whether what is left is a run that is whole, or one that goes on."""
    return all((run / "run.json").exists() or unfinished(run) for run in out.glob("*"))
