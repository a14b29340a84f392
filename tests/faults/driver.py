"""A process that runs commands in forked children: imported once, each fork a fresh process to kill.

It reads one JSON object a line and answers with one: `start` gives the child's number, `wait` how it ended.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from tests.faults.calling import SWEEP, TRAINING


def main():
    """Import all that a command imports, then serve."""
    from gradlab import runtime

    runtime.configure("cpu")
    from gradlab import cli

    # A command's file may be called as the function is, and then takes its place.
    run = cli.execute
    cli.app()
    # JAX warns of forks; its threads start with its first computation, which only children do.
    warnings.simplefilter("ignore")
    for words in (SWEEP, TRAINING):
        with tempfile.TemporaryDirectory() as folder:
            _import(run, {"scratch": folder, "arguments": [*words, "--out", folder], "folder": folder})
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        answer = (
            {"process": _start(run, asked)} if asked["do"] == "start" else {"code": _ended(asked["process"])}
        )
        print(json.dumps(answer), flush=True)


def _import(run, job):
    """Have a child run a command and say what it has imported; import that here."""
    code = _ended(_start(run, job | {"name": "modules"}))
    modules = Path(job["scratch"], "log").read_text().split()
    if code:
        raise RuntimeError(Path(job["scratch"], "err").read_text())
    for name in modules:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def _ended(number):
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def _start(run, job):
    number = os.fork()
    if number:
        return number
    code = 99
    try:
        code = _child(run, job, Path(job["scratch"]))
    except SystemExit as left:
        code = left.code
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _child(run, job, scratch):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name in ((0, os.devnull), (1, scratch / "out"), (2, scratch / "err")):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    log, write = os.open(scratch / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), os.write

    def note(word):
        write(log, f"{word}\n".encode())

    from gradlab import runtime
    from gradlab.studies.remedies import checkpoint
    from tests.faults import failing, fakes

    if job.get("real"):
        checkpoint.SAVE_SECONDS = 0.0
    else:
        fakes.install(fakes.Computing(note, job.get("pause"), job.get("deaf")))
    versions = runtime.versions() | job.get("versions", {})
    runtime.versions = lambda: versions
    if job.get("fault"):
        failing.Failing(job["folder"], failing.Fault(*job["fault"]), note).install()
    code = int(run(job["arguments"]))
    if job.get("name") == "modules":
        os.truncate(scratch / "log", 0)
        note("\n".join(sorted(sys.modules)))
    return code


if __name__ == "__main__":
    main()
