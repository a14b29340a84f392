"""One command measures every cell there is."""

import math

import pytest

from gradlab import registry
from tests.cli.calling import document, gradlab


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    words = ("--cell", ",".join(registry.names("cells")), "--w-rec", "0.9", "-T", "6", "--hidden", "4")
    said = gradlab("sweep", *words, "--seeds", "2", "--out", tmp_path_factory.mktemp("out"), "--json", "-q")
    assert (said.code, said.err) == (0, "")
    return {row["cell"]: row for row in document(said.out)["data"]}


def test_every_cell_fits_into_one_plan(tmp_path):
    words = ("--cell", ",".join(registry.names("cells")), "--hidden", "4", "--out", tmp_path, "--dry-run")
    assert gradlab("sweep", *words).code == 0


@pytest.mark.long
@pytest.mark.parametrize("name", registry.names("cells"))
def test_it_has_a_rate_and_a_regime(rows, name):
    row = rows[name]
    assert math.isfinite(row["rate"])
    assert row["regime"] in ("VANISH", "STABLE", "EXPLODE", "UNDECIDED")
    assert row["has_gain"] == registry.make("cells", name).has_gain
