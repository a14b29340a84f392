import signal
import subprocess
import sys

import pytest

from gradlab.cli import _stopping
from gradlab.status import Exit
from tests.cli.calling import finished


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


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["doctor"]])
def test_a_full_disk_behind_stdout_is_a_storage_error(command):
    with open("/dev/full", "w") as full:
        said = finished(*command, stdout=full)
    assert said.code == Exit.STORAGE
    what = "cannot be written: No space left on device; send it elsewhere, what was computed is kept"
    assert said.err == f"error: stdout: {what}\n"
