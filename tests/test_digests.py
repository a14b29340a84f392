"""Stale results: what other code has computed is refused, in one line, and what is equal is not."""

import itertools
import json
import sys

import jax
import jax.numpy as jnp
import pytest

from gradlab import digests, registry
from gradlab.errors import GradlabError
from gradlab.studies.remedies import code as of_training
from gradlab.studies.remedies import readout, work
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep import code, compute, results
from tests.cli.calling import finished, gradlab
from tests.tiers import few

CELL = """
import jax, jax.numpy as jnp

class Cell:
    def init(self, key, d_in, d_hidden, w_rec, initializer):
        u = jnp.ones((d_hidden, d_in))
        return {"w_rec": w_rec * initializer(key, d_hidden), "u": u}, jnp.zeros(d_hidden)

    def step(self, params, state, x):
        return jnp.tanh(params["w_rec"] @ state + params["u"] @ x)

    def readout(self, state):
        return state
"""
CHANGES = {
    "halved": ("jnp.tanh(params", "0.5 * jnp.tanh(params", "step"),
    "a gradient stopped": ('params["w_rec"] @', 'jax.lax.stop_gradient(params["w_rec"]) @', "step"),
    "another start": ("jnp.ones((d_hidden, d_in))", "jnp.full((d_hidden, d_in), 0.5)", "init"),
    "another readout": ("return state", "return 2 * state", "readout"),
}
SWEEP = ("sweep", "--hidden", 3, "--seeds", 2, "-T", 4, "--w-rec", 1, "--quiet")
TRAIN = (
    "remedies",
    "latch",
    "-r",
    "none",
    "--hidden",
    3,
    "--seeds",
    2,
    "-T",
    6,
    "--updates",
    20,
    "--eval-every",
    10,
)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the module of a cell into the current folder, and forget what was imported of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    # As a user has it.
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    jax.config.update("jax_numpy_rank_promotion", "allow")

    def written(text=CELL):
        sys.modules.pop("stale", None)
        registry.make.cache_clear()
        (tmp_path / "stale.py").write_text(text)
        for compiled in tmp_path.glob("__pycache__/*"):
            compiled.unlink()

    yield written
    sys.modules.pop("stale", None)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")


KINDS = {"sweep": SWEEP, "remedies": (*TRAIN, "--quiet")}
SOME = (("sweep", "a gradient stopped"),)


@pytest.mark.parametrize(("kind", "change"), few(itertools.product(KINDS, CHANGES), SOME))
def test_a_finished_run_of_other_code_is_refused_and_kept(kind, change, write, tmp_path):
    words, (old, new, part) = KINDS[kind], CHANGES[change]
    write()
    command = (*words, "--cell", "stale:Cell", "--out", "r", "--name", "one")
    assert gradlab(*command).code == 0
    before = (tmp_path / "r/one/run.json").read_bytes()
    again = gradlab(*command)
    assert again.code == 0, again
    # A comment is no change.
    write(CELL.replace("class Cell", "# The same cell.\nclass Cell"))
    assert gradlab(*command).code == 0
    write(CELL.replace(old, new))
    said = gradlab(*command)
    assert said.code == 2
    assert len(said.err.strip().splitlines()) == 1
    assert "was measured with other code: another " in said.err
    assert part in said.err
    assert "--force measures anew" in said.err
    assert (tmp_path / "r/one/run.json").read_bytes() == before
    # What only reads does not import the cell.
    (tmp_path / "stale.py").unlink()
    sys.modules.pop("stale", None)
    assert gradlab("show", "r/one").code == 0
    write(CELL.replace(old, new))
    assert gradlab(*command, "--force").code == 0
    assert gradlab(*command).code == 0


def test_a_run_without_digests_says_so(write, tmp_path):
    write()
    command = (*SWEEP, "--cell", "elman", "--out", "r", "--name", "one")
    assert gradlab(*command).code == 0
    place = tmp_path / "r/one/run.json"
    about = json.loads(place.read_text())
    del about["code"]
    place.write_text(json.dumps(about))
    said = gradlab(*command)
    assert said.code == 2
    assert "was measured before digests of the code were kept; --force measures anew" in said.err
    words = "Measured before digests of the code were kept"
    assert words in " ".join(gradlab("show", "r/one").out.split())
    assert words in gradlab("check", "r/one").err
    assert gradlab("report", "r/one").code == 0
    for page in ("report.html", "report.md"):
        assert words in (tmp_path / "r/one" / page).read_text()


