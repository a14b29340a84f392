"""Who may import whom: downwards only; the half that computes and the half that reads meet in files."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gradlab
from gradlab import registry

HOUSE = Path(gradlab.__file__).parent
MEMBERS = ("cells", "initializers", "probes", "plots", "tasks", "remedies", "checks", "exports")

# A file imports from the floors below its own, in its half; a folder's private files belong to its floor.
COMPUTING = [
    "status states",
    "files documents strict memory",
    "shards profiles manifest locks",
    "types registry runtime surrogates primal tried real_view",
    "trees powers",
    "activations lanczos linear objectives biases libraries generic adopted gradient_precision",
    "unroll forward mean_field given",
    "outer codes projections",
    "compiled plan",
    "cells initializers probes tasks remedies gradients zeros rounding",
    "experiment directions costs",
    "judging directional",
    "locating gradient_bench",
    "gradient_checks",
    "draw verify",
    "sweep labelled",
    "probing foreign train arms",
    "ridge",
    "engine store",
    "trials sweep_plan verify_plan",
    "trials_plan",
]
READING = [
    "status states escaping stats",
    "files documents rows hdf5 runtime memory",
    "shards strict samples verdicts",
    "registry parsing manifest",
    "profiles",
    "summary",
    "outcomes",
    "sentences norms",
    "tables",
    "trained",
    "sides sampling",
    "drift claims",
    "compare",
    "baseline differences",
    "checks",
    "findings exports ci_formats",
    "plots cli._table cli._remedies cli._findings",
    "report",
]
ABOVE_BOTH = ["measuring", "questions", "lesson", "pytest", "cli", "gradlab", "__main__"]

NOT_WHEN_COMPUTING = {"matplotlib", "pandas", "plotly", "rich", "typer"}
NOT_WHEN_READING = {"jax", "jaxlib", "jaxtyping", "optax", "equinox"}
NOT_AT_ONCE = {"status": NOT_WHEN_READING | NOT_WHEN_COMPUTING | {"numpy"}}
LIGHT = ("registry", "runtime", "experiment", "store", "plan", "compiled", "memory", "lesson.__init__")
NOT_AT_ONCE |= dict.fromkeys(LIGHT, NOT_AT_ONCE["status"])


def files():
    return {
        ".".join(path.relative_to(HOUSE).with_suffix("").parts): path for path in sorted(HOUSE.rglob("*.py"))
    }


FILES = files()


def home(name):
    """The file or folder of the tables above that a dotted name below `gradlab` belongs to."""
    if name in FILES and name in ("cli._table", "cli._remedies", "cli._findings"):
        return name
    return "gradlab" if name in ("", "__init__") else name.split(".")[0]


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


def floors(half):
    return {name: number for number, names in enumerate(half) for name in names.split()}


def test_every_file_has_a_floor():
    assert {home(name) for name in FILES} == set(floors(COMPUTING)) | set(floors(READING)) | set(ABOVE_BOTH)


@pytest.mark.parametrize("name", [n for n in FILES if home(n) not in ABOVE_BOTH])
def test_imports_point_downwards_and_stay_in_their_half(name):
    here = home(name)
    for half in (floors(COMPUTING), floors(READING)):
        if here in half:
            below = {other for other, floor in half.items() if floor < half[here]}
            wrong = {target for target in inside(name) if home(target) not in below | {here}}
            assert not wrong, f"{name} imports {wrong}"


@pytest.mark.parametrize("name", [n for n in FILES if home(n) in floors(COMPUTING)])
def test_the_computing_half_draws_nothing(name):
    assert not outside(name) & NOT_WHEN_COMPUTING


@pytest.mark.parametrize("name", [n for n in FILES if home(n) in floors(READING[2:])])
def test_the_reading_half_needs_no_jax(name):
    assert not outside(name) & NOT_WHEN_READING


@pytest.mark.parametrize("name", NOT_AT_ONCE)
def test_what_every_command_needs_imports_nothing_heavy_at_once(name):
    assert not outside(name, lazy=False) & NOT_AT_ONCE[name]


@pytest.mark.parametrize("name", [n for n in FILES if home(n) == "cli"])
def test_a_command_imports_at_once_only_typer_and_the_standard_library(name):
    assert outside(name, lazy=False) <= sys.stdlib_module_names | {"typer"}
    assert inside(name, lazy=False) <= {"status", "escaping", "cli._output", "cli._stopping", "cli._strict"}


def member_files():
    return {f"{kind}.{member}" for kind in MEMBERS for member in registry.names(kind)}


@pytest.mark.parametrize("name", FILES)
def test_nobody_imports_a_member_by_name(name):
    """Members do not know each other, and machines find them in the registry."""
    assert not inside(name) & member_files()


@pytest.mark.parametrize(
    ("half", "never"),
    [(READING, NOT_WHEN_READING | {"gradlab.sweep"}), (COMPUTING, {"matplotlib", "pandas"})],
)
def test_a_half_imported_whole_has_not_imported_the_other(half, never):
    names = [f"gradlab.{name}".removesuffix(".__init__") for name in FILES if home(name) in floors(half)]
    code = f"import importlib, sys; [importlib.import_module(n) for n in {names}]; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE.parent
    )
    assert not set(done.stdout.split()) & never
