"""Every command once, at toy size: what `.ci/versions.py` runs with the lowest and the newest versions.

Whatever warns fails here, as everywhere in the tests; what each command says is held elsewhere.
"""

import importlib.util
import re
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab
from gradlab import registry
from gradlab.studies.sweep.updates import UPDATE
from tests.cli.calling import document
from tests.cli.calling import gradlab as command
from tests.studies.measure import given_networks
from tests.studies.neurons import hand_set

pytestmark = pytest.mark.versions

PROBES = [name for name in registry.names("probes") if name not in ("adjoint", "transport", "state_shift")]
NEEDED = {"parquet": "pyarrow", "tensorboard": "tensorboard"}
CLAIM = """
question = "Does the gradient vanish below 1?"
[sweep]
cell = ["elman(activation=identity)"]
hidden = 3
w_rec = [0.5, 1.0]
T = [8]
seeds = 6
[[claims]]
text = "the linear cell's rate is log10(w_rec)"
metric = "rate"
where = { w_rec = 0.5 }
equals = -0.30103
within = 1e-5
"""


def plots(reads):
    homes = {name: registry.home("plots", name) for name in registry.names("plots")}
    return [name for name, home in homes.items() if reads == home.READS and UPDATE not in home.NEEDS]


def went(*words, code=0):
    """A command that ends as it should; what it printed."""
    said = command(*words)
    assert said.code == code, f"{words}: {said.err}"
    return said.out


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep with every probe, so that there is something for every plot."""
    out = tmp_path_factory.mktemp("swept")
    words = ("--cell", "elman,lstm", "--hidden", "4", "--seeds", "2", "-T", "6,12", "--w-rec", "0.5,1.0")
    table = went("sweep", *words, "--probe", ",".join(PROBES), "--out", out, "--name", "run", "--quiet")
    return SimpleNamespace(folder=out / "run", table=table)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A comparison of remedies."""
    out = tmp_path_factory.mktemp("trained")
    words = ("-T", "4", "-N", "2", "--batch", "2", "--updates", "4", "--eval-every", "2", "--eval-size", "4")
    arms = ("-r", "clip_norm(1.0)+orthogonal", "--lr", "0.01", "--seeds", "2", "--tuning", "1")
    table = went("remedies", "adding", *words, *arms, "--out", out, "--name", "run", "--quiet")
    return SimpleNamespace(folder=out / "run", table=table)


@pytest.mark.parametrize("kind", plots("sweep"))
def test_every_plot_of_a_sweep(swept, tmp_path, kind):
    for ending in ("svg", "png"):
        went("plot", swept.folder, kind, "-o", tmp_path / f"a.{ending}")
        assert (tmp_path / f"a.{ending}").stat().st_size > 2000
    assert len(went("plot", swept.folder, kind, "--terminal").splitlines()) > 5