def test_another_version_of_jax_is_said_before_any_code_is_looked_at(write, tmp_path, monkeypatch):
    write()
    command = (*SWEEP, "--cell", "elman", "--out", "r", "--name", "one")
    assert gradlab(*command).code == 0
    place = tmp_path / "r/one/run.json"
    about = json.loads(place.read_text())
    about["versions"]["jax"] = "0.9.0"
    place.write_text(json.dumps(about))
    monkeypatch.setattr(digests, "of_cell", lambda *_: pytest.fail("a cell was looked at"))
    said = gradlab(*command)
    assert said.code == 2
    assert "made with other versions: jax was '0.9.0', now " in said.err


def test_gradlab_s_own_code_is_compared_only_where_its_files_have_changed(write, tmp_path, monkeypatch):
    write()
    command = (*SWEEP, "--cell", "elman", "--out", "r", "--name", "one")
    assert gradlab(*command).code == 0
    monkeypatch.setattr(digests, "source", lambda: "other files")
    # Other files, and the same programs.
    assert gradlab(*command).code == 0
    digest = digests.digest
    other = lambda lowered: (
        {"program": "f" * 32} | {k: v for k, v in digest(lowered).items() if k == "unseen"}
    )
    monkeypatch.setattr(digests, "digest", other)
    said = gradlab(*command)
    assert said.code == 2
    assert "another measuring of elman" in said.err


def test_digests_see_derivatives_and_constants_and_no_names():
    lowered = lambda f: jax.jit(f).lower(jnp.zeros(3))
    grad = lambda f: digests.digest(lowered(jax.grad(lambda x: f(x).sum())))
    plain = grad(lambda x: x * x)
    assert grad(lambda y: y * y) == plain
    assert grad(lambda x: x * jax.lax.stop_gradient(x)) != plain
    table = jnp.arange(3.0)
    assert digests.digest(lowered(lambda x: x * table)) != digests.digest(
        lowered(lambda x: x * (table + 1e-15))
    )


def test_a_callback_is_said_to_be_unseen():
    def f(x):
        return jax.pure_callback(lambda v: v, jax.ShapeDtypeStruct((3,), x.dtype), x)

    found = [digests.digest(jax.jit(f).lower(jnp.zeros(3))) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0][digests.UNSEEN] == "callbacks into Python"


def test_what_is_brought_is_spelt_as_it_was_given(write):
    write()
    cell = registry.make("cells", "stale:Cell")
    assert registry.spelling(cell) == "stale:Cell"
    wrapped = registry.make("cells", "layer_norm(cell=stale:Cell)")
    assert ":" in registry.spelling(wrapped)


def test_nothing_known_is_no_reason_to_believe_it():
    never = lambda one, before: pytest.fail("looked at")
    for entries in (None, {}, {"elman": None}, []):
        with pytest.raises(GradlabError, match="before digests of the code were kept"):
            digests.require(entries, never, never, "r/one", {"elman": ()}, never)


