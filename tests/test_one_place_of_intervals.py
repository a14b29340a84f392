"""Intervals are computed in `gradlab/stats.py` alone: elsewhere no quantile, from scipy or as a number."""

import ast
from pathlib import Path

import pytest
from scipy import stats as theirs

import gradlab

HOUSE = Path(gradlab.__file__).parent
TOOLS = {
    "stdtrit",
    "stdtr",
    "betaincinv",
    "bdtr",
    "bdtri",
    "ndtri",
    "norm",
    "t",
    "binomtest",
    "proportion_ci",
}
NUMBERS = {round(float(theirs.norm.ppf(p)), 2) for p in (0.95, 0.975, 0.995)}


def tools(source):
    """Where a file takes a quantile for an interval: from scipy's tables, or as a number."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scipy"):
            yield from (name.name for name in node.names if name.name in TOOLS)
        if isinstance(node, ast.Attribute) and node.attr in TOOLS - {"t", "norm"}:
            yield node.attr
        number = node.value if isinstance(node, ast.Constant) and isinstance(node.value, float) else 0.0
        if round(number, 2) in NUMBERS and round(number, 3) != round(number, 1):
            yield repr(number)


def test_no_other_file_computes_an_interval():
    found = {
        path.relative_to(HOUSE).as_posix(): sorted(set(tools(path.read_text())))
        for path in HOUSE.rglob("*.py")
    }
    assert found.pop("stats.py") == ["betaincinv", "stdtrit"]
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line", ["from scipy.special import ndtri", "Z = 1.959963984540054", "half = 1.96 * s"]
)
def test_the_search_for_intervals_finds_one(line):
    assert list(tools(line))
