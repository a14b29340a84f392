"""A series from a file: the numbers that are there, and every fault told with its place."""

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.series import reading

VALUES = np.array([[1.0, -2.5], [3e-7, 4.0], [5.0, 6.0]])


def test_a_table_is_its_columns(tmp_path):
    (tmp_path / "s.csv").write_text("time,b\n1,-2.5\n3e-7, 4\n5,6.0\n")
    found = reading.read(tmp_path / "s.csv")
    assert found.names == ("time", "b")
    np.testing.assert_array_equal(found.values, VALUES)
    np.testing.assert_array_equal(found.picked("--columns", "b,time").values, VALUES[:, ::-1])


def test_arrays_are_their_columns(tmp_path):
    np.save(tmp_path / "s.npy", VALUES.astype(np.float32))
    np.savez(tmp_path / "one.npz", anything=VALUES)
    np.savez(tmp_path / "two.npz", x=VALUES, y=VALUES[:, 0])
    np.savez(tmp_path / "named.npz", b=VALUES[:, 1], time=VALUES[:, 0])
    np.save(tmp_path / "line.npy", VALUES[:, 0])
    assert reading.read(tmp_path / "s.npy").names == ("0", "1")
    np.testing.assert_array_equal(reading.read(tmp_path / "one.npz").values, VALUES)
    both = reading.read(tmp_path / "two.npz")
    assert both.names == ("0", "1", "y")
    np.testing.assert_array_equal(both.picked("--target", "y").values[:, 0], VALUES[:, 0])
    named = reading.read(tmp_path / "named.npz")
    assert named.names == ("b", "time")
    np.testing.assert_array_equal(named.values, VALUES[:, ::-1])
    assert reading.read(tmp_path / "line.npy").values.shape == (3, 1)


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    import pandas as pd

    pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}).to_parquet(tmp_path / "s.parquet")
    found = reading.read(tmp_path / "s.parquet")
    assert found.names == ("a", "b")
    np.testing.assert_array_equal(found.values, [[1, 0.5], [2, 1.5]])


class Trap:
    """What a pickle could run."""

    def __reduce__(self):
        return (print, ("run",))


def written(place, what):
    kinds = {
        "text": lambda: (place / "s.csv").write_text("a,b\n1,2\n3,x y\n"),
        "missing": lambda: (place / "s.csv").write_text("a,b\n1,2\n3,\n"),
        "nan": lambda: (place / "s.csv").write_text("a,b\n1,2\nnan,3\n"),
        "infinite": lambda: np.save(place / "s.npy", np.array([[1.0], [np.inf]])),
        "twice": lambda: (place / "s.csv").write_text("a,a.1,a\n1,2,3\n"),
        "no rows": lambda: (place / "s.csv").write_text("a,b\n"),
        "nothing": lambda: (place / "s.csv").write_text(""),
        "bytes": lambda: (place / "s.csv").write_bytes(b"a,b\n1,\xff\n"),
        "a pickle": lambda: np.save(place / "s.npy", np.array([Trap()], object), allow_pickle=True),
        "words": lambda: np.save(place / "s.npy", np.array(["a"])),
        "cube": lambda: np.save(place / "s.npy", np.zeros((2, 2, 2))),
        "no zip": lambda: (place / "s.npz").write_bytes(b"PK no"),
        "names": lambda: np.savez(place / "s.npz", inputs=VALUES, outputs=VALUES),
        "columns": lambda: np.savez(place / "s.npz", a=VALUES[:, 0], b=VALUES[:2, 1]),
        "rows": lambda: np.savez(place / "s.npz", x=VALUES, y=VALUES[:2]),
        "a kind": lambda: (place / "s.xlsx").write_text(""),
        "a line": lambda: (place / "s.csv").write_text('"a\x1b[31m",b\n1,2\n'),
    }
    kinds[what]()
    return next(place.iterdir())


REFUSED = {
    "text": r"s\.csv:line 3\.b: is 'x y', which is no number",
    "missing": r"s\.csv:line 3\.b: is missing; fill it",
    "nan": r"s\.csv:line 3\.a: is nan; fill it",
    "infinite": r"s\.npy:row 2\.0: is inf; fill it",
    "no rows": r"s\.csv: holds no row; one row is one step",
    "nothing": r"s\.csv: is no table: ",
    "bytes": r"s\.csv:byte 6: is not UTF-8",
    "a pickle": r"s\.npy: is no array of numbers",
    "words": r"s\.npy: is <U1\[1\]; a series is an array \(steps, columns\) of numbers",
    "cube": r"s\.npy: is float64\[2, 2, 2\]; a series is an array",
    "no zip": r"s\.npz: is no \.npz file",
    "names": r"s\.npz: holds 'inputs' \[3, 2\], 'outputs' \[3, 2\]; call the inputs x and the targets y, or",
    "columns": r"s\.npz: holds 'a' \[3\], 'b' \[2\]; call the inputs x and the targets y, or give columns",
    "rows": r"s\.npz:y: has 2 rows, and x 3; one for each step",
    "a kind": r"s\.xlsx: is no series; \.csv, \.npy, \.npz, \.parquet, \.txt are read",
    "a line": r"s\.csv: has a column called .*; names are one plain line",
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_fault_is_told_with_its_place(tmp_path, capsys, what):
    place = written(tmp_path, what)
    with pytest.raises(GradlabError, match=REFUSED[what]) as caught:
        reading.read(place)
    assert (caught.value.code, "\n" in str(caught.value)) == (2, False)
    assert capsys.readouterr().out == ""


def test_a_column_that_there_is_not_is_named():
    series = reading.Series(("ab", "b"), VALUES)
    with pytest.raises(GradlabError, match=r"^--columns: .*'abc'.*ab, b"):
        series.picked("--columns", "abc")
    with pytest.raises(GradlabError, match=r"^--columns: 'b' is given twice"):
        series.picked("--columns", "b,b")
