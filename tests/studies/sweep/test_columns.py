"""Columns of further probes as metrics: which entries there are, and which stand in tables."""

import numpy as np
import pytest

from gradlab.findings import claims, judge
from gradlab.states import NOT_COMPUTED, OK, UNDEFINED
from gradlab.studies.sweep import columns, results
from tests import samples

GATES = ("f", "i")


@pytest.fixture(scope="module")
def run():
    """Five exponents k = 1..5 of -k, of which elman has three; a gate's opening is its step over 100."""
    norms = samples.norms(("elman", "lstm"), (0.9,), (4, 9), seeds=4)
    point = [norms.sizes[axis] for axis in columns.POINT]
    exponents = np.broadcast_to(-np.arange(1.0, 6), (*point, 5)) + 0.01 * np.arange(4)[:, None]
    states = np.full(exponents.shape, OK, np.int8)
    states[0, ..., 3:] = UNDEFINED
    opening = np.broadcast_to(np.arange(1, 10)[:, None] / 100, (*point, 9, 2))
    shut = np.full(opening.shape, OK, np.int8)
    shut[0] = UNDEFINED
    for t, T in enumerate((4, 9)):
        shut[:, :, :, t, :, T:] = UNDEFINED
    norms = norms.assign_coords(gate=list(GATES))
    for name, values, codes, own in (
        ("exponents", exponents, states, ("index",)),
        ("opening", opening, shut, ("step", "gate")),
    ):
        norms[name] = ((*columns.POINT, *own), np.where(codes == OK, values, np.nan))
        norms[f"{name}_state"] = ((*columns.POINT, *own), codes)
    return results.Run({}, results.metrics(norms), norms)


def test_what_every_sweep_measures_is_no_column_of_a_further_probe(run):
    assert columns.columns(run.norms) == {"exponents": ("index",), "opening": ("step", "gate")}
    assert columns.columns(samples.norms()) == {}


def test_first_middle_and_last_and_every_name_stand_in_the_table_where_there_are_any(run):
    table = run.metrics[run.metrics["seed"] == 0]
    found = {
        (cell, T): [name for name in some["metric"] if "[" in name]
        for (cell, T), some in table.groupby(["cell", "T"])
    }
    exponents = [f"exponents[index={k}]" for k in (1, 3, 5)]
    assert found["elman", 4] == found["elman", 9] == exponents[:2]
    gates = {T: [f"opening[step={t},gate={g}]" for t in steps for g in GATES] for T, steps in
             {4: (1, 2, 4), 9: (1, 5, 9)}.items()}  # fmt: skip
    for T, names in gates.items():
        assert sorted(found["lstm", T]) == sorted(exponents + names)
    value = table[(table["cell"] == "lstm") & (table["metric"] == "opening[step=9,gate=i]")]["value"]
    assert value.tolist() == [0.09]


def test_what_is_not_computed_is_more_than_another_column_says(run):
    norms = run.norms.copy(deep=True)
    norms["bound"] = (columns.POINT, np.full(norms["exponents"].shape[:5], 64.0))
    norms["bound_state"] = (columns.POINT, np.full(norms["bound"].shape, OK, np.int8))
    points = [(cell, "orthogonal", 0.9) for cell in ("elman", "lstm")]
    entry = columns.Entry("exponents", (("index", 1),))
    none = [np.nan] * len(points)
    np.testing.assert_array_equal(columns.exceeded(norms, entry, "bound", points), none)
    at = (1, 0, 0, -1, slice(None), 0)
    states = norms["exponents_state"].values.copy()
    states[at] = NOT_COMPUTED
    norms["exponents_state"] = (norms["exponents"].dims, states)
    np.testing.assert_array_equal(columns.exceeded(norms, entry, "bound", points), [np.nan, 64.0])
    # A seed that has a value does not stand for the others.
    states[1, 0, 0, -1, 0, 0] = OK
    norms["exponents_state"] = (norms["exponents"].dims, states)
    only, seeds = float(norms["exponents"].values[1, 0, 0, -1, 0, 0]), norms.sizes["seed"]
    least = [np.nan, (only + 64.0 * (seeds - 1)) / seeds]
    np.testing.assert_allclose(columns.exceeded(norms, entry, "bound", points), least)
    # One that has nothing to measure counts for nothing.
    states[1, 0, 0, -1, 1, 0] = UNDEFINED
    norms["exponents_state"] = (norms["exponents"].dims, states)
    least = [np.nan, (only + 64.0 * (seeds - 2)) / (seeds - 1)] if seeds > 2 else none
    np.testing.assert_allclose(columns.exceeded(norms, entry, "bound", points), least)


