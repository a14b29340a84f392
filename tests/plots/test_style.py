"""The common style: equal bytes, safe colours, readable labels."""

import time

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gradlab import registry
from gradlab.plots import _style
from gradlab.plots.profile import profile
from gradlab.studies.sweep import results
from tests import samples


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast_on_white(color):
    return 1.05 / (luminance(color) + 0.05)


def test_saved_files_are_equal_byte_for_byte(tmp_path):
    norms = samples.norms()
    run = results.Run({}, results.metrics(norms), norms)
    first = _style.save(profile(run), tmp_path / "a", "profile")
    time.sleep(1.1)
    second = _style.save(profile(run), tmp_path / "b", "profile")
    assert [file.name for file in first] == ["profile.svg", "profile.png"]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert b"<dc:date>" not in first[0].read_bytes()


def test_the_style_leaves_no_trace_and_heeds_none():
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"font.size": 30}), _style.style():
        assert matplotlib.rcParams["font.size"] == 8
    assert dict(matplotlib.rcParams) == before


@pytest.mark.ends
@pytest.mark.parametrize(("count", "columns"), [(3, 2), (5, 3), (5, 2), (7, 3)])
def test_a_last_row_of_fewer_stands_in_the_middle(count, columns):
    figure, axes = _style.panels(count, columns=columns)
    _style.label(axes, "x", "y")
    figure.draw_without_rendering()
    places = [panel.get_position() for panel in axes]
    last = [place for place in places if abs(place.y0 - places[-1].y0) < 0.05]
    left, right = places[0].x0, places[columns - 1].x1
    assert len(last) == count % columns
    assert last[0].x0 - left == pytest.approx(right - last[-1].x1, abs=0.06)  # its own label takes room
    assert {round(place.width, 2) for place in places} == {round(places[0].width, 2)}
    firsts = [k for k, panel in enumerate(axes) if panel.get_ylabel()]
    assert firsts == list(range(0, count, columns))
    lowest = [k for k, panel in enumerate(axes) if panel.get_xlabel()]
    assert lowest == list(range(max(count - columns - count % columns, 0), count))


def test_curves_near_w_rec_1_are_the_darkest():
    shades = [contrast_on_white(_style.DIVERGING(x)) for x in np.linspace(0, 1, 21)]
    assert max(shades) == shades[10]
    assert min(shades) > 1.8


def test_thin_keeps_both_ends():
    assert _style.thin(3).tolist() == [0, 1, 2, 3]
    few = _style.thin(10**5)
    assert (few[0], few[-1]) == (0, 10**5)
    assert len(few) <= _style.POINTS


def test_span():
    assert _style.span([0.5, 1.0]) == "0.5, 1"
    assert _style.span([1, 2, 3, 4, 5]) == "1..5 (5 values)"


@pytest.mark.ends
@pytest.mark.parametrize("kind", ["rate_map", "profile", "horizon", "three_gradients", "metrics"])
@pytest.mark.parametrize("w_rec", [0.0, -1e-3, 1e20, -1e37])
def test_a_single_weight_of_any_size_is_drawn(tmp_path, kind, w_rec):
    norms = samples.norms(w_rec=(w_rec,))
    run = results.Run({}, results.metrics(norms), norms)
    figure = registry.member("plots", kind)(run)
    _style.save(figure, tmp_path, kind)
    assert all(np.diff(axes.get_xlim()) > 0 for axes in figure.axes)


@pytest.mark.parametrize("values", [[1.0], [1e20], [0.5, 1.0], [-1e37, 1e37]])
def test_edges_hold_their_values_in_order(values):
    edges = _style.edges(np.array(values))
    assert (edges[:-1] < values).all()
    assert (values < edges[1:]).all()
