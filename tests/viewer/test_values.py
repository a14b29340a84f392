"""What the page shows is what the run has measured: states, gates, predictions, scores, labels."""

import json

import numpy as np
import pytest

from gradlab.viewer import packing
from tests.viewer import made
from tests.viewer.opened import needed

pytestmark = needed
CELLS = ("lstm", "gru", "elman", "peephole_lstm")


@pytest.fixture(scope="module")
def run():
    return made.run(CELLS, characters=700)


def held(tab, cell, part):
    """All values of a state or gate, as the page has them: (unit, character)."""
    found = tab.run(
        f"(cell => {{ const part = cell.parts.find(({{ id }}) => id === {part!r});"
        " Study.need(cell, 0, Study.codes.length, Infinity);"
        " const values = (_, i) => Array.from(Study.codes, (_, at) => Study.value(cell, part, i, at));"
        " return part.units.map(values);"
        f" }})(Study.cells[{cell}])"
    )
    return np.array(found)


@pytest.mark.parametrize(("room", "cells"), [(10**7, 4), (0, 3)])
def test_states_and_gates(opening, run, room, cells):
    """The memory as measured, if there is room; what the page computes itself, to two roundings to int8."""
    tab = opening(run, room=room)
    for k, about in enumerate(run.about["cells"][:cells]):
        for part in (*about["leaves"], *about["gates"]):
            array = run.norms[f"cell{k}_{part if part in about['leaves'] else f'gate_{part}'}"]
            wanted = array.values.T * array.attrs["scale"]
            kept = tab.run(f"Study.cells[{k}].parts.find(part => part.id === {part!r}).array !== null")
            assert kept == (k == 3 or (part == about["memory"] and room > 0))
            found = held(tab, k, part)
            assert np.abs(found - wanted).max() <= (0 if kept else 2.01 * array.attrs["scale"])
            assert np.abs(found - wanted).mean() <= 0.1 * array.attrs["scale"]


def test_predictions(opening, run):
    tab = opening(run)
    found = tab.run("Array.from(Study.codes, (_, at) => Study.predictions(Study.cells[1], at))")
    top, probability, place, bits = (
        run.norms[f"cell1_{name}"].values for name in ("top", "probability", "place", "bits")
    )
    assert [[one["symbol"] for one in at["ranks"]] for at in found] == top.tolist()
    shares = np.array([[one["probability"] for one in at["ranks"]] for at in found])
    np.testing.assert_allclose(shares, probability, atol=1 / 500)
    assert [at["place"] for at in found] == place.tolist()
    np.testing.assert_allclose([at["bits"] for at in found[:-1]], np.minimum(bits[:-1], 25.5), atol=0.051)
    assert [at["came"] for at in found] == [*run.norms["codes"].values[1:].tolist(), None]


def test_scores_and_labels(opening, run):
    tab = opening(run)
    labels = [label["name"] for label in run.about["labels"]]
    for k, cell in enumerate(CELLS):
        table = run.scores[run.scores["cell"] == cell]
        units = tab.run(f"Study.cells[{k}].units.unit")
        assert units == run.units.loc[run.units["cell"] == cell, "unit"].tolist()
        for column in ("score", "shifted", "p", "same"):
            found = tab.run(
                f"Study.cells[{k}].units.unit.map((_, row) =>"
                f" Study.labels.map((_, label) => Study.score(Study.cells[{k}], {column!r}, row, label)))"
            )
            wanted = table.pivot(index="unit", columns="label", values=column).loc[units, labels]
            np.testing.assert_allclose(found, wanted, atol=5.1e-5)
        above = table.assign(above=table["verdict"] == "above").pivot(
            index="unit", columns="label", values="above"
        )
        found = tab.run(
            f"Study.cells[{k}].units.unit.map((_, row) =>"
            f" Study.labels.map((_, i) => Study.isAbove(Study.cells[{k}], row, i)))"
        )
        assert found == above.loc[units, labels].values.tolist()
    found = tab.run("Study.labels.map(({ values }) => Array.from(values))")
    assert found == run.norms["labels"].values.tolist()


WHOLE = [
    np.array([[-128, 127, 0], [5, -128, 127]], np.int8),
    np.array([[0, 255, 3]], np.uint8),
    np.array([-32768, 32767, 0], np.int16),
    np.array([2**16, 2**32 - 1, 0], np.uint32),
]
HALVES = np.array([0.0, -0.5, 65504, -6e-8, 1 / 3], np.float16)


@pytest.mark.parametrize(
    ("values", "delta"), [*((one, delta) for one in WHOLE for delta in (False, True)), (HALVES, False)]
)
def test_an_array_comes_back_to_the_bit(opening, values, delta):
    values = np.repeat(values, 20, -1)
    packed = packing.pack(values, delta=delta)
    assert not packed.delta or delta
    tab = opening(made.run(("elman",), characters=20))
    found = tab.run(
        f"(() => {{ const number = Unpack.facts.arrays.push({json.dumps(packed.about)}) - 1;"
        f" const home = Elements.make('p', {{ id: `array-${{number}}`, hidden: true }}, {packed.text!r});"
        " document.body.append(home);"
        " return Unpack.array(number).then(values => Array.from(values)); })()"
    )
    assert found == values.ravel().tolist()


def test_what_is_beyond_float16_is_not_computed_in_the_page(opening):
    run = made.run(("elman",), characters=300)
    run.norms["cell0_weight_w_rec"][0, 0] = 1e6
    tab = opening(run)
    assert tab.run("Study.cells[0].step") is None
    assert held(tab, 0, "h").shape == (12, 300)
