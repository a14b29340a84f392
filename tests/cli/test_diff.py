"""`gradlab diff`."""

import math

import pytest

from gradlab.studies.sweep import results
from tests import made_runs
from tests.cli.calling import document, gradlab


@pytest.fixture
def store(tmp_path):
    def write(name, run):
        results.write(tmp_path / name, run)
        return tmp_path / name

    return write


@pytest.fixture
def a(store):
    return store("a", made_runs.run())


def verdicts(said):
    rows = said.out.splitlines()
    head = next(i for i, row in enumerate(rows) if row.startswith("verdict"))
    return [row.split("  ")[0] for row in rows[head + 1 : -1]]


def test_a_run_and_itself_are_the_same(a):
    said = gradlab("diff", a, a)
    assert (said.code, said.err) == (0, "")
    assert set(verdicts(said)) == {"same"}
    only = gradlab("diff", a, a, "--only-changed")
    assert (only.code, only.out) == (0, f"{a} (A) and {a} (B): nothing has changed\n")


def test_the_largest_change_comes_first_and_settings_before_it(a, store):
    b = made_runs.run(gain=1.01)
    b = made_runs.changed(
        b, settings=b.about["settings"] | {"input_std": 0.2}, versions=made_runs.VERSIONS | {"jax": "2"}
    )
    said = gradlab("diff", a, store("b", b))
    assert said.code == 1
    assert said.out.splitlines()[:2] == ["input_std: 0.1 -> 0.2", "version of jax: 1 -> 2"]
    found = verdicts(said)
    assert found == sorted(found, key=["changed", "same"].index)
    rows = document(gradlab("diff", a, store("b", b), "--json").out)["data"]
    sizes = [row["times"] for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    less = gradlab("diff", a, store("b", b), "--only-changed")
    assert set(verdicts(less)) == {"changed"}
    assert less.code == 1


def test_a_changed_state_is_the_largest_change(a, store):
    lost = made_runs.edited(
        made_runs.run(gain=1.01),
        "rate",
        math.nan,
        "forward_nonfinite",
        cell="lstm",
        w_rec=0.9,
        T=20,
        part="h",
    )
    rows = document(gradlab("diff", a, store("b", lost), "--json").out)["data"]
    assert (rows[0]["what"], rows[0]["times"]) == (
        "rate cell=lstm init=orthogonal w_rec=0.9 T=20 part=h",
        None,
    )


def test_what_only_one_has_is_a_change(a, store):
    b = store("b", made_runs.run(T=(20, 50), w_rec=(0.5, 0.9, 1.2)))
    said = gradlab("diff", a, b, "--only-changed")
    assert said.code == 1
    assert {"only in A", "only in B"} <= set(verdicts(said))


def test_nothing_comparable_is_exit_4(a, store):
    assert gradlab("diff", a, store("b", made_runs.run(w_rec=(0.7,)))).code == 4
    few = store("few", made_runs.run(seed=1, seeds=2))
    said = gradlab("diff", a, few, "--json")
    assert (said.code, document(said.out)["status"]) == (4, "inconclusive")


def test_a_bad_folder_is_exit_2(a, tmp_path):
    said = gradlab("diff", a, tmp_path / "none")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
