"""What the documentation shows works: README's Python, README's commands, and every doctest."""

import doctest
import importlib
import itertools
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jax
import pytest
import typer

import gradlab
from gradlab.cli import app
from tests.cli.calling import ENVIRONMENT
from tests.cli.calling import gradlab as command
from tests.tiers import few

README = Path(__file__).parents[1] / "README.md"
MODULES = [
    module.name
    for module in pkgutil.walk_packages(gradlab.__path__, "gradlab.")
    if "__main__" not in module.name
]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


def commands():
    """Every call of gradlab in README's shell blocks, as words after `gradlab`."""
    found = []
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    for words in (shlex.split(line, comments=True) for line in lines):
        parts = [
            list(part)
            for is_word, part in itertools.groupby(words, lambda word: word not in ("&&", "|", ";", ">"))
            if is_word
        ]
        found += [part[1:] for part in parts if Path(part[0]).name == "gradlab"]
    return found


def test_readme_shows_python_and_commands():
    assert blocks("python")
    assert len(commands()) > 3


@pytest.mark.parametrize(
    "block", few(blocks("python"), blocks("python")[:2]), ids=lambda block: block.split("\n")[0][:40]
)
def test_readme_python_runs_as_it_stands(block, tmp_path):
    if "torch" in block:
        pytest.importorskip("torch", reason="the extra `torch` is not installed")
    code = [sys.executable, "-W", "error", "-c", block]
    done = subprocess.run(code, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "print(" not in block or done.stdout.strip()


@pytest.mark.parametrize("block", [block for block in blocks("python") if "def test_" in block])
def test_readme_test_passes(block, tmp_path):
    (tmp_path / "test_shown.py").write_text(block)
    code = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(code, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.split("\n")[0][:40])
def test_readme_settings_file_is_one(block, tmp_path):
    (tmp_path / "shown.toml").write_text(block)
    said = command("run", str(tmp_path / "shown.toml"), "--out", str(tmp_path), "--dry-run")
    assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_readme_command_exists_with_all_its_options(words):
    root = typer.main.get_command(app())
    with root.make_context("gradlab", list(words)) as context:
        name, found, rest = root.resolve_command(context, context._protected_args + context.args)
        found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("words", [words for words in commands() if words[0] == "sweep"], ids=" ".join)
def test_readme_sweep_is_a_sweep_that_fits(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("series.csv").write_text("a,b\n" + "".join(f"{t % 7},{t % 5}\n" for t in range(60)))
    said = command(*words, "--dry-run")
    assert (said.code, said.err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["series.csv"]


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    """With jax as users have it, not as `conftest.py` sets it."""
    tests = doctest.DocTestFinder().find(importlib.import_module(name), name)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"), jax.enable_x64(False):
        assert [test.name for test in tests if doctest.DocTestRunner().run(test).failed] == []


def test_doctests_are_found():
    """As many examples as the files show: what wraps a function does not hide its docstring."""
    found = sum(
        len(test.examples)
        for name in MODULES
        for test in doctest.DocTestFinder().find(importlib.import_module(name))
    )
    source = [path.read_text() for path in Path(gradlab.__file__).parent.rglob("*.py")]
    assert found == sum(len(re.findall(r"(?m)^ *>>> ", text)) for text in source) > 0
