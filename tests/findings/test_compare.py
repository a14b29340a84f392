"""Comparing two sets of results: paired, by intervals, states first; the gate fires and does not cry wolf."""

import dataclasses
import math
import re

import pytest
import scipy.stats

from gradlab.findings import compare
from gradlab.findings import finding as findings_finding
from gradlab.findings.compare import changes
from gradlab.findings.differences import differences
from gradlab.findings.numbers import Key, side
from gradlab.findings.tolerance import Limit, limit_of, limits
from gradlab.runs.manifest import of_mixed
from tests import made_runs
from tests.findings.comparing import GAIN, only

POINT = {"cell": "elman", "w_rec": 0.9, "T": 50}


def test_a_given_network_is_named_without_a_gain():
    """What stands on its axis w_rec is none that anybody has set."""
    point = {"metric": "rate", "cell": "step", "w_rec": 1.0, "T": 30}
    assert str(Key(init="given", **point)) == "rate cell=step init=given T=30"
    assert str(Key(init="scaled", **point)) == "rate cell=step init=scaled w_rec=1.0 T=30"


def judged(old, new, given=None):
    return [change.finding for change in changes(side(old), side(new), given)]


@pytest.fixture(scope="module")
def old():
    return made_runs.run()


class TestPaired:
    def test_an_equal_run_passes_everywhere_with_the_limit_in_words(self, old):
        found = judged(old, old)
        count = lambda *axes: old.metrics[list(axes)].drop_duplicates().shape[0]
        # And at three lags each the adjoint, the transport and the weight gradient.
        rows = count("cell", "w_rec", "T", "part", "metric") + 9 * count("cell", "w_rec", "T")
        assert len(found) == rows
        assert {finding.status for finding in found} == {"passed"}
        assert findings_finding.exit_code(found) == 0
        rate = next(f for f in found if f.metric == "rate")
        assert "-+ 0.0001" in rate.wanted
        assert "paired" in rate.sentence
        assert rate.measured == pytest.approx(old.metrics["value"].iloc[0], abs=0.1)

    def test_one_seed_that_moves_is_enough(self, old):
        table = old.metrics
        row = table[(table["metric"] == "rate") & (table["seed"] == 3)].iloc[0]
        where = {"cell": row["cell"], "w_rec": row["w_rec"], "T": row["T"], "seed": 3, "part": "state"}
        for step, status in ((0.9e-4, []), (1.1e-4, ["rate"]), (-1.1e-4, ["rate"])):
            moved = made_runs.edited(old, "rate", row["value"] + step, **where)
            found = only(judged(old, moved), "failed")
            assert [finding.metric for finding in found] == status
            assert all("seed 3" in f"{f.sentence} {f.wanted}" for f in found)

    @pytest.mark.parametrize("gain", [GAIN, 1 / GAIN])
    def test_one_percent_of_gain_is_caught_at_every_point(self, old, gain):
        found = judged(old, made_runs.run(gain=gain))
        rates = [finding for finding in found if finding.metric == "rate"]
        assert {finding.status for finding in rates} == {"failed"}
        assert findings_finding.exit_code(found) == 1

    def test_states_come_before_values(self, old):
        lost = made_runs.edited(old, "rate", math.nan, "forward_nonfinite", **POINT, seed=1, part="state")
        (found,) = only(judged(old, lost), "failed")
        assert "was ok" in found.sentence
        assert "forward_nonfinite" in found.sentence
        assert found.measured is None
        (back,) = only(judged(lost, old), "failed")
        assert "was forward_nonfinite and is ok" in back.sentence
        assert {finding.status for finding in judged(lost, lost)} == {"passed"}

    @pytest.mark.parametrize(("value", "status"), [(49.9, "passed"), (48.0, "failed")])
    def test_a_horizon_beyond_T_counts_as_T(self, old, value, status):
        beyond = made_runs.edited(old, "half_life", math.nan, "undefined", **POINT)
        reached = made_runs.edited(old, "half_life", value, **POINT)
        for pair in ((beyond, reached), (reached, beyond)):
            found = {f.status for f in judged(*pair) if f.metric == "half_life" and f.where["T"] == 50}
            assert found == {"passed", status}

    def test_a_hard_horizon_may_not_move_at_all(self, old):
        near, far = (made_runs.edited(old, "hard_horizon", value, **POINT) for value in (10.0, 11.0))
        assert len(only(judged(near, far), "failed")) == 1

    def test_more_seeds_are_compared_on_those_that_both_have(self, old):
        found = judged(made_runs.run(seeds=2), made_runs.run(seeds=3, noise=0.05))
        assert {finding.sentence.count("paired") for finding in found} == {1}

    def test_chaos_is_compared_by_intervals_unless_the_machine_is_the_same(self, old):
        other = made_runs.changed(old, versions=made_runs.VERSIONS | {"cpu": "another"})
        modes = {
            (change.finding.where["w_rec"], change.mode)
            for change in changes(side(old), side(other))
            if change.finding.where["cell"] == "elman" and change.finding.where["T"] == 50
        }
        assert modes == {(0.5, "paired"), (0.9, "paired"), (1.5, "by intervals")}
        assert {change.mode for change in changes(side(old), side(old))} == {"paired"}


