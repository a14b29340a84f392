"""One table for several places, and what is said where nothing tells the arms apart."""

import math

import pytest

from gradlab.quantities import cut
from gradlab.studies.remedies import glance, separation
from gradlab.studies.remedies.rows import share
from tests.studies.remedies.test_rows import row


def at(arm, w_rec, solved, kept=math.nan):
    return row(arm=arm, w_rec=w_rec, solved=share(solved, 6), kept=kept)


ROWS = [
    at("none", 1.0, 0, -9.4),
    at("none", 4.0, 1, 7.8),
    at("clip_norm", 1.0, 0),
    at("clip_norm", 4.0, 6),
    at("lstm", 1.0, 6),
    at("lstm", 4.0, 5),
]


def test_each_arm_has_a_line_and_each_place_a_column():
    lines = glance.lines(ROWS, 80)
    found = [line.split() for line in lines]
    assert found[1] == ["vanishing", "exploding"]
    assert found[2][-2:] == ["w_rec=1", "w_rec=4"]
    assert found[3] == ["transport", "at", "the", "start", "10^-9.4", "10^+7.8"]
    # 6 of 6 against 1 of 6 is p = 0.015, and the second of four has to be 0.0167 at the most.
    assert found[4:7] == [["none", "0/6", "1/6"], ["clip_norm", "0/6", "6/6+"], ["lstm", "6/6+", "5/6"]]
    assert lines[7] == "+, -: better and worse than the plain arm, as the sentences below say"
    # Signs stand beside the columns of numbers.
    assert len({len(line.rstrip("+")) for line in lines[4:7]}) == 1
    assert max(map(len, lines)) <= 80


def test_each_place_is_told_by_itself():
    assert separation.of_places(ROWS) == [
        "Vanishing, w_rec = 1: the plain arm fails, 0 of 6 seeds solve the task; better: lstm.",
        "Exploding, w_rec = 4: the plain arm fails in part, 1 of 6 seeds solve the task; better: clip_norm.",
    ]
    assert separation.verdict(ROWS).startswith("Vanishing, w_rec = 1: ")


def test_a_place_at_which_nothing_fails_is_said_to_be_one():
    rows = [*(at(arm, 1.0, 6, -9.0) for arm in ("none", "lstm")), at("none", 4.0, 6, 9.0), at("lstm", 4.0, 0)]
    useless = "the plain arm does not fail, all 6 seeds solve the task, so no remedy can do better here"
    assert separation.of_places(rows) == [
        f"Vanishing, w_rec = 1: {useless}; no arm is told from it at 5 %.",
        f"Exploding, w_rec = 4: {useless}; no arm is better; worse: lstm.",
    ]


def test_one_place_needs_none_and_many_have_no_room():
    assert glance.lines(ROWS[::2], 80) == separation.of_places(ROWS[::2]) == []
    assert glance.lines([at("none", float(w), 0) for w in range(5)], 80) == []


@pytest.mark.parametrize(
    ("kept", "solved", "said"),
    [
        (-0.3, 6, "nothing vanishes at T = 50, the transport keeps 10^-0.3; try -T 600"),
        (0.5, 0, "nothing explodes at T = 50, the transport grows to 10^+0.5; try -T 360"),
        (0.0, 0, "nothing vanishes at T = 50, the transport keeps 10^+0.0; try another --w-rec"),
        (
            -9.0,
            6,
            "at T = 50 the transport keeps 10^-9.0, and the plain arm solves the task all the same; try a",
        ),
        (-math.inf, 0, "at T = 50 the transport is exactly 0; more --updates or --seeds may tell"),
        (math.nan, 0, "at T = 50 the plain arm has no transport that is finite"),
    ],
)
def test_a_table_of_equals_is_said_to_be_one(kept, solved, said):
    rows = [at("none", 1.0, solved, kept), at("lstm", 1.0, solved)]
    found = separation.nothing_apart(rows)
    assert found.startswith(f"Nothing tells the plain arm from the other arm at 5 %: {said}")
    assert separation.verdict(rows).startswith(found)


def test_where_an_arm_is_told_apart_nothing_is_said():
    assert separation.nothing_apart(ROWS) == ""
    assert separation.nothing_apart([at("none", 1.0, 6)]) == ""


def test_too_few_seeds_are_said_first():
    rows = [row(solved=share(3, 3)), row(arm="lstm", solved=share(3, 3))]
    assert separation.verdict(rows).startswith(
        "Too few seeds to tell the plain arm from the other arm (at least 4). "
    )


def test_long_names_that_differ_at_their_end_stay_apart():
    names = [cut(f"clip_norm(threshold={value})", 19) for value in (0.1, 10.0, 100.0)]
    assert len(set(names)) == 3
    assert max(map(len, names)) == 19
