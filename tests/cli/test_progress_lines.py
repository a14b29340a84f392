"""What a long command says on stderr where that is no terminal."""

from types import SimpleNamespace

from gradlab.cli._progress import ProgressBar
from gradlab.planning.plan import Piece, Plan
from gradlab.planning.progress import Progress


def test_while_workers_are_waited_for_longer_than_planned_no_time_is_said_to_be_left(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("gradlab.cli._progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    with ProgressBar(Plan({"points": 8}, {"piece": Piece(5.0)}, 0, "elman"), "measuring") as bar:
        bar.left.clock = lambda: bar.left.began + now[0]
        capsys.readouterr()
        now[0] = 60.0
        bar.take(Progress("waiting for workers", note="0 of 4 groups"))
    assert capsys.readouterr().err == "0 of 4 groups, now waiting for workers\n"


def test_a_run_of_hours_has_a_line_a_minute_with_groups_pace_and_workers(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("gradlab.cli._progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    note = "3 of 8 groups, 2 a minute, 2 workers, 1 failed"
    at = []
    with ProgressBar(Plan({"points": 8}, {"piece": Piece(7200.0)}, 0, "elman"), "measuring") as bar:
        # The pace is that of the same clock.
        bar.left.clock = lambda: bar.left.began + now[0]
        capsys.readouterr()
        for second in range(1, 7201):
            now[0] = float(second)
            bar.take(Progress("lstm at T = 8", "piece", 1 / 7201, note=note))
            if said := capsys.readouterr().err:
                assert said.startswith(f"{note}, now lstm at T = 8, about ")
                assert said.endswith(" left\n")
                at.append(second)
    first = [second for second in at if second < 120]
    assert first == list(range(11, 120, 11))
    assert 60 <= min(b - a for a, b in zip(at[len(first) :], at[len(first) + 1 :], strict=False)) <= 61
    assert 110 < len(at) - len(first) <= 119