class TestByIntervals:
    def test_other_seeds_within_their_scatter_pass_and_say_what_could_not_be_seen(self, old):
        found = judged(old, made_runs.run(seed=1))
        assert findings_finding.exit_code(found) == 0
        assert all("by intervals, 5 and 5 seeds" in finding.sentence for finding in found)
        assert any("is not seen with so few seeds" in finding.sentence for finding in found)

    def test_a_difference_that_seeds_cannot_explain_fails(self, old):
        found = judged(old, made_runs.run(seed=1, gain=1.5))
        assert {f.metric for f in only(found, "failed")} >= {"rate", "half_life"}

    def test_without_scatter_one_percent_is_seen_even_so(self):
        a, b = (
            made_runs.run(("elman(activation=identity)",), seed=i, gain=g) for i, g in ((0, 1.0), (1, GAIN))
        )
        rates = [f for f in judged(a, b) if f.metric == "rate"]
        assert {f.status for f in rates} == {"failed"}

    @pytest.mark.parametrize("seeds", [1, 4])
    def test_too_few_seeds_are_never_a_pass(self, old, seeds):
        found = judged(made_runs.run(seeds=seeds), made_runs.run(seed=1))
        assert {finding.status for finding in found} == {"inconclusive"}
        assert findings_finding.exit_code(found) == 4

    def test_a_state_that_changes_everywhere_is_judged_once_seeds_suffice(self):
        for seeds, status in ((5, "inconclusive"), (20, "failed")):
            a, b = (made_runs.run(("elman",), (0.5,), (20,), seed=s, seeds=seeds) for s in (0, 1))
            lost = made_runs.edited(b, "credit_horizon", math.nan, "forward_nonfinite")
            found = [f for f in judged(a, lost) if f.metric == "credit_horizon"]
            assert [finding.status for finding in found] == [status]

    def test_the_interval_is_welchs_with_its_level(self, old):
        """At 1 % over all that is asked: each number twice, for its state and its value."""
        new = made_runs.run(seed=1)
        found = next(f for f in judged(old, new) if f.metric == "rate")
        asked = 2 * len(judged(old, new))
        point = found.where | {"metric": "rate", "part": "state"}
        a, b = (
            run.metrics.loc[(run.metrics[list(point)] == point).all(axis=1), "value"] for run in (old, new)
        )
        theirs = scipy.stats.ttest_ind(b, a, equal_var=False).confidence_interval(1 - 0.01 / asked)
        level, low, high = re.search(
            r"; (\S+) % interval of the difference (\S+) to (\S+),", found.sentence
        ).groups()
        assert 0 <= 100 - 1 / asked - float(level) < 0.001
        assert (float(low), float(high)) == pytest.approx((theirs.low, theirs.high), rel=0.05)
        assert found.text == "rate is what it was, as far as the seeds can tell"


