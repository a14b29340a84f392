"""A probe that is one new file: what it measures is found wherever a metric is."""

import json
import re
import sys

import pytest

import gradlab.probes
from tests.cli.calling import document
from tests.cli.calling import gradlab as command
from tests.test_newcomer_metric import GRID, exported

PROBE = '''"""How large the state is."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import ProbeContext, Step

AXES = {"state_size": (), "state_sizes": ("step",)}
FACTS = {
    "state_size": {
        "meaning": "Euclidean norm of the last state",
        "unit": "units",
        "limits": (0.25, 0.0),
        "heading": "size",
        "form": "{:.3f}",
    }
}


class Columns(NamedTuple):
    state_size: Float[Array, ""]
    state_sizes: Float[Array, " step"]


def size(step: Step, params: Any, state: Any, xs: Any, setup: ProbeContext) -> Columns:
    """Euclidean norm of the state at the last step, and at each."""

    def body(state, x):
        state = step(params, state, x)
        return state, jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(state)))

    _, sizes = jax.lax.scan(body, state, xs)
    return Columns(sizes[setup.length - 1], sizes)
'''


@pytest.fixture
def probe(tmp_path, monkeypatch):
    (tmp_path / "size.py").write_text(PROBE)
    monkeypatch.setattr(gradlab.probes, "__path__", [*gradlab.probes.__path__, str(tmp_path)])
    # Each test has a file of its own.
    monkeypatch.delitem(sys.modules, "gradlab.probes.size", raising=False)
    monkeypatch.chdir(tmp_path)
    text = _probed("state_size", "greater_than = { w_rec = 0.5 }\nwhere = { w_rec = 1.5 }")
    text += """
[[claims]]
text = "It grows."
metric = "state_sizes"
where = { w_rec = 1.5, step = 12 }
above = 0.0
[[claims]]
text = "It grows from step to step."
metric = "state_sizes"
where = { w_rec = 1.5 }
increases_with = "step"
"""
    (tmp_path / "asked.toml").write_text(text)
    return tmp_path / "results" / "asked"


def _probed(metric, rest):
    head = f'question = "?"\n[sweep]\n{GRID}\nprobe = ["size"]\n[[claims]]\ntext = "x"\n'
    return f'{head}metric = "{metric}"\n{rest}\n'


@pytest.mark.slow
def test_the_columns_of_a_probe_are_claimed_compared_exported_and_plotted(probe, tmp_path):
    assert "  size\n" in command("list", "probes").out
    judged = command("run", "asked.toml", "--quiet", "--json")
    assert judged.code in (0, 1, 4), judged.err
    findings = document(command("check", probe, "--json").out)["data"]
    assert [one["metric"] for one in findings] == ["state_size", "state_sizes", "state_sizes"]
    assert findings[1]["where"]["step"] == 12
    assert findings[1]["status"] == "passed"
    assert "state_size," in (probe / "metrics.csv").read_text()

    assert command("baseline", "create", probe, "-o", "kept.json").code == 0
    kept = (tmp_path / "kept.json").read_text()
    assert '"metric": "state_sizes[step=12]"' in kept
    said = command("check", probe, "--baseline", "kept.json", "--json")
    same = [one for one in document(said.out)["data"] if one["metric"].startswith("state_size")]
    assert [one["status"] for one in same if "is what it was" in one["text"]] == ["passed"] * 8

    assert "state_sizes[step=1]" in exported(probe, "csv").splitlines()[0]
    assert 'gradlab_state_sizes{cell="elman(activation=identity)"' in exported(probe, "openmetrics")
    assert 'step="12"' in exported(probe, "openmetrics")
    assert command("plot", probe, "metrics(y=state_size)", "-o", tmp_path / "size.svg").code == 0


@pytest.fixture
def measured(probe):
    assert command("run", "asked.toml", "--quiet").code in (0, 1, 4)
    return probe


