"""What the head of a remedy table calls unequal."""

import math

from gradlab.studies.remedies import unequal
from tests.studies.remedies.test_rows import row

LR = {"lr": [0.1, 0.01, 0.001]}


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
    assert "beyond" not in unequal.said({"lr": [0.1]}, rows)


def test_what_an_update_costs_is_told_by_arm_and_T_and_what_is_not_known_is_named():
    known = {"none": 1234.0, "lstm": 5678.0, "mine": math.nan}
    rows = [row(arm=arm, T=5, multiply_adds=number) for arm, number in known.items()]
    rows.insert(2, row(arm="lstm", T=9, multiply_adds=99990.0))
    rows.append(row(arm="esn", T=5, lr=math.nan, closed_form=True, parameters=98, untrained=80.0))
    said = unequal.said(LR, rows)
    assert "count as parameters (esn 80, trained 18)" in said
    assert said.endswith(
        "Multiply-adds of an update, in products of matrices: at T = 5 none 1234, lstm 5678; "
        "at T = 9 lstm 1.00e5. Not measured: what an update of mine costs."
    )
