"""A new metric, one file written while the tests run, is found wherever a user would look."""

import jax.numpy as jnp
import pytest

import gradlab.cells
import gradlab.metrics
import gradlab.plots
import gradlab.remedies
from gradlab import pytest as pytest_plugin
from gradlab import registry
from gradlab.runs import documents
from tests.cli.calling import document
from tests.cli.calling import gradlab as command

METRIC = '''"""Where the transport is largest."""

import numpy as np

from gradlab.metrics import Measured, Metric
from gradlab.profiles import stored
from gradlab.states import OK, UNDEFINED


class Peak(Metric):
    """Lag at which the transport is largest."""

    unit = "steps"
    bigger_is_better = True
    phrase = "is largest at lag {:g}"

    def measure(self, norms):
        value, state = stored(norms, "transport", "state")
        known = (state == OK).any(axis=-1)
        lag = np.argmax(np.where(state == OK, value, -np.inf), axis=-1)
        return Measured(np.where(known, lag, np.nan), np.where(known, OK, UNDEFINED).astype(np.int8))
'''
GRID = """
cell = ["elman(activation=identity)"]
w_rec = [0.5, 1.5]
T = [12]
hidden = 3
seeds = 6
"""
ASKED = f"""
question = "Where is the transport largest?"
[sweep]
{GRID}
[[claims]]
text = "At the last step, where it vanishes."
metric = "peak"
where = {{ w_rec = 0.5 }}
equals = 0.0
[[claims]]
text = "At the first, where it explodes."
metric = "peak"
where = {{ w_rec = 1.5 }}
above = 11.5
"""


@pytest.fixture
def metric(tmp_path, monkeypatch):
    (tmp_path / "peak.py").write_text(METRIC)
    monkeypatch.setattr(gradlab.metrics, "__path__", [*gradlab.metrics.__path__, str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asked.toml").write_text(ASKED)
    return tmp_path / "results" / "asked"


def lines_of(text, start):
    return [line for line in text.splitlines() if line.startswith(start)]


@pytest.mark.slow
def test_a_metric_is_listed_claimed_shown_reported_compared_and_exported(metric, tmp_path):
    assert "  peak\n    Lag at which the transport is largest." in command("list", "metrics").out
    assert "did you mean peak?" in command("run", _claim(tmp_path, "paek")).err
    judged = command("run", "asked.toml", "--quiet")
    assert judged.code == 0, judged.err
    assert "12,0,state,peak,0.0,ok" in (metric / "metrics.csv").read_text()

    shown = command("show", metric).out
    assert [line.split()[-2] for line in lines_of(shown, "   0.5") + lines_of(shown, "   1.5")] == ["0", "12"]
    assert "peak: lag at which the transport is largest." in " ".join(shown.split())
    rows = document(command("show", metric, "--json").out)["data"]
    assert [row["peak"] for row in rows] == [0.0, 12.0]

    assert command("report", metric).code == 0
    assert (
        "lag at which the transport is largest, in steps, median over seeds"
        in (metric / "report.html").read_text()
    )
    page = (metric / "report.md").read_text()
    assert "; lag at which the transport is largest: 0 " in page

    assert command("check", metric).code == 0
    assert command("baseline", "create", metric, "-o", "kept.json").code == 0
    assert command("check", metric, "--baseline", "kept.json").code == 0
    kept = (tmp_path / "kept.json").read_text()
    assert '"metric": "peak"' in kept
    (tmp_path / "kept.json").write_text(kept.replace('"0": 12.0', '"0": 4.0'))
    worse = command("check", metric, "--baseline", "kept.json")
    assert worse.code == 1
    assert "peak cell=elman(activation=identity)" in worse.out

    assert "elman(activation=identity),orthogonal,1.5,12,0,state" in exported(metric, "csv")
    assert ",peak," in exported(metric, "csv")
    gauge = 'gradlab_peak{cell="elman(activation=identity)",init="orthogonal",w_rec="1.5",T="12"} 12.0'
    assert gauge in exported(metric, "openmetrics")
    assert '"name": "peak elman(activation=identity) orthogonal w_rec=1.5 T=12"' in exported(
        metric, "github_benchmark"
    )
    assert command("plot", metric, "metrics(y=peak)", "-o", tmp_path / "peak.svg").code == 0
    assert "<!-- peak -->" in command_plot(metric, tmp_path, "horizon")


def test_a_metric_is_in_the_verdict_and_in_the_plugin_for_test_suites(metric):
    flow = pytest_plugin.measured(lambda w, h, x: w * h + x, 1.5, jnp.zeros(1), jnp.ones((12, 1)))
    assert flow.peak == 12
    assert "is largest at lag 12" in flow.sentence
    with pytest.raises(AttributeError, match="no metric called peek; there are half_life"):
        _ = flow.peek


def command_plot(run, tmp_path, kind):
    assert command("plot", run, kind, "-o", tmp_path / "one.svg").code == 0
    return (tmp_path / "one.svg").read_text()


def exported(run, kind):
    said = command("export", run, "--to", kind, "-o", run.parent / f"x.{kind}")
    assert said.code == 0, said.err
    return (run.parent / f"x.{kind}").read_text()


def _claim(tmp_path, metric, where="w_rec = 0.5"):
    text = f'question = "?"\n[sweep]\n{GRID}\n[[claims]]\ntext = "x"\nmetric = "{metric}"\n'
    (tmp_path / "one.toml").write_text(f"{text}where = {{ {where} }}\nbelow = 99.0\n")
    return "one.toml"


@pytest.mark.slow
def test_a_run_is_read_without_the_metric_and_given_it_later(metric, monkeypatch):
    assert command("run", "asked.toml", "--quiet").code == 0
    assert documents.parsed((metric / "run.json").read_bytes())["metrics"] == ["peak"]
    monkeypatch.setattr(gradlab.metrics, "__path__", gradlab.metrics.__path__[:1])
    held = gradlab.load(metric)
    assert "peak" in set(held.stored.metrics["metric"])
    assert command("show", metric).code == 0
    assert command("sweep", *WORDS, "--name", "plain", "--quiet").code == 0
    before = command("show", metric.parent / "plain").out
    assert "peak" not in before
    monkeypatch.setattr(gradlab.metrics, "__path__", [*gradlab.metrics.__path__, str(metric.parents[1])])
    assert "peak" in command("show", metric.parent / "plain").out


WORDS = ("--cell", "elman", "--hidden", "3", "--seeds", "2", "-T", "6", "--w-rec", "0.5,1.0")


def test_a_metric_that_another_package_brings_is_found(tmp_path, monkeypatch):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "peak.py").write_text(METRIC)
    about = tmp_path / "lab-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gradlab.metrics]\npeak = lab.peak\nother = lab.peak\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.installed.cache_clear()
    registry.made.cache_clear()
    try:
        assert registry.further("metrics") == ["peak"]
        assert gradlab.metrics.named("peak").meaning == "Lag at which the transport is largest"
        assert gradlab.metrics.every()[-1].name == "peak"
    finally:
        registry.installed.cache_clear()
        registry.made.cache_clear()
