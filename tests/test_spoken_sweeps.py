"""Every sentence that a sweep prints, against the slopes that its networks were drawn with."""

import math
import re
from unittest import mock

import numpy as np
import pytest

from gradlab import registry
from gradlab.plots.rate_map import rate_map
from gradlab.report import captions, verdict
from gradlab.report.tabular import of
from gradlab.studies.sweep import results
from gradlab.studies.sweep import sentences as sweep_sentences
from gradlab.studies.sweep import table as _table
from tests import drawn
from tests.spoken import is_printed, source
from tests.spoken_figures import CAPTIONS, hold_captions
from tests.spoken_regimes import hold_summary, hold_verdict
from tests.spoken_sweeps import Raw, crossing
from tests.tiers import few, hundreds


def hold_tables(run, raw):
    """The captions of the report's tables, and the borders beside the words."""
    regimes, *rest = of(source(run))
    chaotic = sum(row.chaotic for row in raw.rows.values())
    networks = sum(row.n for row in raw.rows.values())
    said = f" {chaotic} of {networks} networks are chaotic (*)." if chaotic else ""
    some = f"{len(raw.rows)} row{'s' * (len(raw.rows) > 1)}, {raw.seeds} seed{'s' * (raw.seeds > 1)}"
    counts = f"{some} each; >{raw.T}: not reached within the sequence."
    assert regimes.caption == counts + said
    words = [row[[c.name for c in regimes.columns].index("regime")].value for row in regimes.rows]
    assert words == [row.regime for row in raw.rows.values()]
    for table in rest:
        for row in table.rows:
            for T, entry in zip(sorted({T for *_, T in raw.found.raw}), row[1:], strict=True):
                _, place = crossing(raw.rates(str(row[0].value), T))
                assert entry.value is None if math.isnan(place) else is_printed(entry.text, place)


def hold_footer(run, raw):
    """The notes under the table of the terminal that speak of its rows."""
    lines = "\n".join(_table._caption(results.groups(run), run, 1000, True))
    chaotic, networks = (sum(getattr(row, what) for row in raw.rows.values()) for what in ("chaotic", "n"))
    assert ("* trajectory-dependent" in lines) == (chaotic > 0)
    if chaotic:
        assert f"{chaotic} of {networks} networks" in lines
    assert ("NONFINITE:" in lines) == any(row.lost for row in raw.rows.values())
    assert ("UNDECIDED:" in lines) == any(row.regime == "UNDECIDED" for row in raw.rows.values())
    assert ("1 seed, so no interval" in lines) == (raw.seeds == 1)


def hold_sweep(seed):
    found = drawn.sweep(np.random.default_rng(seed))
    raw, run = Raw(found), found.run
    rows = results.groups(run)
    # Every sentence asks for the same rows; to find them takes the most of the time.
    with mock.patch.object(results, "groups", return_value=rows):
        hold_verdict(verdict.sweep_verdict(rows), raw)
        hold_summary(sweep_sentences.verdict(run.norms), raw)
        hold_captions(run, raw)
        hold_tables(run, raw)
        hold_footer(run, raw)


@pytest.mark.parametrize("first", few(range(0, 100, 20), (0,)))
def test_every_sentence_of_a_sweep_says_what_its_networks_do(first):
    for seed in range(first, first + 20):
        hold_sweep(seed)


@pytest.mark.parametrize("first", hundreds(slow=3, long=17))
def test_every_sentence_of_many_sweeps(first):
    for seed in range(first, first + 100):
        hold_sweep(seed)


HELD = {
    *CAPTIONS,
    # In spoken_training.
    *("solved", "learning_curves", "trainability", "start_and_end"),
    # In plots/test_lyapunov and plots/test_mean_field.
    *("lyapunov", "mean_field"),
    # In studies/neurons/test_sentences.
    "detectors",
    # In plots/test_over_training.
    "over_training",
}


def test_every_plot_that_speaks_is_held():
    """A new sentence under a figure has to be taught to these tests."""
    homes = {name: registry.home("plots", name) for name in registry.names("plots")}
    assert {name for name, home in homes.items() if hasattr(home, "sentence")} | set(captions.ORDER) <= HELD


def test_panels_of_the_map_of_rates_name_its_borders():
    """A title is the crossing at the longest T that has one, or the sign that every rate has."""
    for seed in range(4):
        found = drawn.sweep(np.random.default_rng(seed))
        raw = Raw(found)
        titles = [panel.get_title() for panel in rate_map(found.run).axes if panel.get_title()]
        Ts = sorted({T for *_, T in found.raw}, reverse=True)
        for title, label in zip(titles, raw.labels, strict=True):
            rates = {T: raw.rates(label, T) for T in Ts}
            crossed = [T for T in Ts if crossing(rates[T])[0]]
            words = title.split("\n")[1]
            if crossed:
                count, place = crossing(rates[crossed[0]])
                several = "first of several borders" if count > 1 else "border"
                assert words == f"{several} at w_rec = {place:.3f} (T = {crossed[0]})"
            else:
                known = [r for row in rates.values() for r in row.values() if not math.isnan(r)]
                signs = {int(np.sign(r)) for r in known}
                every = {-1: "negative", 1: "positive", 0: "0"}
                said = f"every rate is {every[min(signs)]}" if len(signs) == 1 else "no border at any T"
                assert words.endswith(said if known else "no rate")


def test_no_number_can_be_changed_unseen():
    """Another number in the place of any one of a sentence's is found out."""
    changed = 0
    for seed in range(12):
        found = drawn.sweep(np.random.default_rng(seed))
        raw, rows = Raw(found), results.groups(found.run)
        texts = [
            (hold_verdict, verdict.sweep_verdict(rows)),
            (hold_summary, sweep_sentences.verdict(found.run.norms)),
        ]
        for hold, text in texts:
            for digits in re.finditer(r"(?<![\w=.])\d+\.\d+", text):
                start, end = digits.span()
                lie = f"{text[:start]}{float(digits[0]) * 1.3 + 0.7:g}{text[end:]}"
                with pytest.raises(AssertionError):
                    hold(lie, raw)
                changed += 1
    assert changed > 60


@pytest.mark.parametrize(
    "clause",
    [
        "elman vanishes below and explodes above the measured border at w_rec = 1.118",
        "the gradient reaches back furthest in elman at w_rec = 0.9, not down by 10^3 at lag 30",
    ],
)
def test_a_form_that_nobody_knows_is_an_error(clause):
    found = drawn.sweep(np.random.default_rng(1))
    text = verdict.sweep_verdict(results.groups(found.run))
    with pytest.raises(AssertionError, match="no test knows"):
        hold_verdict(f"{text[:-1]}; {clause}.", Raw(found))
