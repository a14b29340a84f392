"""Diagrams of cells: what they are made of, and what is written on them."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from gradlab import registry
from gradlab.plots import _drawing, _structures
from gradlab.plots.anatomy import anatomy, gate_values, parts
from gradlab.studies.sweep import results
from tests import samples

DRAWN = [name for name in registry.names("cells") if _structures.diagram(name)]


def with_gates(cells=("lstm",), **values):
    """A sweep whose gates are open as `values` say; three quarters of the squared transport are in c."""
    norms = samples.norms(cells, (0.5, 0.9), (4, 8), seeds=2)
    if "c" in norms["part"].values:
        whole = norms["transport_frobenius"].sel(part="state").values
        for k, part in enumerate(("h", "c")):
            at = norms["part"].values.tolist().index(part)
            norms["transport_frobenius"].values[..., at, :] = whole + 0.5 * np.log10(0.25 + 0.5 * k)
    opening = np.array(list(values.values())) * np.ones((len(cells), 1, 2, 2, 2, 8, 1))
    axes = ("cell", "init", "w_rec", "T", "seed", "step", "gate")
    return norms.assign(opening=(axes, opening)).assign_coords(gate=list(values)) if values else norms


def draw(norms, **settings):
    return anatomy(results.Run({}, results.metrics(norms), norms), **settings)


def words(axes):
    return [text.get_text() for text in axes.texts]


def drawn(name):
    """The diagram that a cell's file holds."""
    return _structures.parsed(_structures.diagram(name), {})


def test_cells_bring_diagrams():
    assert {"elman", "gru", "lstm"} < set(DRAWN)
    assert len(DRAWN) >= 5


@pytest.mark.parametrize("name", DRAWN)
def test_every_edge_joins_two_parts_and_every_part_is_joined(name):
    found = drawn(name)
    ends = {end for edge in found.edges for end in (edge.start, edge.end)}
    assert ends == set(found.parts)
    assert all(edge.link in _structures.LINKS for edge in found.edges)


@pytest.mark.parametrize("name", DRAWN)
def test_straight_edges_are_level_or_upright_and_corners_are_right(name):
    found = drawn(name)
    for edge in found.edges:
        points = _drawing.route(found.parts[edge.start], edge.link, found.parts[edge.end])
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            assert (x0 == x1) != (y0 == y1), edge


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawing_has_the_layers_gates_and_state_of_the_cell(name):
    """The cells themselves say which gates and which gate values they have."""
    cell = registry.make("cells", name)
    found = drawn(name)
    layers = {key for key, part in found.parts.items() if part.kind == "layer"}
    assert layers == (set(cell.gates) or {"a"})
    carried = {edge.carries.removeprefix("1-") for edge in found.edges} - {"", "1", "step"}
    assert carried <= set(cell.gates) | {"i"}
    if cell.carry_gate:
        memory = [edge for edge in found.edges if edge.start != edge.end and edge.carries == cell.carry_gate]
        assert all(found.parts[edge.start].y == found.parts[edge.end].y == 4.4 for edge in memory)


def test_every_state_can_be_reached_from_every_part_of_the_input():
    for name in DRAWN:
        found = drawn(name)
        ports = [key for key, part in found.parts.items() if part.kind == "port"]
        reached = {key: {key} for key in ports if not key.endswith("'")}
        for _ in found.edges:
            for here in reached.values():
                here |= {edge.end for edge in found.edges if edge.start in here}
        for key in ports:
            assert key in reached or all(key in here for here in reached.values()), (name, key)


def test_settings_that_change_the_parts_get_the_plain_drawing():
    assert "box" in _structures.structure("lstm(output_gate=false)", ["h", "c"], ["f", "i"]).parts
    assert "box" in _structures.structure("lstm(chrono=9.0, reset=after)", ["h", "c"], ["f", "i"]).parts
    assert "box" not in _structures.structure("lstm(forget_bias=2.0)", ["h", "c"], ["f"]).parts
    assert _structures.structure("elman(activation=relu)", ["h"], []).parts["a"].word == "relu"


def test_shares_and_openings_are_those_of_the_run():
    one = with_gates(f=0.7, i=0.2, o=0.4).isel(cell=0, init=0, w_rec=1).sel(T=8)
    assert parts(one, 8) == pytest.approx({"h": 0.25, "c": 0.75})
    assert gate_values(one, 8) == pytest.approx({"f": 0.7, "i": 0.2, "o": 0.4})


def test_what_was_measured_is_written_on_the_edges():
    (panel,) = draw(with_gates(f=0.7, i=0.2, o=0.4)).axes
    assert {"f ×0.70", "i ×0.20", "o ×0.40", "25%", "75%"} <= set(words(panel))
    widths = {round(patch.get_linewidth(), 6) for patch in panel.patches if patch.get_zorder() == 2}
    assert widths == {8.0, 5.6, 1.6, 3.2}


def test_the_memory_of_1997_is_a_line_that_no_gate_meets():
    (panel,) = draw(with_gates(("lstm97",), i=0.5, o=0.25)).axes
    assert "one step" not in words(panel)
    assert {"i ×0.50", "o ×0.25"} <= set(words(panel))
    assert not any(word.startswith("f") for word in words(panel))
    memory = [edge for edge in drawn("lstm97").edges if edge.start == "c"]
    assert [(edge.end, edge.carries) for edge in memory] == [("add", "1")]


def test_without_gates_only_shares_are_known_and_the_legend_says_how_to_get_them():
    figure = draw(with_gates())
    assert {"25%", "75%"} <= set(words(figure.axes[0]))
    assert not any("f ×" in word for word in words(figure.axes[0]))
    assert "--probe gates" in figure.legends[0].get_texts()[0].get_text()


def test_any_other_cell_gets_a_plain_one():
    figure = draw(with_gates(("esn", "lstm(output_gate=false)"), f=0.5))
    assert "one step" in words(figure.axes[0])
    assert "f" in words(figure.axes[0])
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("layer a 1", "'layer a 1' is neither"),
        ("h -> a", "'h -> a' is neither"),
        ("h -- a", "joins a, h"),
    ],
)
def test_a_wrong_diagram_is_told_by_its_line(line, said):
    with pytest.raises(ValueError, match=said):
        _structures.parsed(line, {})


def test_a_diagram_is_read_without_importing_its_cell():
    """A run may come from a stranger: no cell is imported for its label, and no jax to draw it."""
    code = "import sys; from gradlab.plots import _structures as s; from gradlab.plots import anatomy"
    code += "; s.structure('lstm', [], []); s.structure('os:system', ['h'], []); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gradlab.plots.anatomy" in done.stdout.split()
    assert not {"jax", "gradlab.cells.lstm"} & set(done.stdout.split())
