"""A whole reading at toy size: its files, cut and gone on with, and refused where it does not fit."""

import dataclasses
import json

import h5netcdf
import numpy as np
import pytest

from gradlab import execute
from gradlab.errors import GradlabError
from gradlab.planning.progress import Silent
from gradlab.runs import contents
from gradlab.studies import base
from gradlab.studies.neurons import ablation, arrays, budget, networks, results, view, work
from gradlab.studies.neurons.rows import cells, detectors
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies import arms
from tests.studies.neurons import alike, hand_set


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Small, with several rounds of each stage."""
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text(hand_set.text(30_000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "EVERY", 4)
        patch.setattr(budget, "TRIED", 0.7)
        patch.setattr(ablation, "LONG", 600)
        yield Neurons(
            str(path),
            cell=("lstm",),
            hidden=3,
            updates=12,
            T=8,
            batch=4,
            lr=(0.02, 0.01),
            label=("said=said",),
            scored=2000,
            shown=700,
        )


@pytest.fixture(scope="module")
def done(asked, tmp_path_factory):
    """A run of it, and where it lies."""
    folder = tmp_path_factory.mktemp("done") / "run"
    return execute.run(asked, folder=folder).run, folder


def held(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


class Cut(Silent):
    """Leaves when it has heard so much."""

    left = 0

    def take(self, progress):
        Cut.left -= 1
        if Cut.left == 0:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_a_run_that_is_read_again_is_the_one_that_was_made(done):
    made, folder = done
    read = base.read(folder)
    assert read.about["command"] == "neurons"
    for name in ("scores", "units", "detectors", "curves"):
        one, other = getattr(made, name), getattr(read, name)
        assert one.columns.tolist() == other.columns.tolist()
        for column in one:
            np.testing.assert_array_equal(one[column].to_numpy(), other[column].to_numpy())
    assert set(made.norms) == set(read.norms)
    for name in made.norms:
        np.testing.assert_array_equal(made.norms[name].values, read.norms[name].values)
    assert [row._asdict().keys() for row in detectors(read)] == [
        row._asdict().keys() for row in detectors(made)
    ]
    assert read.text == (made.text)
    assert len(read.text) == 700


def test_cells_have_equal_parameters_those_of_the_largest_at_the_units_asked_for():
    asked = Neurons(cell=("elman", "gru", "lstm"), hidden=40)
    made = networks.settings(asked, 90)
    counts = [arms.count(one.cell, (90, 90), one.hidden) for one in made.values()]
    assert made["lstm"].hidden == 40 < made["gru"].hidden < made["elman"].hidden
    np.testing.assert_allclose(counts, counts[2], rtol=0.02)


@pytest.mark.slow
def test_what_is_stored_fits_together(done):
    made, _ = done
    (one,) = cells(made)
    assert one.hidden == 3
    plan = made.about["plan"]
    assert (plan["updates"], plan["every"], plan["tried"]) == (12, 4, 2)
    wanted = sum(one["hidden"] * len([*one["leaves"], *one["gates"]]) for one in made.cells)
    assert len(made.units) == wanted
    assert len(made.scores) == wanted * len(made.about["labels"])
    assert "said" in [one["name"] for one in made.about["labels"]]
    for one in made.about["cells"]:
        assert one["bits"] < one["untrained_bits"]
        assert one["updates"] in (4, 8, 12)
    # What is kept of a state starts where its memory was.
    start = made.norms["cell0_start_c"].values
    memory = arrays.restored(made.norms["cell0_c"])
    assert start.shape[0] == 3
    step = float(made.norms["cell0_c"].attrs["scale"])
    np.testing.assert_allclose(memory[[255, 511]], start[1:], atol=0.51 * step)


HEARD = 13
"""What a listener is told from the beginning to the end."""


@pytest.mark.parametrize(
    "after", [5, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, HEARD + 1) if n != 5)]
)
@pytest.mark.slow
def test_cut_and_gone_on_with_it_is_the_same_byte_for_byte(done, asked, tmp_path, after, monkeypatch):
    from gradlab.studies.remedies import checkpoint

    monkeypatch.setattr(checkpoint, "SAVE_SECONDS", 0.0)
    Cut.left = after
    with pytest.raises(KeyboardInterrupt):
        execute.run(asked, folder=tmp_path / "run", listening=Cut)
    execute.run(asked, folder=tmp_path / "run")
    wanted, found = held(done[1]), held(tmp_path / "run")
    assert sorted(wanted) == sorted(found)
    for name in wanted:
        assert found[name] == wanted[name], name


def test_a_text_that_has_changed_is_not_the_run_that_was(done, asked, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(hand_set.text(30_000, seed=1))
    with pytest.raises(GradlabError, match="holds a run with other settings: text"):
        execute.run(dataclasses.replace(asked, text=str(path)), folder=done[1])


@pytest.mark.slow
def test_minutes_become_updates_once(asked, tmp_path):
    short = dataclasses.replace(asked, cell=("lstm",), updates=0, minutes=0.02, lr=(0.01,))
    Cut.left = 3
    with pytest.raises(KeyboardInterrupt):
        execute.run(short, folder=tmp_path / "run", listening=Cut)
    kept = next((tmp_path / "run" / "shards").glob("*.shard"))
    assert kept.exists()
    made = execute.run(short, folder=tmp_path / "run").run
    assert made.about["plan"]["updates"] >= budget.LEAST
    # Equal plans, equal bytes: the same number of updates, asked for as such.
    again = execute.run(dataclasses.replace(short, updates=made.about["plan"]["updates"])).run
    if again.about["plan"]["every"] == made.about["plan"]["every"]:
        np.testing.assert_array_equal(again.norms["cell0_weight_out"], made.norms["cell0_weight_out"])


def test_a_budget_too_small_for_one_evaluation_is_refused(asked, tmp_path):
    short = dataclasses.replace(asked, cell=("lstm",), updates=0, minutes=1e-7, lr=(0.01,))
    with pytest.raises(GradlabError, match="too little for one evaluation; at least"):
        execute.run(short, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def changed(done, tmp_path, change):
    """The run with `units.nc` changed, its digest as if it had been written so."""
    made, _ = done
    folder = tmp_path / "run"
    results.write(folder, made)
    with h5netcdf.File(folder / "units.nc", "a") as file:
        change(file)
    about = json.loads((folder / "run.json").read_text())
    names = [name for name in about["files"] if name != "units.nc"]
    rest = {name: (folder / name).read_bytes() for name in names}
    contents.write(folder, about, rest | {"units.nc": (folder / "units.nc").read_bytes()})
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file["codes"].__setitem__(0, 1000), "codes: holds what is no symbol"),
        (lambda file: file["cell0_top"].__setitem__((0, 0), -1), "cell0_top: holds what is no symbol"),
        (
            lambda file: file.create_variable("more", ("character",), "float32"),
            "more: is nothing that a reading holds",
        ),
        (lambda file: file["cell0_c"].attrs.__setitem__("scale", -1.0), "cell0_c: has no scale"),
    ],
)
def test_arrays_that_no_reading_holds_are_refused(done, tmp_path, change, said):
    with pytest.raises(GradlabError) as told:
        base.read(changed(done, tmp_path, change))
    assert said in str(told.value)
    assert told.value.code == 2


class TestView:
    def test_a_unit_is_chosen_by_number_leaf_and_cell(self, done):
        made, _ = done
        assert view.chosen(made, "lstm:c/2") == view.Chosen(0, "c", 2)
        assert view.chosen(made, "lstm:2") == view.Chosen(0, "c", 2)
        assert view.chosen(made, "1") == view.Chosen(0, "c", 1)
        assert view.chosen(made, "lstm:f/0") == view.Chosen(0, "f", 0)

    @pytest.mark.parametrize("name", ["99", "x/1", "gru:c/1", "c/-1", "lstm:c/3", "c/"])
    def test_one_that_is_not_there_is_refused(self, done, name):
        with pytest.raises(GradlabError) as told:
            view.render(done[0], name, 0, 80, unicode=True, color=False)
        assert told.value.where == "--unit"

    def test_a_place_beyond_the_text_is_refused(self, done):
        with pytest.raises(GradlabError, match="beyond the text; 0 to 699"):
            view.render(done[0], "0", 700, 80, unicode=True, color=False)

    def test_every_character_has_a_mark_below_it(self, done):
        made, _ = done
        said = view.render(made, "lstm:c/1", 0, 80, unicode=False, color=False).plain.splitlines()
        values = arrays.restored(made.norms["cell0_c"][:, 1])
        body = said[-2 * (len(said) // 2 - 1) :]
        start = next(i for i, line in enumerate(said) if line.rstrip("$") == made.text.split("\n")[0][:80])
        body = said[start:]
        text = "".join(body[::2]).replace("$", "\n")
        marks = "".join(body[1::2])
        assert made.text.startswith(text)
        assert len(text) == len(marks)
        places = [view.MARKS.index(mark) for mark in marks]
        assert np.corrcoef(places, values[: len(places)])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("f", "the state and the gates of .*Alike both have a f; give one of them another name"),
        ("top", "the state of .*Alike has a top, as a run calls something else"),
        ("gate_f", "the state of .*Alike has a gate_f, as a run calls something else"),
        ("h", None),
    ],
)
def test_a_cell_whose_units_share_a_name_is_refused_before_it_is_trained(
    asked, tmp_path, monkeypatch, name, said
):
    (tmp_path / f"alike_{name}.py").write_text(alike.SOURCE.replace("NAME", name))
    monkeypatch.syspath_prepend(tmp_path)
    one = dataclasses.replace(asked, cell=(f"alike_{name}:Alike",))
    if said is None:
        assert base.of(one).plan(one).counts["cells"] == 1
        return
    with pytest.raises(GradlabError, match=said) as told:
        base.of(one).plan(one)
    assert (told.value.where, told.value.code) == ("--cell", 2)


def test_what_a_run_calls_its_arrays_is_taken():
    """Every array of a cell that is no leaf of its state has a name that no leaf may have."""
    cell = {"hidden": 2, "leaves": [], "gates": ["f"], "lags": 3}
    about = {
        "shown": {"characters": 10},
        "vocabulary": "ab",
        "labels": [],
        "cells": [cell | {"leaves": ["h"]}],
        "anchor": 5,
    }
    names = {name.removeprefix("cell0_") for name in arrays.wanted(about) if name.startswith("cell0_")}
    names.remove("h")
    assert {name for name in names if not name.startswith(work.BEGINNINGS)} == {*work.TAKEN}
    assert all(any(name.startswith(one) for name in names) for one in work.BEGINNINGS)
