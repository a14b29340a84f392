"""What the head of a remedy table calls unequal."""

import math

from gradlab.studies.remedies import unequal
from tests.studies.remedies.test_rows import row

LR = {"lr": [0.1, 0.01, 0.001]}


def test_an_arm_alone_is_equal_to_itself():
    assert unequal.said(LR, [row(), row(T=100)]) == ""


def test_equal_updates_are_not_equal_compute():
    equal = [row(lr=0.01, parameters=1000), row(arm="lstm", lr=0.01, parameters=1090)]
    assert unequal.said(LR, equal) == "Not equal: an update of one arm takes other time than that of another."


def test_parameters_closed_forms_and_rates_at_an_edge_are_named():
    rows = [
        row(lr=0.1, parameters=1000),
        row(arm="lstm", lr=0.01, parameters=1200),
        row(arm="gru", lr=0.001, parameters=1000),
        row(arm="esn", lr=math.nan, closed_form=True, parameters=1000),
    ]
    said = unequal.said(LR, rows)
    assert "; the arms have 1000 to 1200 parameters; esn makes no update: its readout is fitted at" in said
    assert said.endswith("of those tried, a better one may lie beyond: none, gru.")
    assert "beyond" not in unequal.said({"lr": [0.1]}, rows)
