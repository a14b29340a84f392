"""What the head of a remedy table calls unequal."""

import math

from gradlab.studies.remedies import unequal
from tests.studies.remedies.test_rows import row

LR = {"settings": {"lr": [0.1, 0.01, 0.001]}}


def test_an_arm_alone_is_equal_to_itself():
    assert unequal.said(LR, [row(), row(T=100)]) == ""


def test_where_all_was_equal_only_what_is_not_measured_is_named():
    equal = [row(lr=0.01, parameters=1000), row(arm="lstm", lr=0.01, parameters=1090)]
    assert unequal.said(LR, equal) == "Not measured: what an update of each arm costs."


def test_parameters_closed_forms_and_rates_at_an_edge_are_named():
    rows = [
        row(lr=0.1, parameters=1000),
        row(arm="lstm", lr=0.01, parameters=1200),
        row(arm="gru", lr=0.001, parameters=1000),
        row(arm="esn", lr=math.nan, closed_form=True, parameters=1000),
    ]
    said = unequal.said(LR, rows)
    assert said.startswith(
        "Not equal: the arms have 1000 to 1200 parameters; esn makes no update: its readout is fitted at"
    )
    assert "of those tried, a better one may lie beyond: none, gru. Not measured: " in said
    assert "beyond" not in unequal.said({"settings": {"lr": [0.1]}}, rows)


def test_what_an_update_costs_is_told_by_arm_and_T_and_what_is_not_known_is_named():
    rows = [row(T=5), row(arm="lstm", T=5), row(arm="lstm", T=9), row(arm="mine", T=5)]
    rows.append(row(arm="esn", T=5, lr=math.nan, closed_form=True))
    costs = {
        "none at T = 5": {"trained": 98, "untrained": 0, "multiply_adds": 1234},
        "lstm at T = 5": {"trained": 338, "untrained": 0, "multiply_adds": 5678},
        "lstm at T = 9": {"trained": 338, "untrained": 0, "multiply_adds": 9999},
        "mine at T = 5": {"trained": 1, "untrained": 0},
        "esn at T = 5": {"trained": 18, "untrained": 80},
    }
    said = unequal.said(LR | {"costs": costs}, rows)
    assert "count as parameters (esn 80, trained 18)" in said
    assert said.endswith(
        "Multiply-adds of an update, in products of matrices: at T = 5 none 1234, lstm 5678; "
        "at T = 9 lstm 9999. Not measured: what an update of mine costs."
    )
