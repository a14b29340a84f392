"""A run of a search: each arm at its own T, written, read and shown; a table of other T is refused."""

import dataclasses
import re

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.studies.remedies import collect, compute, results, search, unequal
from gradlab.studies.remedies.forecast import forecast
from gradlab.studies.remedies.settings import Training
from gradlab.studies.remedies.study import STUDY
from gradlab.studies.remedies.work import place
from tests.trials import result

ASKED = Training("latch", T=(10,), longest=80, remedies=("lstm", "gru"), updates=400, lr=(0.1,), seeds=9)
EDGES = {"none": 24, "lstm": 80, "gru": 5}


@pytest.fixture(scope="module")
def found():
    """What the search gives, where each arm learns what is no longer than its edge."""

    def trained(comparison, text, arm, T, report, shards):
        one = result(arm.label, seeds=9, broken=9 * (EDGES[arm.label] < T), T=T)
        yield one._replace(costs={"trained": 9, "untrained": 0, "multiply_adds": 1000 * T})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "_arm", trained)
        return list(compute.run(ASKED))


@pytest.fixture(scope="module")
def run(found):
    return collect.run(ASKED, STUDY.stored(ASKED), found)


def test_each_arm_is_trained_at_the_T_that_it_comes_to(found):
    by = {arm: [one.T for one in found if one.arm == arm] for arm in EDGES}
    assert by == {"none": [10, 20, 40, 28, 24], "lstm": [10, 20, 40, 80], "gru": [10]}


def test_it_is_read_as_it_was_written(run, tmp_path):
    results.write(tmp_path, run)
    again = results.read(tmp_path)
    assert again.norms["T"].values.tolist() == [10, 20, 24, 28, 40, 80]
    # By text, in which one NaN is another.
    assert list(map(repr, again.outcomes())) == list(map(repr, run.outcomes()))
    assert {row.most for row in again.outcomes()} == {search.most(10, 80)}
    collect.require(again, str(tmp_path))
    assert STUDY.stored(ASKED)["longest"] == 80
    assert "longest" not in STUDY.stored(dataclasses.replace(ASKED, longest=0))


def test_it_is_shown_whole(run):
    text = STUDY.table(run, 80, unicode=True, color=False).plain
    assert "Largest T that half of the seeds learn" in text
    assert "  none: 10*, 20*, 40, 28, 24*\n  lstm: 10*, 20*, 40*, 80*\n  gru: 10\n" in text
    told = [int(T) for T in re.findall(r"^none \(T = (\d+), w_rec = 1\): ", text, re.MULTILINE)]
    assert told == [10, 20, 24, 28, 40]
    assert "Best" not in text
    assert "plain arm" not in text
    document = STUDY.document(run)
    assert document["verdict"].startswith("Largest T that half of the seeds learn: lstm 80")
    assert len(document["data"]) == 10
    assert np.isnan(forecast(run.outcomes()).spearman)


@pytest.mark.parametrize(
    "changed",
    [
        lambda table: table[table["T"] != 28],
        lambda table: table[table["T"] != 10],
        lambda table: table.drop(index=table.index[0]),
        lambda table: table.assign(T=table["T"].where(table["T"] != 24, 25)),
        lambda table: table.assign(solved_at=0),
        lambda table: table.assign(T=table["T"].where(table["T"] != 24, 23)),
    ],
)
def test_a_table_of_other_T_than_the_search_comes_to_is_refused(run, changed, tmp_path):
    results.write(tmp_path, dataclasses.replace(run, table=changed(run.table)))
    with pytest.raises(GradlabError, match=r"remedies\.csv"):
        results.read(tmp_path)


def test_the_code_of_the_T_that_were_tried_is_compared(run, monkeypatch):
    asked = []
    monkeypatch.setattr("gradlab.studies.remedies.code.require", lambda *given: asked.append(given[3]))
    STUDY.require(ASKED, run.about["code"], "here")
    tried = {place(arm, T) for arm, Ts in {"none": (10, 20, 24, 28, 40), "gru": (10,)}.items() for T in Ts}
    assert set(asked[0]) == tried | {place("lstm", T) for T in (10, 20, 40, 80)}
    STUDY.require(ASKED, {}, "here")
    assert asked[1] is None


def test_what_an_update_costs_is_told_from_the_shortest_T_on(run):
    rows = run.outcomes()
    told = [int(T) for T in re.findall(r"at T = (\d+)", unequal.said(run.about["settings"], rows))]
    assert told == sorted({row.T for row in rows})
    assert told != list(dict.fromkeys(row.T for row in rows))
