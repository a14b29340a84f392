"""Stale results: what other code has computed is refused, in one line, and what is equal is not."""

import itertools
import json
import sys

import pytest

from gradlab import digests
from gradlab.studies.sweep import code, compute, results
from tests import stale
from tests.cli.calling import finished, gradlab
from tests.stale import CELL, SWEEP, TRAIN
from tests.tiers import few

write = stale.write


CHANGES = {
    "halved": ("jnp.tanh(params", "0.5 * jnp.tanh(params", "step"),
    "a gradient stopped": ('params["w_rec"] @', 'jax.lax.stop_gradient(params["w_rec"]) @', "step"),
    "another start": ("jnp.ones((d_hidden, d_in))", "jnp.full((d_hidden, d_in), 0.5)", "init"),
    "another readout": ("return state", "return 2 * state", "readout"),
}
KINDS = {"sweep": SWEEP, "remedies": (*TRAIN, "--quiet")}
SOME = (("sweep", "a gradient stopped"),)


@pytest.mark.parametrize(("kind", "change"), few(itertools.product(KINDS, CHANGES), SOME))
@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
