"""`gradlab baseline create | update | show`."""

import re

import pytest

from gradlab.findings import baseline
from gradlab.studies.sweep import results
from tests import made_runs
from tests.cli.calling import contents, document, gradlab


@pytest.fixture
def place(tmp_path):
    results.write(tmp_path / "a", made_runs.run())
    results.write(tmp_path / "b", made_runs.run(gain=1.01))
    return tmp_path


def test_create_writes_what_the_library_makes_and_says_how_much(place):
    said = gradlab("baseline", "create", place / "a", "-o", place / "ci" / "base.json")
    assert said.code == 0
    assert re.fullmatch(
        r"\S+base.json: 204 numbers of 2 cells, 5 seeds each, 10 digests of weights\n", said.out
    )
    assert baseline.read(place / "ci" / "base.json") == baseline.create(made_runs.run())


def test_create_does_not_write_over_a_file(place):
    file = place / "base.json"
    file.write_text("mine")
    said = gradlab("baseline", "create", place / "a", "-o", file)
    assert (said.code, file.read_text()) == (2, "mine")
    assert "`gradlab baseline update` shows what would change" in said.err
    assert gradlab("baseline", "create", place / "a", "-o", file, "--force").code == 0


def test_a_run_with_failures_is_refused_unless_forced(place):
    results.write(place / "c", made_runs.changed(made_runs.run(), status="partial", failed=2))
    words = ("baseline", "create", place / "c", "-o", place / "base.json")
    said = gradlab(*words)
    assert (said.code, (place / "base.json").exists()) == (2, False)
    assert "--force" in said.err
    assert gradlab(*words, "--force").code == 0
    before = contents(place)
    assert gradlab("baseline", "update", place / "c", place / "base.json").code == 2
    assert contents(place) == before


def test_update_prints_old_and_new_and_keeps_limits(place):
    file = place / "base.json"
    gradlab("baseline", "create", place / "a", "-o", file)
    file.write_text(file.read_text().replace('"absolute": 0.0001', '"absolute": 0.0002'))
    said = gradlab("baseline", "update", place / "b", file)
    assert said.code == 0
    lines = said.out.splitlines()
    assert re.search(r"^changed  rate cell=elman .+ T=20  -0\.\d+ -> -0\.\d+$", lines[0])
    assert lines[-1].startswith(f"{file}: {len(lines) - 1} changes; 204 numbers")
    assert baseline.read(file).side == baseline.create(made_runs.run(gain=1.01)).side
    assert 0.0002 in {limit.absolute for limit in baseline.read(file).limits}
    again = gradlab("baseline", "update", place / "b", file, "--json")
    assert document(again.out)["data"]["changes"] == []


def test_show_prints_every_number(place):
    file = place / "base.json"
    gradlab("baseline", "create", place / "a", "-o", file)
    said = gradlab("baseline", "show", file)
    assert len(re.findall(r"(?m)^rate cell=elman", said.out)) == 6
    assert "limit     rate: -+ 0.0001 + 0 of it" in said.out
    assert "chaotic" in said.out
    assert document(gradlab("baseline", "show", file, "--json").out)["data"]["numbers"] == 204


def test_hostile_names_are_escaped(place):
    baseline.write(place / "base.json", baseline.create(made_runs.run(("\x1b[31mred\n",))))
    said = gradlab("baseline", "show", place / "base.json")
    assert "\x1b" not in said.out
    assert r"\x1b[31mred\n" in said.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["creat", "a"], "error: ACTION: no action called 'creat'; did you mean create?"),
        (["create", "a", "b"], "error: create: takes RUN, 2 came"),
        (["update", "a"], "error: update: takes RUN FILE, 1 came"),
        (["show", "nowhere.json"], "error: nowhere.json: no such file"),
        (["create", "nowhere"], "error: nowhere: no such folder"),
    ],
)
def test_mistakes_are_one_line(words, said):
    found = gradlab("baseline", *words)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert found.err.startswith(said)
