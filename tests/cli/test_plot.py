"""`gradlab plot`."""

import re

import pytest

from gradlab.studies.remedies import results as remedies_results
from gradlab.studies.sweep import results as sweep_results
from tests import made_runs, samples
from tests.cli.calling import contents, document, finished, gradlab
from tests.plots.comparisons import comparison


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    norms = samples.norms(("elman", "lstm"), (0.5, 1.0, 1.5), (20, 50), seeds=2)
    place = tmp_path_factory.mktemp("results") / "run"
    sweep_results.write(place, sweep_results.Run(made_runs.facts(norms), sweep_results.metrics(norms), norms))
    return place


@pytest.fixture(scope="module")
def remedies(tmp_path_factory):
    place = tmp_path_factory.mktemp("results") / "remedies"
    remedies_results.write(place, comparison(T=(20, 50), w_rec=(1.0,)))
    return place


def test_without_o_it_goes_into_the_figures_and_replaces_no_other(folder):
    said = gradlab("plot", folder, "profile")
    assert said == (0, f"{folder / 'figures' / 'profile.svg'}\n", "")
    before = contents(folder)
    said = gradlab("plot", folder, "profile(quantity=adjoint)", "--where", "cell=lstm")
    assert said.out == f"{folder / 'figures' / 'profile-quantity=adjoint-cell=lstm.svg'}\n"
    assert contents(folder).items() >= before.items()


@pytest.mark.ends
@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_each_format_is_equal_byte_for_byte(folder, tmp_path, kind):
    files = [tmp_path / f"{name}.{kind}" for name in "ab"]
    for file in files:
        assert gradlab("plot", folder, "horizon", "-o", file) == (0, f"{file}\n", "")
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert first.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[kind])


def test_where_keeps_only_what_it_names(folder, tmp_path):
    file = tmp_path / "a.svg"
    assert gradlab("plot", folder, "profile", "--where", "cell=lstm", "--where", "T=20", "-o", file).code == 0
    said = gradlab("plot", folder, "profile", "--where", "cell=lstm", "--where", "T=20.0", "--terminal")
    assert "lstm" in said.out
    assert "elman" not in said.out
    assert "T = 20, 2 seeds" in said.out


def test_columns_alone_mean_the_general_plot(folder):
    said = gradlab("plot", folder, "--x", "rate", "--y", "credit_horizon", "--color", "T", "--terminal")
    assert said.code == 0
    assert "credit horizon against rate" in said.out
    assert "T = 50" in said.out


def test_a_comparison_and_a_plot_that_reads_nothing(remedies, tmp_path):
    assert gradlab("plot", remedies, "learning_curves", "-o", tmp_path / "a.svg").code == 0
    assert "clip_norm" in gradlab("plot", remedies, "solved", "--where", "arm=clip_norm", "--terminal").out
    assert gradlab("plot", "bifurcation", "-o", tmp_path / "b.svg").code == 0
    assert "saddle-node" in gradlab("plot", "bifurcation(w=6)", "--terminal").out


def test_json_is_one_document(folder, tmp_path):
    file = tmp_path / "a.svg"
    found = document(gradlab("plot", folder, "horizon", "-o", file, "--json").out)
    assert (found["exit_code"], found["data"]) == (0, {"file": str(file)})


@pytest.mark.slow
def test_a_terminal_without_unicode_gets_ascii(folder):
    said = finished("plot", folder, "rate_map", "--terminal", env={"PYTHONIOENCODING": "ascii"})
    assert (said.code, said.err) == (0, "")
    assert said.out.isascii()
    assert max(map(len, said.out.splitlines())) <= 110


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["profil"], "KIND: no plot called 'profil'; did you mean profile"),
        (["profile(quantity=transprt)"], "KIND: no value of quantity called .* did you mean transport"),
        (["--y", "rat"], "--y: no column called 'rat'; did you mean rate"),
        (["metrics", "--x", "half_live"], "--x: no column called 'half_live'; did you mean half_life"),
        (["profile", "--x", "rate"], "--x: no setting of profile called 'x'; .*known: quantity"),
        (["profile", "--where", "cel=lstm"], "--where: no axis of this run called 'cel'; did you mean cell"),
        (
            ["profile", "--where", "cell=lstn"],
            "--where: no cell in this run called 'lstn'; did you mean lstm",
        ),
        (["profile", "--where", "T=21"], "--where: no T in this run called '21'; .*known: 20, 50"),
        (["profile", "--where", "lstm"], "--where: 'lstm' is not a choice"),
        (["profile", "-o", "a.svgg"], "-o: no format called 'svgg'; did you mean svg"),
        (["solved"], "KIND: solved draws what `gradlab rem.*rate_map"),
        (["gates"], "KIND: gates draws what this run has not measured; measure it with --probe gates"),
        ([], "KIND: is missing; known: .*profile"),
    ],
)
def test_a_mistake_is_exit_2_and_says_what_is_possible(folder, words, message):
    said = gradlab("plot", folder, *words)
    assert (said.code, said.out) == (2, "")
    assert re.fullmatch(rf"error: {message}.*\n", said.err)


def test_a_plot_before_its_run_is_told_the_order(folder):
    said = gradlab("plot", "profile", folder)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"error: KIND: '{folder}' is a folder: give the run first, and 'profile' after it\n"


def test_no_finished_point_is_exit_4(tmp_path):
    (tmp_path / "cut" / "shards").mkdir(parents=True)
    said = gradlab("plot", tmp_path / "cut", "profile")
    assert (said.code, said.out) == (4, "")
    assert "no finished point" in said.err
    norms = samples.norms(("elman(activation=identity)",), (1.9,), (200,), nonfinite_above=1.0)
    about = made_runs.facts(norms, status="partial", points=3, failed=3)
    sweep_results.write(tmp_path / "lost", sweep_results.Run(about, sweep_results.metrics(norms), norms))
    assert gradlab("plot", tmp_path / "lost", "profile").code == 4
    assert gradlab("plot", tmp_path / "nowhere", "profile").code == 2


def test_a_file_that_cannot_be_written_is_exit_5(folder, tmp_path):
    (tmp_path / "file").write_text("")
    said = gradlab("plot", folder, "horizon", "-o", tmp_path / "file" / "a.svg")
    assert said.code == 5