@pytest.mark.parametrize("kind", plots("remedies"))
def test_every_plot_of_a_comparison(trained, tmp_path, kind):
    went("plot", trained.folder, kind, "-o", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 2000


@pytest.mark.parametrize("kind", plots(""))
def test_every_plot_that_reads_no_run(tmp_path, kind):
    went("plot", kind, "-o", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 2000


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Cells on text."""
    out = tmp_path_factory.mktemp("read")
    (out / "a.txt").write_text(hand_set.text(9000))
    words = ("--cell", "gru", "-N", "2", "-T", "4", "--batch", "2", "--updates", "2", "--lr", "0.01")
    table = went(
        "neurons", out / "a.txt", *words, "--scored", "2000", "--out", out, "--name", "run", "--quiet"
    )
    return SimpleNamespace(folder=out / "run", table=table)


def test_a_training_is_watched_and_drawn(tmp_path):
    monitor = gradlab.Monitor(tmp_path / "run", every=1, share=1, sequences=1)
    for update in range(2):
        batch = np.ones((2, 5, 1), np.float32)
        monitor(
            lambda w, h, x: jnp.tanh(w * h + x), jnp.float32(0.5 + update), jnp.zeros(1, np.float32), batch
        )
    went("plot", tmp_path / "run", "over_training", "-o", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 2000
    assert "update" in went("show", tmp_path / "run")


@pytest.mark.parametrize("kind", plots("neurons"))
def test_every_plot_of_a_reading(read, tmp_path, kind):
    went("plot", read.folder, kind, "-o", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 2000
    assert len(went("neurons", read.folder, "--terminal", "--unit", "1").splitlines()) > 5


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A network of one's own."""
    out = tmp_path_factory.mktemp("given")
    given_networks.write(out)
    words = ("--arch", "rnn", "--activation", "tanh", "--data", out / "s.csv", "-T", "9", "--windows", "2")
    table = went("measure", out / "w.npz", *words, "--out", out, "--name", "run", "--quiet")
    return SimpleNamespace(folder=out / "run", table=table)


def test_a_run_is_shared_and_put_together(tmp_path):
    words = ("--cell", "elman,lstm", "--hidden", "4", "--seeds", "2", "-T", "6", "--w-rec", "0.5")
    for i in ("1", "2"):
        went("sweep", *words, "--out", tmp_path, "--name", i, "--shard", f"{i}/2", "--quiet")
    table = went("merge", tmp_path / "1", tmp_path / "2", "--out", tmp_path, "--name", "run", "--quiet")
    assert went("show", tmp_path / "run") == table


@pytest.mark.parametrize("name", registry.names("exports"))
def test_every_export(swept, name):
    if name in NEEDED and importlib.util.find_spec(NEEDED[name]) is None:
        pytest.skip(f"{NEEDED[name]} is not installed")
    went("export", swept.folder, "--to", name.replace("_", "-"))
    assert (swept.folder / "exports" / registry.home("exports", name).FILE).stat().st_size > 200


@pytest.mark.parametrize("kind", ["swept", "trained", "read", "given"])
def test_a_run_is_shown_again_and_reported(kind, request):
    made = request.getfixturevalue(kind)
    assert made.folder.joinpath("figures").is_dir()
    assert went("show", made.folder) == made.table
    assert document(went("show", made.folder, "--json"))["exit_code"] == 0
    page, text = went("report", made.folder, "--quiet").splitlines()
    assert page.endswith("report.html")
    assert text.endswith("report.md")


def test_a_gate_passes_what_it_was_made_of(swept, tmp_path):
    went("baseline", "create", swept.folder, "-o", tmp_path / "base.json")
    went("check", swept.folder, "--baseline", tmp_path / "base.json", "--junit", tmp_path / "junit.xml")
    assert "<testsuite" in (tmp_path / "junit.xml").read_text()
    went("diff", swept.folder, swept.folder)


def test_an_experiment_is_judged(tmp_path):
    (tmp_path / "border.toml").write_text(CLAIM)
    said = went("run", tmp_path / "border.toml", "--out", tmp_path, "--quiet")
    assert "log10(w_rec)" in said
    went("check", tmp_path / "border")


def test_a_step_of_a_users_is_measured():
    cell = eqx.nn.GRUCell(3, 4, key=jax.random.key(0), dtype=jnp.float32)
    xs = jax.random.normal(jax.random.key(1), (12, 3), jnp.float32)
    state = jnp.zeros(4, jnp.float32)
    result = gradlab.measure(
        lambda cell, h, x: cell(x, h), cell, state, xs, w_rec=lambda cell: cell.weight_hh
    )
    assert np.isfinite(result["transport"].values).all()
    assert re.search("VANISH|STABLE|EXPLODE", gradlab.verdict(result))
    assert gradlab.plot(result, "profile").axes


@pytest.mark.parametrize("cell", ["elman", "equinox.nn:GRUCell", "flax.nnx:GRUCell", "flax.linen:GRUCell"])
def test_a_cell_of_ours_and_of_others_is_verified(cell):
    # flax.linen starts in float32 whatever its weights are.
    with jax.numpy_dtype_promotion("standard" if "linen" in cell else "strict"):
        went("verify", cell, "--lengths", "1,5", "--points", "1", "--scale", "1", "--quiet")


def test_a_chapter_of_the_lesson_is_computed_and_the_page_is_written(tmp_path):
    went("lesson", "cliff", "-o", tmp_path / "lesson.html", "--quiet")
    assert "<svg" in (tmp_path / "lesson.html").read_text()


@pytest.mark.parametrize("words", [("list",), ("list", "cells"), ("doctor",), ("sweep", "--dry-run")])
def test_what_computes_nothing(words):
    assert went(*words)