class TestWhatIsCompared:
    def test_a_missing_number_fails_and_a_new_one_is_a_note(self, old):
        less = made_runs.without(old, cell="lstm")
        found = judged(old, less)
        lost = [finding for finding in found if finding.where.get("cell") == "lstm"]
        assert lost
        assert {finding.status for finding in lost} == {"failed"}
        assert "missing" in lost[0].sentence
        found = judged(less, old)
        assert {finding.status for finding in only(found, "note")} == {"note"}
        assert findings_finding.exit_code(found) == 0

    def test_what_one_side_alone_has_is_said_as_it_is(self, old):
        at = {"cell": "elman", "w_rec": 0.9, "T": 20, "part": "state"}
        told = made_runs.edited(old, "hard_horizon", math.nan, "undefined", **at)
        told = made_runs.edited(told, "rate", 0.25, **at)
        mask = (told.metrics["metric"] == "soft_horizon") & (told.metrics["cell"] == "elman")
        sentences = lambda a, b: {
            (finding.metric, finding.status): finding.sentence.partition(": ")[2]
            for finding in judged(a, b)
            if finding.where == {key: at[key] for key in ("cell", "w_rec", "T")} | {"init": "orthogonal"}
        }
        gone = made_runs.without(told, w_rec=0.9)
        found = sentences(told, gone)
        assert found["rate", "failed"] == "missing; it was 0.25 before and there is no such point now"
        assert found["hard_horizon", "failed"] == "undefined before; there is no such point now"
        found = sentences(gone, told)
        nothing = "so there is nothing to compare it with"
        assert found["rate", "note"] == f"new; there was no such point before, {nothing}"
        assert found["hard_horizon", "note"] == f"undefined; there was no such point before, {nothing}"
        # The point is there, and a number of it is not: for this cell alone, or for all.
        less = dataclasses.replace(told, metrics=told.metrics[~mask])
        none = dataclasses.replace(told, metrics=told.metrics[told.metrics["metric"] != "soft_horizon"])
        assert sentences(told, less)["soft_horizon", "failed"].endswith("it is undefined now")
        assert sentences(told, none)["soft_horizon", "failed"].endswith("it is not measured now")
        assert "it was undefined before" in sentences(less, told)["soft_horizon", "note"]
        assert "it was not measured before" in sentences(none, told)["soft_horizon", "note"]

    def test_an_entry_that_a_side_never_had_is_not_called_undefined(self, old):
        there = compare._Side(side(old))
        there.metrics.add("lyapunov[index=1]")
        there.columns.add("lyapunov")
        why = {name: there.why(Key(name, "elman", "orthogonal", 0.9, 20)) for name in there.metrics}
        assert set(why.values()) == {"undefined"}
        assert there.why(Key("lyapunov[index=9]", "elman", "orthogonal", 0.9, 20)) == "without a value"
        assert there.why(Key("dead[step=1]", "elman", "orthogonal", 0.9, 20)) == "not measured"

    @pytest.mark.parametrize("name", ["hidden", "input_std", "precision", "objective", "batch"])
    def test_other_settings_are_not_compared(self, old, name):
        other = made_runs.changed(old, settings=made_runs.SETTINGS | {name: "float64"})
        (found,) = judged(old, other)
        assert (found.status, findings_finding.exit_code([found])) == ("inconclusive", 4)
        assert name in found.sentence

    def test_nothing_in_common_is_exit_4(self, old):
        for none in (made_runs.run(w_rec=(0.7,)), made_runs.without(old, cell="elman", T=20)):
            found = judged(made_runs.without(old, cell="lstm") if none is not old else old, none)
            if not any(f.status == "passed" for f in found):
                assert findings_finding.exit_code(found) == 4
        (found,) = judged(old, made_runs.run(w_rec=(0.7,)))
        assert "no number is on both sides" in found.sentence

    def test_other_weights_from_the_same_seeds_fail_on_the_same_machine_only(self, old):
        weights = {"elman": old.about["weights"]["elman"], "lstm": {"orthogonal/0": "changed"}}
        drawn = made_runs.changed(old, weights=weights)
        (found,) = only(judged(old, drawn), "failed")
        assert "1 of 1 networks drew other weights; versions and machine are the same" in found.sentence
        moved = made_runs.changed(drawn, versions=made_runs.VERSIONS | {"jax": "2"})
        assert not only(judged(old, moved), "failed")
        assert len(only(judged(old, moved), "note")) == 1
        # Nor are bits expected of a run that several machines have computed.
        mixed = made_runs.changed(drawn, mixed=made_runs.MIXED)
        assert not only(judged(old, mixed), "failed")
        assert len(only(judged(old, mixed), "note")) == 1
        assert ("machines", "-", of_mixed(mixed.about)) in differences(old, mixed).settings

    def test_the_last_limit_that_matches_wins(self, old):
        key = Key("rate", "elman", "orthogonal", 0.9, 50, "state")
        wide = Limit("r*", absolute=1.0, where={"cell": "elman"})
        assert limit_of(key, (*limits(), wide)) is wide
        assert limit_of(key._replace(cell="lstm"), (*limits(), wide)).absolute == 1e-4
        assert limit_of(key, ()).of(5.0) == 0
        found = judged(old, made_runs.run(gain=GAIN), (*limits(), wide))
        rates = [f for f in found if f.metric == "rate"]
        assert {f.where["cell"] for f in only(rates, "passed")} == {"elman"}
        assert {f.where["cell"] for f in only(rates, "failed")} == {"lstm"}