def test_an_unfinished_run_of_other_code_is_not_gone_on_with(write, tmp_path, monkeypatch):
    write()
    command = (*SWEEP, "--cell", "stale:Cell", "--out", "r", "--name", "one")
    with monkeypatch.context() as broken:
        broken.setattr(results, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert gradlab(*command).code == 130
    shards = sorted((tmp_path / "r/one/shards").iterdir())
    assert shards
    write(CELL.replace("jnp.tanh(params", "0.5 * jnp.tanh(params"))
    said = gradlab(*command)
    assert said.code == 2
    assert "r/one was measured with other code: another step of stale:Cell" in said.err
    assert sorted((tmp_path / "r/one/shards").iterdir()) == shards
    write()
    assert gradlab(*command).code == 0


def test_a_cell_that_calls_back_is_measured_and_said_to_be_unseen(write):
    back = (
        "jax.pure_callback(lambda v: v, jax.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method='sequential')"
    )
    write(CELL.replace('params["u"] @ x', f'params["u"] @ {back}'))
    said = gradlab(*SWEEP[:-1], "--cell", "stale:Cell", "--out", "r", "--name", "one")
    assert said.code == 0, said
    unseen = "stale:Cell: measuring: callbacks into Python; whether these change, no digest sees."
    assert unseen in " ".join(said.out.split())
    assert unseen in " ".join(gradlab("show", "r/one").out.split())


def test_an_initialiser_that_draws_other_weights_is_seen(write, monkeypatch):
    write()
    command = (*SWEEP, "--cell", "elman", "--out", "r", "--name", "one")
    assert gradlab(*command).code == 0
    monkeypatch.setattr(digests, "source", lambda: "other files")
    drawn = compute.draw
    zeros = lambda weights: weights._replace(digests=dict.fromkeys(weights.digests, "0"))
    other = lambda sweep: {label: (nets, zeros(weights)) for label, (nets, weights) in drawn(sweep).items()}
    monkeypatch.setattr(code, "draw", other)
    said = gradlab(*command)
    assert said.code == 2
    assert "another weights of elman" in said.err


def test_what_is_only_called_a_callback_is_seen():
    def callback(x):
        return 1234.5 * x

    assert digests.UNSEEN not in digests.digest(jax.jit(callback).lower(jnp.zeros(3)))


def test_codes_of_one_thing_keep_all_that_no_digest_sees():
    step, training = {"step": "1", "unseen": "step: callbacks"}, {"training": "2", "unseen": "training: more"}
    assert digests.joined(step, training) == {
        "step": "1",
        "training": "2",
        "unseen": "step: callbacks, training: more",
    }
    assert digests.joined({"step": "1"}, {"init": "2"}) == {"step": "1", "init": "2"}


@pytest.mark.parametrize("code", [{}, {"unseen": "callbacks into Python"}, {"elsewhere": "1" * 32}])
def test_a_code_that_says_nothing_of_what_is_asked_is_no_proof(code):
    now = lambda one, before: {"step": "2" * 32}
    with pytest.raises(GradlabError, match="does not say with what code mine was measured; --force"):
        digests.require({"mine": code}, now, now, "results/mine", {"mine": ("step",)}, now)


def test_a_text_that_has_been_edited_is_seen(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("abcab" * 200, encoding="utf-8")
    words = (
        "remedies",
        "characters(text=text.txt)",
        "-T",
        "5",
        "--hidden",
        "3",
        "--updates",
        "10",
        "--seeds",
        "1",
    )
    words = (*words, "--eval-every", "10", "--lr", "0.01", "-r", "none", "--out", ".", "--name", "run")
    assert finished(*words, cwd=tmp_path).code == 0
    assert finished(*words, cwd=tmp_path).code == 0
    # As many of each letter, in another order.
    text.write_text("abcba" * 200, encoding="utf-8")
    said = finished(*words, cwd=tmp_path)
    assert (said.code, "was measured with other code: another " in said.err) == (2, True), said
    assert "training of none at T = 5" in said.err


def test_what_is_fitted_at_once_is_judged_by_the_code_that_it_has(monkeypatch):
    asked = Training("latch", cell="esn", remedies=("none",), T=(5,), hidden=8)
    [(arm, setting)] = work.by_place(asked).values()
    before = of_training.of_arm(asked, arm, setting)
    monkeypatch.setattr(
        type(setting.task), "error", lambda self, outputs, example: 2 * jnp.abs(outputs).sum()
    )
    monkeypatch.setattr(type(setting.task), "solved", 0.123)
    readout.evaluated.cache_clear()
    now = of_training.of_arm(asked, arm, setting)
    readout.evaluated.cache_clear()
    assert digests.changed(before, now) == ["evaluation", "solved"]
    assert {"fitting", "profile", "initialiser"} <= before.keys()


def test_an_initialiser_is_in_the_code_of_an_arm_drawn_as_it_is():
    asked = Training("latch", remedies=("orthogonal", "critical"), T=(5,), hidden=16)
    of = lambda place: of_training.of_arm(asked, work.ready(asked, *every[place]), every[place][1])
    every = work.by_place(asked)
    plain, other, fitted = (of(f"{arm} at T = 5") for arm in ("none", "orthogonal", "critical"))
    assert len({one["initialiser"] for one in (plain, other, fitted)}) == 3
    # All else of the arms is the same.
    assert plain | {"initialiser": ""} == other | {"initialiser": ""} == fitted | {"initialiser": ""}