@pytest.mark.slow
def test_what_its_author_says_of_a_column_is_read_wherever_the_column_is(measured, tmp_path):
    said = command("show", measured).out
    assert re.search(r"w_rec +size state_sizes\n +12\n", said)
    assert re.search(r"\n +0\.5 +\d\.\d{3} +\d\.\d+\n", said)
    legend = "size: state_size, euclidean norm of the last state, in units; state_sizes[step]."
    assert legend in " ".join(said.split())
    every = command("show", measured, "--column", "state_sizes").out
    assert re.search(r"w_rec( +state_sizes){3}\n +1 +6 +12\n", every)
    assert "rate" not in every

    columns = document(command("show", measured, "--json").out)["columns"]
    assert [one["name"] for one in columns] == ["state_size", *(f"state_sizes[step={t}]" for t in (1, 6, 12))]
    assert (columns[0]["unit"], columns[0]["meaning"]) == ("units", "Euclidean norm of the last state")
    assert (columns[1]["unit"], columns[1]["meaning"]) == ("", "state sizes")
    assert columns[0]["values"] == columns[3]["values"]

    listed = command("list", "probes", "size").out
    assert "      state_size: Euclidean norm of the last state, in units\n      state_sizes[step]\n" in listed
    (row,) = document(command("list", "probes", "size", "--json").out)["data"]["probes"]
    assert [(one["name"], one["axes"]) for one in row["columns"]] == [
        ("state_size", []),
        ("state_sizes", ["step"]),
    ]

    assert "Euclidean norm of the last state, in units, the mean over seeds." in exported(
        measured, "openmetrics"
    )
    assert command("report", measured, "-o", "page.html").code == 0
    page = (tmp_path / "page.md").read_text()
    assert "size: euclidean norm of the last state, in units" in page
    assert "sizes\\[step=12\\]" in page


@pytest.mark.slow
def test_how_far_a_column_may_move_is_what_its_author_says(measured, tmp_path):
    assert command("baseline", "create", measured, "-o", "kept.json").code == 0
    kept = json.loads((tmp_path / "kept.json").read_text())
    limits = {one["metric"]: (one["absolute"], one["relative"]) for one in kept["limits"]}
    assert limits["state_size"] == (0.25, 0.0)
    assert limits["state_sizes"] == (1e-4, 1e-3)


@pytest.mark.slow
def test_a_part_of_its_axes_is_plotted(measured, tmp_path):
    def plot(*words):
        return command("plot", measured, *words, "-o", tmp_path / "a.svg")

    assert plot("--y", "state_sizes", "--where", "step=5").code == 0
    assert "state_sizes[step=5]" in (tmp_path / "a.svg").read_text().replace("state sizes", "state_sizes")
    assert plot("--y", "state_sizes[step=5]", "--where", "step=5,6").code == 0
    several = plot("--y", "state_sizes", "--where", "step=5,6")
    assert (several.code, several.err.count("\n")) == (2, 1)
    assert (
        "--y: state_sizes has 2 entries; name one, as state_sizes[step=5], or --where step=..." in several.err
    )
    for words, said in [
        (("--where", "stepp=5"), "--where: no axis of this run called 'stepp'; did you mean step?"),
        (("--where", "step=13"), "--where: no step in this run called '13'"),
        (
            ("profile", "--where", "step=5"),
            "--where: profile draws no part of the axis step; those that do: metrics",
        ),
    ]:
        wrong = plot(*(() if words[0] == "profile" else ("--y", "state_size")), *words)
        assert (wrong.code, wrong.err.count("\n")) == (2, 1)
        assert said in wrong.err


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ("{'state_size': {'units': 'm'}}", "probe size: states FACTS of state_size: units is no fact"),
        ("{'size_of_it': {}}", "size states FACTS of size_of_it, which is none of its columns"),
        ("{'state_size': {'beyond': 'size'}}", "size states state_size beyond size; name a column of it"),
        ("{'state_size': dict()}", "probe size: FACTS of gradlab.probes.size must be a literal"),
        ("[1]", "probe size: states FACTS that are no dict"),
    ],
)
def test_facts_that_say_nothing_are_refused_before_work(probe, tmp_path, facts, words):
    file = tmp_path / "size.py"
    file.write_text(re.sub(r"(?s)FACTS = .*?\n\}\n", f"FACTS = {facts}\n", file.read_text()))
    said = command("run", "asked.toml", "--quiet")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert words in said.err


@pytest.mark.parametrize(
    ("metric", "where", "words"),
    [
        ("state_sizes", "w_rec = 1.5", "claims[0].where: must say which step of state_sizes"),
        ("state_sizes", "lag = 1", "claims[0].where.lag"),
        ("state_sise", "w_rec = 1.5", "did you mean state_size?"),
    ],
)
def test_a_claim_about_a_probe_that_makes_no_sense_is_refused_before_work(
    probe, metric, where, words, tmp_path
):
    (tmp_path / "wrong.toml").write_text(_probed(metric, f"where = {{ {where} }}\nabove = 0.0"))
    said = command("run", "wrong.toml", "--quiet")
    assert said.code == 2
    assert words in said.err
