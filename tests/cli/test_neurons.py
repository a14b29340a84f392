"""`gradlab neurons`: its table and documents, a unit and a gradient in the terminal, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from gradlab.studies import base
from gradlab.studies.neurons import results
from gradlab.studies.neurons.gradient import back
from gradlab.studies.neurons.rows import cells, detectors
from gradlab.viewer import page
from tests.cli.calling import document, gradlab, with_option
from tests.spoken_neurons import hold_sentence, hold_verdict
from tests.studies.neurons import hand_set

SMALL = ("--hidden", "3", "--batch", "4", "-T", "8", "--scored", "2000", "--shown", "600", "--quiet")
SMALL += ("--updates", "4", "--lr", "0.01")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text(hand_set.text(30_000))
    return path


@pytest.fixture(scope="module")
def run(text, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    said = gradlab("neurons", text, *SMALL, "--out", out, "--name", "run")
    assert said.code == 0, said.err
    return out / "run", said.out


@pytest.mark.slow
def test_show_prints_the_run_again_and_its_document_says_the_same(run):
    folder, table = run
    assert gradlab("show", folder).out == table
    assert max(map(len, table.splitlines())) <= 80
    made = base.read(folder)
    found = document(gradlab("show", folder, "--json").out)
    assert found["schema"] == "gradlab.neurons/1"
    rows, every = detectors(made), cells(made)
    hold_verdict(found["verdict"], every, rows)
    assert [one["label"] for one in found["data"]] == [row.label for row in rows]
    for one, row in zip(found["data"], rows, strict=True):
        hold_sentence(one["sentence"], row)
        assert row.label[:15] in table
    total = sum(count for count, _ in every[0].histogram)
    assert total == every[0].hidden


def test_its_page_lies_in_the_folder_of_the_run(run):
    folder, _ = run
    content = (folder / page.FILE).read_text()
    assert page.MARK in content
    assert content == page.page(base.read(folder)).decode()


def test_what_other_commands_make_of_it(run, tmp_path):
    folder, _ = run
    assert gradlab("check", folder).code == 4
    page = gradlab("report", folder, "-o", tmp_path / "a.html", "-q")
    assert page.code == 0, page.err
    assert "position in line" in (tmp_path / "a.html").read_text()
    assert gradlab("plot", folder, "detectors", "-o", tmp_path / "a.svg").code == 0
    kept = tmp_path / "baseline.json"
    for words in (
        ("export", folder, "--to", "csv"),
        ("diff", folder, folder),
        ("baseline", "create", folder, "-o", kept),
    ):
        said = gradlab(*words)
        assert (said.code, said.out) == (2, "")
        assert "is a run of gradlab neurons, not of gradlab sweep" in said.err
        assert len(said.err.splitlines()) == 1
    assert not kept.exists()


def test_a_reading_that_was_shared_out_is_the_same(run, text, tmp_path):
    for i in (1, 2):
        words = ("--shard", f"{i}/2", "--out", tmp_path, "--name", f"s{i}")
        assert gradlab("neurons", text, *SMALL, *words).code == 0
    # One cell is one group: the other share has nothing to do.
    (share,) = tmp_path.iterdir()
    assert gradlab("merge", share, "--out", tmp_path, "--name", "run").code == 2
    said = gradlab("merge", share, "--with", text, "--out", tmp_path, "--name", "run", "--quiet")
    assert said.code == 0, said.err
    for name in ("run.json", *results.FILES):
        assert (tmp_path / "run" / name).read_bytes() == (run[0] / name).read_bytes()


def test_a_reading_makes_no_claims(run, tmp_path):
    place = shutil.copytree(run[0], tmp_path / "run")
    about = json.loads((place / "run.json").read_text())
    about["claims"] = [{"text": "It reads.", "metric": "rate", "below": 0.0}]
    (place / "run.json").write_text(json.dumps(about))
    said = gradlab("check", place)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert "are made of sweeps and of remedies" in said.err


def test_a_unit_and_a_gradient_in_the_terminal(run):
    folder, _ = run
    said = gradlab("neurons", folder, "--terminal", "--unit", "2", "--at", "100")
    assert said.code == 0
    assert said.out.startswith("lstm c/2: ")
    far = gradlab("neurons", folder, "--terminal", "--gradient", "--at", "400")
    assert far.code == 0
    assert "lstm after character 400 expects" in far.out


def test_the_gradient_of_a_prediction_is_that_of_the_whole_text(run):
    import jax
    import jax.numpy as jnp

    from gradlab.studies.neurons.gradient import network

    made = base.read(run[0])
    setting, weights, state = network(made, 0)
    codes = made.norms["codes"].values[:301]
    first = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, jnp.float32), state)

    def logits(xs):
        last = jax.lax.scan(lambda s, x: (setting.cell.step(weights.cell, s, x), None), first, xs)[0]
        return weights.w_out @ last.h + weights.b_out

    xs = jax.nn.one_hot(codes, setting.task.symbols, dtype=jnp.float32)
    best = int(jnp.argmax(logits(xs)))
    assert best == made.norms["cell0_top"].values[300, 0]
    slopes = np.asarray(jax.grad(lambda xs: logits(xs)[best])(xs))
    wanted = np.log10(np.linalg.norm(slopes[::-1][:30], axis=1))
    np.testing.assert_allclose(back(made, 0, 300)[:30], wanted, atol=2e-3)


BAD = [
    (("--unit", "1"), "--unit", "goes with --terminal"),
    (("--terminal",), "--terminal", "shows a run"),
    (("--corpus", "prose"), "--corpus", "exclude each other"),
    (("--batch", "3"), "--batch", "odd"),
    (("--label", "x=(a"), "--label", "is no regular expression"),
    (("--label", "novalue"), "--label", "write NAME=REGEX"),
    (("--label", "digit=a"), "--label", "is a label already"),
    (("--minutes", "0"), "--minutes", "must be positive"),
    (("--cell", "lstmm"), "--cell", "did you mean lstm?"),
    (("-T", "100000"), "-T", "is too long for"),
    (("--scored", "3"), "--scored", "at least 2000"),
]


@pytest.mark.parametrize(("words", "where", "what"), BAD)
def test_what_cannot_be_done_is_one_line_and_exit_2(text, tmp_path, words, where, what):
    said = gradlab(
        "neurons",
        text,
        *(with_option(SMALL, *words) if len(words) > 1 else (*SMALL, *words)),
        "--out",
        tmp_path,
    )
    assert said.code == 2
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(f"error: {where}: ")
    assert what in line
    assert not list(tmp_path.iterdir())


def test_texts_that_cannot_be_read_are_one_line_and_exit_2(tmp_path):
    path = tmp_path / "a.txt"
    for content, what in (
        (b"", "has 0 characters"),
        (b"ab\n" * 100, "at least 5000"),
        (b"abc\n" * 3000 + b"\0", "is a binary file"),
        (b"abc\n" * 3000 + b"\xff" * 9, "is not UTF-8 at byte 12000 (line 3001)"),
        (b"ab " * 400_000, "has a line of 1200000 characters"),
        (b"a" * 20_000, "holds 1 symbol"),
    ):
        path.write_bytes(content)
        said = gradlab("neurons", path, *SMALL, "--out", tmp_path / "out")
        assert (said.code, said.out) == (2, "")
        assert what in said.err
        assert len(said.err.splitlines()) == 1


def test_a_run_is_not_read_as_a_text_and_a_unit_that_is_not_there_is_refused(run):
    folder, _ = run
    assert "is a run; `gradlab show" in gradlab("neurons", folder, *SMALL).err
    said = gradlab("neurons", folder, "--terminal", "--unit", "99")
    assert said.code == 2
    assert said.err.startswith("error: --unit: no unit called '99' in this run")


def test_a_dry_run_says_time_and_memory(text, tmp_path):
    said = gradlab("neurons", text, *SMALL, "--out", tmp_path, "--dry-run")
    assert said.code == 0
    for word in ("cells", "training", "time", "memory", "folder"):
        assert f"\n{word}" in f"\n{said.out}"
    assert not list(tmp_path.iterdir())
