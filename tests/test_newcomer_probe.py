"""A probe that is one new file: what it measures is found wherever a metric is."""

import pytest

import gradlab.probes
from tests.cli.calling import document
from tests.cli.calling import gradlab as command
from tests.test_newcomer import GRID, exported

PROBE = '''"""How large the state is."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gradlab.types import ProbeContext, Step

AXES = {"state_size": (), "state_sizes": ("step",)}


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
