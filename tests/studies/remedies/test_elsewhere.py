"""Networks that are trained at one T, evaluated at others."""

import dataclasses

import jax
import numpy as np
import pytest

from gradlab import specs
from gradlab.errors import GradlabError
from gradlab.studies.remedies import arms, compute, elsewhere, losses, other_lengths, train, work
from gradlab.studies.remedies.settings import Training
from gradlab.studies.remedies.study import STUDY
from gradlab.studies.sweep.networks import stream

ASKED = Training("latch", T=(4,), hidden=3, lr=(0.1,), updates=4, eval_every=2, eval_size=20, seeds=2)
WIDE = dataclasses.replace(ASKED, evaluate_at=(2, 5))


@pytest.fixture(scope="module", params=[pytest.param(WIDE, marks=pytest.mark.slow)], ids=["wide"])
def results(request):
    return list(compute.run(request.param))


@pytest.mark.slow
def test_each_is_what_an_evaluation_of_that_length_gives(results):
    arm = arms.arm("none", WIDE.cell, WIDE.init)
    setting = work.setting_of(WIDE, arm, 4, 3)
    networks = train.draw(WIDE, arm, setting, [(1.0, 0.1, f"test {s}") for s in range(2)])
    networks = networks._replace(broken=np.array([0, 3], np.int32))
    seen = np.array([[0.5, 0.4], [np.nan, np.nan], [0.3, np.nan], [np.nan, np.nan]])
    found = elsewhere.evaluated(WIDE, setting, networks, seen)
    for times in (2, 5):
        at = dataclasses.replace(setting, T=4 * times)
        key = stream(WIDE.seed, "judging", task="latch", times=times)
        first = jax.tree.map(lambda leaf: leaf[0], networks)
        loss, error = losses.evaluate(at, first, key, 20)
        for name, value in (("loss", loss), ("error", error)):
            made = found[f"{name}_at_{times}T"]
            # At the last evaluation of the first; the other has diverged.
            assert made[2, 0] == pytest.approx(float(value), rel=1e-6)
            assert np.isnan(np.delete(made.ravel(), 4)).all()
    assert set(results[0].evaluations) >= set(found)


def test_a_run_counts_the_seeds_and_one_without_is_as_before(results):
    run = STUDY.collect(WIDE, results)
    rows = run.outcomes()
    run.about["solved"] = 2.0
    (all_of_them,) = other_lengths.counted(run, rows)
    assert all_of_them.solved == {2: 2, 5: 2}
    run.about["solved"] = -1.0
    assert other_lengths.counted(run, rows)[0].solved == {2: 0, 5: 0}
    assert other_lengths.lines(run, rows)[-2].split() == [
        "none",
        f"{rows[0].solved.successes}/2",
        "0/2",
        "0/2",
    ]
    assert STUDY.document(run)["data"][0]["solved_at_5T"] == 0
    # Of seeds that have all diverged nothing was evaluated: none solves it, and the table says so.
    none = dataclasses.replace(run, curves=run.curves[~run.curves["metric"].str.contains("_at_")])
    run.about["solved"] = 2.0
    assert other_lengths.counted(none, rows)[0].solved == {2: 0, 5: 0}
    del run.about["settings"]["evaluate_at"]
    assert other_lengths.lines(run, rows) == []
    assert "evaluate_at" not in STUDY.stored(ASKED)
    assert STUDY.stored(WIDE)["evaluate_at"] == [2, 5]


@pytest.mark.parametrize("text", ["2T,5T", "2,5", "2T, 5"])
def test_a_multiple_is_written_with_its_T_or_without(text):
    made = specs.made(Training, specs.OPTIONS, {"task": "latch", "evaluate_at": text})
    assert made.evaluate_at == (2, 5)


@pytest.mark.parametrize(
    ("text", "said"), [("1T", "at least 2"), ("2T,2", "twice"), ("T", "'T'"), ("2U", "'2U'")]
)
def test_what_is_no_multiple_is_refused(text, said):
    with pytest.raises(GradlabError, match=said) as caught:
        specs.made(Training, specs.OPTIONS, {"task": "latch", "evaluate_at": text})
    assert caught.value.where == "--evaluate-at"
