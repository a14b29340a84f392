"""Who may import whom: the contracts of `.importlinter`, what a command may import at once, and members.

Imports point downwards only; what computes and what reads meet in the run folder.
"""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import gradlab
from gradlab import registry
from gradlab.studies import base

HOUSE = Path(gradlab.__file__).parent
MEMBERS = ("cells", "initializers", "probes", "plots", "tasks", "remedies", "checks", "exports")
HEAVY = {"jax", "jaxlib", "jaxtyping", "optax", "equinox", "numpy"}
HEAVY |= {"matplotlib", "pandas", "rich", "typer"}
LIGHT = ["errors", "escaping", "memory", "registry", "runtime", "spelled", "lesson.__init__", "runs.store"]
LIGHT += ["schemas.__init__"]
LIGHT += [
    "api.calls",
    "execute",
    "planning.progress",
    "specs",
    "studies.base",
    "values",
    "planning.compiled",
    "planning.plan",
    "studies.sweep.settings",
    "studies.remedies.settings",
    "studies.neurons.settings",
]
"""What a command imports before it knows what it will do: nothing of these takes time to import."""


def contracts():
    found = configparser.ConfigParser()
    found.read(HOUSE.parent / ".importlinter")
    return found


def files():
    return {
        ".".join(path.relative_to(HOUSE).with_suffix("").parts): path for path in sorted(HOUSE.rglob("*.py"))
    }


FILES = files()


def imports(path, *, lazy=True):
    """Dotted names that a file imports, those for type checkers left out; `lazy`: in functions, too."""
    waiting = list(ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif lazy or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def inside(name, *, lazy=True):
    """The gradlab modules that a file imports, as dotted names below `gradlab`."""
    found = set()
    for target in imports(FILES[name], lazy=lazy):
        parts = target.split(".")[1:] if target.split(".")[0] == "gradlab" else None
        while parts and ".".join(parts) not in FILES and ".".join([*parts, "__init__"]) not in FILES:
            parts = parts[:-1]
        if parts:
            found.add(".".join(parts))
    return found


def outside(name, *, lazy=True):
    return {target.split(".")[0] for target in imports(FILES[name], lazy=lazy)} - {"gradlab"}


def test_the_contracts_are_kept():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        capture_output=True,
        text=True,
        cwd=HOUSE.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_and_folder_has_a_layer():
    layers = contracts()["importlinter:contract:layers"]["layers"]
    named = {word.removeprefix("gradlab.") for word in layers.replace("|", " ").replace(":", " ").split()}
    assert {name.split(".")[0] for name in FILES} - {"__init__"} == named


@pytest.mark.parametrize("name", LIGHT)
def test_what_every_command_needs_imports_nothing_heavy_at_once(name):
    assert not outside(name, lazy=False) & HEAVY


PAGES = ("cli._findings",)
"""What commands print results with, imported once there are results."""


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("cli.") and name not in PAGES])
def test_a_command_imports_at_once_only_typer_and_the_standard_library(name):
    assert outside(name, lazy=False) <= sys.stdlib_module_names | {"typer"}
    at_once = {
        "errors",
        "escaping",
        "registry",
        "schemas",
        "specs",
        "spelled",
        "cli._options",
        "cli._output",
        "cli._settings",
        "cli._stopping",
        "cli._strict",
    }
    settings = {f"studies.{study}.settings" for study in base.names()}
    assert inside(name, lazy=False) <= at_once | settings


def member_files():
    return {f"{kind}.{member}" for kind in MEMBERS for member in registry.names(kind)}


@pytest.mark.parametrize("name", FILES)
def test_nobody_imports_a_member_by_name(name):
    """Members do not know each other, and machines find them in the registry."""
    assert not inside(name) & member_files()


@pytest.mark.parametrize("contract", ["reading", "drawing"])
def test_what_reads_and_what_computes_imported_whole_have_not_imported_the_other(contract):
    held = contracts()[f"importlinter:contract:{contract}"]
    roots = [name.removeprefix("gradlab.") for name in held["source_modules"].split()]
    names = [
        f"gradlab.{name}".removesuffix(".__init__")
        for name in FILES
        if any(name == root or name.startswith(f"{root}.") for root in roots)
    ]
    assert len(names) > 40
    code = f"import importlib, sys; [importlib.import_module(n) for n in {names}]; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE.parent
    )
    never = {"gradlab.studies.sweep.program"} if contract == "reading" else set()
    assert not set(done.stdout.split()) & ({*held["forbidden_modules"].split()} | never)