def judged(run, **claim):
    grid = claims.grid_of(run)
    raw = {"text": "x", **claim}
    one, faults = claims.read(raw, "at", "sweep", grid, lambda axis, given: given, columns.columns(run.norms))
    return [fault.what for fault in faults] or judge.judge(run, [one])


def test_a_claim_names_the_entry_that_it_is_about(run):
    (found,) = judged(
        run, metric="exponents", where={"index": 2, "cell": "elman", "T": 9}, equals=-1.985, within=0.1
    )
    assert (found.status, found.where["index"]) == ("passed", 2)
    assert found.measured == pytest.approx(-1.985)
    (found,) = judged(run, metric="opening", where={"step": 4, "gate": "f"}, between=[0.03, 0.05])
    assert (found.status, found.where["cell"]) == ("passed", "lstm")
    assert judged(run, metric="exponents", where={"cell": "elman"}, below=0.0) == [
        "must say which index of exponents, such as { index = 1 }"
    ]
    (found,) = judged(run, metric="exponents", where={"index": 6}, below=0.0)
    assert (found.status, "index = 6: the run does not hold it" in found.sentence) == ("failed", True)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"index": "one"}, "'one' must be a whole number, 1 or more"),
        ({"index": 0}, "0.0 must be a whole number, 1 or more"),
        ({"index": 1.5}, "1.5 must be a whole number, 1 or more"),
    ],
)
def test_an_entry_that_no_column_can_have_is_refused(run, where, said):
    assert judged(run, metric="exponents", where=where, below=0.0) == [said]


def test_a_claim_along_an_axis_takes_the_entries_that_a_cell_and_a_length_have(run):
    (found,) = judged(run, metric="exponents", decreases_with="index")
    assert found.status == "passed"
    (found,) = judged(run, metric="exponents", where={"index": 1}, greater_than={"index": 2})
    assert found.status == "passed"
    assert (
        judged(run, metric="opening", where={"step": 9, "gate": "f", "T": 4}, below=1.0)[0].status == "failed"
    )


def test_one_entry_of_each_column_stands_for_it_and_of_names_one_each(run):
    names = [entry.name for entry in columns.standing(run.norms)]
    assert names == ["exponents[index=1]", "opening[step=9,gate=f]", "opening[step=9,gate=i]"]


def test_seeds_that_have_a_value_are_averaged_at_the_longest_T(run):
    last = columns.Entry("opening", (("step", 9), ("gate", "f")))
    fourth = columns.Entry("exponents", (("index", 4),))
    points = [(cell, "orthogonal", 0.9) for cell in ("elman", "lstm")]
    np.testing.assert_allclose(columns.means(run.norms, last, points), [np.nan, 0.09])
    np.testing.assert_allclose(columns.means(run.norms, fourth, points), [np.nan, -4 + 0.015])


def test_what_is_kept_of_an_axis_is_labelled_as_before(run):
    kept = columns.chosen(run.norms, {"index": [4, 2], "gate": ["i"]})
    assert columns.labels(kept, "index") == [4, 2]
    assert columns.labels(kept, "gate") == ["i"]
    entry = columns.Entry("exponents", (("index", 2),))
    for one, other in zip(columns.measured(kept, entry), columns.measured(run.norms, entry), strict=True):
        np.testing.assert_array_equal(one, other)
    names = {one.name: at for one, at in columns.entries(run.norms, {"index": [2], "step": [3, 7]}).items()}
    assert list(names) == [
        "exponents[index=2]",
        *(f"opening[step={t},gate={g}]" for t in (3, 7) for g in GATES),
    ]
    # A sequence of 4 steps has no step 7.
    assert names["opening[step=3,gate=f]"] == [0, 1]
    assert names["opening[step=7,gate=f]"] == [1]
    table = results.further(run.norms, {"index": [2], "step": [3, 7]})
    assert set(table["metric"]) == set(names)


@pytest.mark.parametrize(("T", "there"), [(9, True), (8, False)])
def test_no_label_along_the_sequence_is_beyond_T(T, there):
    assert columns.within(columns.Entry("a", (("step", 9), ("index", 20))), T) == there
    assert columns.within(columns.Entry("a", (("lag", 9),)), T) == there
