"""The table in the terminal."""

import io

import numpy as np
import pytest
from rich.console import Console

from gradlab.metrics import named, short
from gradlab.studies.sweep import results
from gradlab.studies.sweep import table as _table
from tests import samples

LONG = "elman(activation=identity, " + ", ".join(f"setting_{i}=0.123456789" for i in range(5)) + ")"


def run(*args, about=None, **settings):
    norms = samples.norms(*args, **settings)
    return results.Run(about or {}, results.metrics(norms), norms)


def printed(run, width=80, *, unicode=True, color=False):
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=color, color_system="standard" if color else None
    )
    console.print(_table.render(run, width, unicode=unicode, color=color), soft_wrap=True)
    return file.getvalue()


def rows(text):
    return [line for line in text.splitlines() if line[:7].strip().replace(".", "").isdigit()]


@pytest.mark.ends
@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_longer_than_the_terminal(width):
    grid = run(("elman", "lstm"), np.linspace(0, 1.5, 21), (32, 200), nonfinite_above=1.2)
    text = printed(grid, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert len(rows(text)) == 42


def test_a_long_label_stands_whole_on_its_own_line():
    text = printed(run((LONG,), (0.5,), inits=("orthogonal", "gaussian")))
    assert f"{LONG}, init orthogonal" in text.splitlines()
    assert f"{LONG}, init gaussian" in text.splitlines()
    assert all(len(line) <= 80 for line in rows(text))


@pytest.mark.ends
@pytest.mark.parametrize("T", [1, 200, 99_999, 10**5])
def test_columns_stand_below_their_names(T):
    wild = run(("elman(activation=identity)",), (0.0, 1 / 3, 1.0, 1.0000001, 1.5), (T,), seeds=2)
    text = printed(wild).splitlines()
    head = next(line for line in text if "regime" in line)
    for line in rows("\n".join(text)):
        for name in ("half", "soft", "hard", "credit"):
            end = head.index(name) + len(name)
            assert line[end - 1] != " "
            assert line[end : end + 1] in ("", " ")


def test_words_say_the_regime():
    text = printed(run(("elman(activation=identity)",), (0.5, 1.0, 1.5), (50,)))
    assert [line.split()[1] for line in rows(text)] == ["VANISH", "STABLE", "EXPLODE"]
    first = rows(text)[0]
    assert "-0.3010 [-0.3010,-0.3010]   1.0  10.0     -      4" in first
    assert ">50" in rows(text)[1]


def test_a_forward_pass_that_overflows_and_chaos_are_footnoted():
    cells = ("elman(activation=identity)", "elman")
    text = printed(run(cells, (0.5, 3.0), (200,), noise=0.0, nonfinite_above=1.5))
    assert "NONFINITE step 32 (3/3 seeds)" in text
    assert "EXPLODE*" in text
    assert "* trajectory-dependent: 3 of 12 networks are chaotic:" in text
    assert "given the values of the forward pass" not in text
    calm = printed(run(cells[:1], (0.5,)))
    assert "trajectory-dependent" not in calm
    assert "NONFINITE" not in calm


def test_caption_comes_from_the_run():
    text = printed(run(("elman",), about={"bound": "float32: log10 norms are good to 1e-4."}))
    assert "T = 50, the longest; gradlab show --where T=20 prints another." in " ".join(text.split())
    assert "3 seeds" in text
    assert "float32: log10 norms are good to 1e-4." in text
    assert "no interval" in printed(run(("elman",), seeds=1))


def test_one_chaotic_network_marks_its_row_and_the_bound_is_given_the_states():
    grid = run(("elman",), (0.5,), (50,), seeds=10, about={"bound": "float32: exact to 1e-4"})
    table = grid.metrics
    table.loc[(table["metric"] == "rate") & (table["part"] == "state") & (table["seed"] == 3), "value"] = 0.01
    text = printed(grid)
    assert "UNDECIDED*" in text or "VANISH*" in text
    one = " ".join(text.split())
    assert "* trajectory-dependent: 1 of 10 networks is chaotic:" in one
    assert one.endswith(
        "the bound below is given the values of the forward pass, and says nothing of theirs. float32: exact "
        "to 1e-4."
    )


def test_rows_of_every_regime_stand_in_line():
    """The longest word with its star is as wide as the column."""
    norms = samples.norms(("elman",), (0.5, 0.9), (50,), seeds=2)
    table = results.metrics(norms)
    at = (table["metric"] == "rate") & (table["part"] == "state") & (table["w_rec"] == 0.5)
    table.loc[at, "value"] = [-0.5, 0.5]
    first, second = rows(printed(results.Run({}, table, norms)))
    assert first.split()[1] == "UNDECIDED*"
    head = _table._HEAD
    for line in (first, second):
        end = head.index("rate") + len("rate")
        assert line[end - 1].isdigit()
        assert line[end] == " "


def test_one_seed_has_neither_interval_nor_regime():
    text = printed(run(("elman",), (0.5,), (50,), seeds=1))
    assert rows(text)[0].split()[1].startswith("UNDECIDED")
    assert "1 seed, so no interval and no regime" in " ".join(text.split())


def test_one_given_network_is_no_sample():
    norms = samples.norms(("elman",), (0.5,), (50,), seeds=1).assign_attrs(networks="given")
    text = printed(results.Run({}, results.metrics(norms), norms))
    assert next(line for line in text.splitlines() if line.startswith("   own")).split()[1] == "VANISH"
    assert "per step of lag, this network." in " ".join(text.split())
    assert "seed" not in text


def test_color_only_adds():
    grid = run(("elman",), about={})
    plain, colored = printed(grid), printed(grid, color=True)
    assert "\x1b" not in plain
    assert "\x1b[" in colored
    assert printed(grid, unicode=False).isascii()


def test_sparkline_has_one_scale_for_all():
    falling = np.linspace(0, -12, 24)
    assert _table.sparkline(falling, 8, unicode=True) == "▄▃▂▁▁▁▁▁"
    assert _table.sparkline(-falling, 4, unicode=False) == "=*##"
    assert _table.sparkline(np.zeros(10), 5, unicode=True) == "▅▅▅▅▅"
    assert _table.sparkline(np.array([0.0, np.nan]), 9, unicode=True) == "▅ "
    assert _table.sparkline(falling, 0, unicode=True) == ""


@pytest.mark.parametrize(
    "value", [1e-11, -9.99e-10, 3e-5, 0.00094999, 0.12345678, 12.345678, -301.0299, 123456.7]
)
def test_rates_fit(value):
    for signed in (value, -value):
        text = _table._rate(signed)
        assert len(text) <= 7
        assert float(text) == pytest.approx(signed, rel=0.06)


@pytest.mark.parametrize("value", [0.0, 1.0, 99.5, 199.5, 1000.5, 12345.0, 99999.5, 123456.0, 10**6, 1.5e7])
def test_steps_fit(value):
    for text in (short(value, 5), named("soft_horizon").text(float(value))):
        assert len(text) <= 5
        assert float(text) == pytest.approx(value, rel=0.06)
