"""Members that another package brings by entry points: measured, and seen to change."""

import json
import sys
from pathlib import Path

import pytest

import gradlab.initializers
from gradlab import digests, registry
from gradlab.metrics import every
from tests import brought
from tests.brought import CELL, FILES, GRID, INITIALIZER, METRIC, PROBE, TASK, forget
from tests.cli.calling import gradlab as command
from tests.tiers import few

package = brought.package


@pytest.mark.slow
def test_a_cell_that_has_changed_is_refused(package):
    package("cells", CELL)
    words = (*GRID, "--cell", "drip")
    assert command(*words).code == 0
    again = command(*words)
    assert (again.code, "already done" in again.err) == (0, True)
    package("cells", CELL.replace("0.5 * state.h", "0.4 * state.h"))
    changed = command(*words)
    assert changed.code == 2
    assert "was measured with other code: another measuring and step of drip" in changed.err
    assert command(*words, "--force").code == 0


def test_and_so_is_one_that_is_held_by_another(package):
    assert not registry.is_foreign("cells", "stacked(cell=drip)")
    package("cells", CELL)
    assert registry.is_foreign("cells", "stacked(cell=drip)")
    assert not registry.is_foreign("cells", "stacked(cell=gru)")


def test_a_probe_that_has_changed_is_refused(package):
    package("probes", PROBE)
    words = (*GRID, "--cell", "elman", "--probe", "distance")
    assert command(*words).code == 0
    code = json.loads(Path("out/run/run.json").read_text())["code"]["elman"]
    assert "probe distance" in code
    package("probes", PROBE.replace("jnp.max(", "2 * jnp.max("))
    changed = command(*words)
    assert (changed.code, "another probe distance of elman" in changed.err) == (2, True)


TRAIN = (
    *("remedies", "--hidden", "3", "-T", "5", "--seeds", "2", "--updates", "2", "--eval-every", "1"),
    *("--lr", "0.01", "--eval-size", "4", "--batch", "2", "-r", "none", "--out", "out", "--name", "run"),
)
LEANT = {
    ("cells", "sweep"): ("0.5 * state.h", (*GRID, "--cell", "drip"), "step of drip"),
    ("cells", "remedies"): (
        "0.5 * state.h",
        (*TRAIN, "latch", "--cell", "drip"),
        "step and training of none at T = 5",
    ),
    ("probes", "sweep"): (
        "jnp.max(jnp",
        (*GRID, "--cell", "elman", "--probe", "distance"),
        "another probe distance of elman",
    ),
    ("initializers", "sweep"): (
        "jax.random.normal",
        (*GRID, "--cell", "elman", "--init", "wide"),
        "another weights of elman",
    ),
    ("initializers", "remedies"): (
        "jax.random.normal",
        (*TRAIN, "latch", "--remedy", "wide"),
        "another initialiser of wide at T = 5",
    ),
    ("remedies", "remedies"): (
        "by))",
        (*TRAIN, "latch", "--remedy", "slower"),
        "another training of slower at T = 5",
    ),
    ("tasks", "remedies"): ("jnp.sign(xs", (*TRAIN, "sign"), "another training of none at T = 5"),
    ("metrics", "sweep"): ("np.ones(shape", (*GRID, "--cell", "elman"), "another metric always"),
}


@pytest.mark.parametrize(
    ("kind", "study"),
    few(
        LEANT,
        [("probes", "sweep"), ("metrics", "sweep")],
    ),
)
@pytest.mark.slow
def test_what_a_member_imports_is_seen_to_change(package, kind, study):
    at, words, said = LEANT[kind, study]
    _, text = FILES[kind]
    assert at in text
    leaning = "from another import helper\n" + text.replace(at, f"helper.FACTOR * {at}")
    package(kind, leaning, "FACTOR = 1.0\n")
    assert command(*words).code == 0
    package(kind, leaning, "FACTOR = 1.0  # as it was\n")
    again = command(*words)
    assert (again.code, "already done" in again.err) == (0, True), again
    package(kind, leaning, "FACTOR = 0.75\n")
    changed = command(*words)
    assert (changed.code, changed.out, changed.err.count("\n")) == (2, "", 1), changed
    assert "out/run was measured with other code: another " in changed.err
    assert said in changed.err
    assert command(*words, "--force").code == 0
    assert command(*words).code == 0


@pytest.mark.slow
def test_a_task_that_calls_something_else_solved_is_refused(package):
    package("tasks", TASK)
    assert command(*TRAIN, "sign").code == 0
    assert command(*TRAIN, "sign").code == 0
    for old, new, said in (
        ("return 0.1", "return 0.2", "another solved of none at T = 5"),
        ("return 1.0", "return 2.0", "another chance of sign"),
    ):
        assert old in TASK
        package("tasks", TASK.replace(old, new))
        refused = command(*TRAIN, "sign")
        assert (refused.code, f"{said}; --force measures anew" in refused.err) == (2, True), refused


@pytest.mark.slow
def test_a_metric_of_another_package_that_has_changed_is_refused(package):
    package("metrics", METRIC)
    words = (*GRID, "--cell", "elman")
    assert command(*words).code == 0
    assert command(*words).code == 0
    for old, new in (("np.ones(shape)", "2 * np.ones(shape)"), ("np.zeros(shape", "3 + np.zeros(shape")):
        package("metrics", METRIC.replace(old, new))
        said = command(*words)
        assert (said.code, said.out) == (2, "")
        assert (
            "out/run was measured with other code: another metric always; --force measures anew" in said.err
        )
    # What only reads shows what is stored.
    assert command("show", "out/run").code == 0


@pytest.mark.slow
def test_and_so_is_one_of_gradlab_s_own_where_its_files_have_changed(package, monkeypatch):
    words = (*GRID, "--cell", "elman")
    assert command(*words).code == 0
    metric = next(one for one in every() if one.name == "credit_horizon")
    measure = type(metric).measure

    def more(self, norms):
        found = measure(self, norms)
        return found._replace(value=found.value + 1)

    monkeypatch.setattr(type(metric), "measure", more)
    assert command(*words).code == 0
    with monkeypatch.context() as edited:
        edited.setattr(digests, "source", lambda: "other files")
        said = command(*words)
    assert (said.code, "another metric credit_horizon;" in said.err) == (2, True), said


@pytest.mark.slow
def test_an_initialiser_of_an_arm_is_seen_where_files_have_changed(tmp_path, monkeypatch):
    """A file of one's own beside those of gradlab."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").mkdir()
    home = [*gradlab.initializers.__path__, str(tmp_path / "more")]
    monkeypatch.setattr(gradlab.initializers, "__path__", home)
    words = (*TRAIN, "latch", "--remedy", "wide", "--remedy", "orthogonal")

    def write(text):
        (tmp_path / "more/wide.py").write_text(text)
        for compiled in tmp_path.glob("more/__pycache__/*"):
            compiled.unlink()
        sys.modules.pop("gradlab.initializers.wide", None)
        forget()

    try:
        write(INITIALIZER)
        assert command(*words).code == 0
        assert command(*words).code == 0
        write(INITIALIZER.replace("/ n", "/ (2 * n)"))
        said = command(*words)
        assert (said.code, said.err.count("\n")) == (2, 1), said
        assert "was measured with other code: another initialiser of wide at T = 5" in said.err
    finally:
        sys.modules.pop("gradlab.initializers.wide", None)
        forget()
