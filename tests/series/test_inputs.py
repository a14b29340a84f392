"""Which columns are inputs, scaled how, and which windows of them are drawn."""

import os

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.series import inputs, windows
from gradlab.series.reading import Series

VALUES = np.array([[1.0, -2.0, 5.0], [2.0, 4.0, 5.0], [6.0, 1.0, 5.0], [3.0, 3.0, 5.0]])
SERIES = Series(("a", "b", "still"), VALUES)


def test_columns_are_as_they_are_or_of_mean_0_and_deviation_1():
    plain = inputs.of("s.csv", SERIES, "b,a", "none")
    np.testing.assert_array_equal(plain.values, VALUES[:, [1, 0]])
    assert plain.said == "inputs as they are in s.csv: b -2 to 4, a 1 to 6"
    scaled = inputs.of("s.csv", SERIES, "a,b", "standard")
    by_hand = (VALUES[:, :2] - [3.0, 1.5]) / [np.sqrt(14 / 4), np.sqrt(21 / 4)]
    np.testing.assert_allclose(scaled.values, by_hand, rtol=1e-14)
    assert scaled.deviation == pytest.approx(1, rel=1e-14)
    assert "mean 0 and deviation 1 over all its rows; they were a 1 to 6, b -2 to 4" in scaled.said
    assert plain.digest != scaled.digest != inputs.of("s.csv", SERIES, "a,b", "none").digest


def test_without_names_all_are_inputs_but_targets():
    assert inputs.of("s", SERIES, "", "none").names == ("a", "b", "still")
    assert inputs.of("s", SERIES, "", "none", without="a").names == ("b", "still")
    own = Series(("0", "y", "year"), VALUES, ("y",))
    assert inputs.of("s", own, "", "none").names == ("0", "year")
    assert inputs.of("s", own, "y", "none").names == ("y",)


@pytest.mark.parametrize(
    ("columns", "scale", "said"),
    [
        ("c", "none", r"^--columns: no column called 'c'; .*known: a, b, still"),
        ("a,still", "standard", r"^--scale: standard is not possible: still never changes; leave it out"),
    ],
)
def test_what_is_not_possible_is_named(columns, scale, said):
    with pytest.raises(GradlabError, match=said):
        inputs.of("s.csv", SERIES, columns, scale)


def test_numbers_that_no_float32_network_could_take_are_refused():
    with pytest.raises(
        GradlabError, match=r"^s\.csv:b: goes up to 1e\+31; at most 1e\+30: choose another unit"
    ):
        inputs.of("s.csv", Series(("a", "b"), np.array([[1.0, -1e31]])), "", "none")


def test_a_file_that_has_changed_is_read_again(tmp_path):
    place = tmp_path / "s.npy"
    np.save(place, VALUES)
    first = inputs.read(place, "", "none")
    assert inputs.read(place, "", "none") is first
    np.save(place, VALUES + 1)
    os.utime(place, ns=(1, 1))
    second = inputs.read(place, "", "none")
    np.testing.assert_array_equal(second.values, VALUES + 1)
    assert second.digest != first.digest


def test_windows_know_nothing_of_the_grid():
    some = windows.starts(3, seeds=2, batch=2, room=50)
    more = windows.starts(3, seeds=5, batch=4, room=50)
    np.testing.assert_array_equal(more[:2, :2], some)
    assert not np.array_equal(windows.starts(4, seeds=5, batch=4, room=50), more)


def test_every_window_is_as_likely():
    """Counts of 20000 draws of 10 windows: chi squared of 9 degrees of freedom, below its 1e-6 quantile."""
    counts = np.bincount(windows.starts(0, 2000, 10, 10).ravel(), minlength=10)
    assert counts.sum() == 20_000
    assert ((counts - 2000) ** 2 / 2000).sum() < 47.2
    np.testing.assert_array_equal(windows.starts(0, 3, 1, 1), 0)
