#!/usr/bin/env python3
"""Hold the bounds of pyproject.toml: a short suite with the lowest and with the newest versions.

The lowest run on the lowest Python that is promised and found here, the newest on the newest one. There the
package alone, from the wheel of its source archive, shows first that it needs nothing else. `.ci/run` calls
this with the Python of `.venv`, where uv is.
"""

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib import util
from pathlib import Path
from typing import NamedTuple

HOUSE = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
EXTRAS = ".[test,digits,parquet,tensorboard]"
SUITE = ("-m", "pytest", "-n", "0", "-q", "-m", "versions", "tests/test_every_command.py")
BARE = (
    ("sweep", "--hidden", "3", "--seeds", "2", "-T", "6", "--w-rec", "0.5,1", "--out", ".", "--name", "run"),
    ("report", "run"),
    ("lesson", "cliff", "-o", "lesson.html"),
    ("list", "schemas", "gradlab.table/3"),
    ("list", "--json"),
)


class Tried(NamedTuple):
    """One set of versions, and how the suite ended with it."""

    what: str
    python: str
    versions: dict[str, str]
    ended: str
    passed: bool


def main():
    """Both sets at once, one per core; what they print one after the other, and a table."""
    pythons = found()
    (low, lowest), (high, newest) = pythons[0], pythons[-1]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as both:
        asked = [("lowest", low, lowest), ("newest", high, newest)]
        tried = list(both.map(lambda one: attempt(Path(folder), *one), asked))
    table(tried)
    if low[:2] == high[:2]:
        print(f"SKIPPED: no Python newer than {dotted(low)} is here, so the newest versions ran on it, too")
    return 0 if all(one.passed for one in tried) else 1


def found():
    """Version and place of every CPython here that the classifiers promise, the lowest first."""
    promised = re.findall(r"Python :: (\d+)\.(\d+)", "\n".join(PROJECT["classifiers"]))
    wanted = {(int(major), int(minor)) for major, minor in promised}
    kept = os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")
    # pyenv's own commands stand before these on the path, and answer for the chosen version alone.
    places = [str(place) for place in Path(kept).glob("versions/*/bin")]
    path = os.pathsep.join([*places, os.environ["PATH"]])
    listed = uv("python", "list", "--only-installed", "--output-format", "json", PATH=path).stdout
    here = {}
    for one in json.loads(listed):
        if one["implementation"] == "cpython" and re.fullmatch(r"\d+\.\d+\.\d+", one["version"]):
            number = tuple(map(int, one["version"].split(".")))
            if number[:2] in wanted and run(one["path"], "-c", "import venv").returncode == 0:
                here.setdefault(number, one["path"])
    return sorted(here.items()) or [(sys.version_info[:3], sys.executable)]


def attempt(folder, what, number, python):
    """Install one set, run the suite, say how it went."""
    home = folder / what
    own = home / "bin" / "python"
    steps = [lambda: uv("venv", "--quiet", "--python", python, str(home))]
    if what == "newest":
        steps += [lambda: bare(folder, own)]
    direct = ("--resolution", "lowest-direct") if what == "lowest" else ()
    steps += [
        lambda: uv("pip", "install", "--quiet", "--python", str(own), *direct, "-e", EXTRAS),
        lambda: run(str(own), *SUITE),
    ]
    for step in steps:
        ended = step()
        if ended.returncode:
            break
    text = ended.stdout + ended.stderr
    print(f"== the {what} versions, on Python {dotted(number)}\n{text}", flush=True)
    last = [line for line in ended.stdout.splitlines() if line][-1:] or ["was not run"]
    closing = re.sub(r" in [\d.]+s.*", "", last[0])
    versions = installed(own) if own.exists() else {}
    return Tried(what, dotted(number), versions, closing, ended.returncode == 0)


def bare(folder, own):
    """The package alone, from the wheel of its source archive, in a folder where none of it lies."""
    place = folder / "bare"
    place.mkdir()
    built = uv("build", "--quiet", "--out-dir", str(place), str(HOUSE))
    if built.returncode:
        return built
    wheel = next(place.glob("*.whl"))
    ended = uv("pip", "install", "--quiet", "--python", str(own), str(wheel))
    for words in BARE if not ended.returncode else ():
        ended = run(str(own.with_name("gradlab")), *words, cwd=place, GRADLAB_COMPILE_CACHE="off")
        if ended.returncode:
            break
    return ended


def uv(*words, **more):
    """A command of uv, which is asked for the packages where pip asks for them."""
    spoken = run(sys.executable, "-m", "pip", "config", "get", "global.index-url").stdout.strip()
    index = os.environ.get("PIP_INDEX_URL") or spoken
    where = {"UV_DEFAULT_INDEX": index} if index and "UV_DEFAULT_INDEX" not in os.environ else {}
    return run(sys.executable, "-m", "uv", *words, **where, **more)


def run(*words, cwd=HOUSE, **more):
    """A command in an environment that says nothing of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return subprocess.run(words, cwd=cwd, env=kept | more, capture_output=True, text=True, check=False)


def installed(own):
    """The versions of what pyproject.toml asks for by name."""
    listed = uv("pip", "list", "--quiet", "--format", "json", "--python", str(own)).stdout
    versions = {one["name"].lower(): one["version"] for one in json.loads(listed or "[]")}
    asked = itertools.chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    names = [re.match(r"[\w.-]+", one)[0].lower() for one in asked]
    return {name: versions.get(name, "-") for name in names}


def table(tried):
    """A row a package, a column a set of versions."""
    rows = [["", *(one.what for one in tried)], ["python", *(one.python for one in tried)]]
    rows += [[name, *(one.versions.get(name, "-") for one in tried)] for name in tried[0].versions]
    rows += [["suite", *(one.ended for one in tried)]]
    for row in rows:
        print("".join(cell.ljust(width) for cell, width in zip(row, (18, 22, 22), strict=True)).rstrip())


def dotted(number):
    """A version as it is written."""
    return ".".join(map(str, number))


if __name__ == "__main__":
    if util.find_spec("uv") is None:
        sys.exit("error: .ci/versions: uv is not installed; pip install -e '.[test]' brings it")
    sys.exit(main())
