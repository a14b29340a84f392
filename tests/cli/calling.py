"""Calling the command: in this process, where that is enough, or in one of its own."""

import contextlib
import functools
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from gradlab import cli
from tests import documents
from tests.tiers import FLAGS, KEPT

document = documents.strict

SMALL = (
    "--cell",
    "elman(activation=identity)",
    "--w-rec",
    "0.5,1.0",
    "-T",
    "8,16",
    "--hidden",
    "4",
    "--seeds",
    "2",
)
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": FLAGS,
    "GRADLAB_COMPILE_CACHE": "off",
    **KEPT,
    "PYTHONUTF8": "0",
    "LC_ALL": "C.UTF-8",
    # Which kernels numpy's BLAS and LAPACK take decides how they round.
    **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")},
}


def with_option(words, option, value):
    """The words with that option's value, whether they had one or not."""
    if option not in words:
        return (*words, option, value)
    at = words.index(option) + 1
    return (*words[:at], value, *words[at + 1 :])


class Said(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def held(call):
    """A call whose documents, printed and written, are held to their schemas."""

    @functools.wraps(call)
    def calling(*arguments, **options):
        words = [str(word) for word in arguments]
        before = documents.files(words)
        said = call(*arguments, **options)
        if "--json" in words and "--help" not in words and said.out:
            printed = documents.hold(said.out).get("exit_code", said.code)
            assert printed == said.code, f"exit code {said.code}, and printed is {printed}"
        if said.code in (0, 1, 3, 4):
            after = documents.files(words)
            for path in after:
                if after[path] != before.get(path):
                    documents.hold_file(path)
        return said

    return calling


@held
def gradlab(*arguments):
    """The command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.execute([str(word) for word in arguments])
    return Said(int(code), out.getvalue(), err.getvalue())


def process(*arguments, env=None, **options):
    """The command in a process of its own, with a known environment."""
    words = [sys.executable, "-m", "gradlab", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.Popen(words, env=ENVIRONMENT | (env or {}), **options)


@held
def finished(*arguments, env=None, **options):
    """As `process`, waited for."""
    with process(*arguments, env=env, **options) as running:
        out, err = running.communicate(timeout=100)
    return Said(running.returncode, out, err)


def contents(folder):
    """Every file below a folder: its bytes, and when it was written."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
