"""Which networks solve the task at lengths that they were not trained on, as a small table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from gradlab.escaping import plain
from gradlab.studies.remedies.rows import ArmRow

if TYPE_CHECKING:
    from gradlab.studies.remedies.results import TrainingRun

NAME = 34


def metric(what: str, times: int) -> str:
    """The name in `training.csv` of a loss or an error at a multiple of T: `error_at_2T`."""
    return f"{what}_at_{times}T"


class Lengths(NamedTuple):
    """An arm at one T and w_rec, elsewhere."""

    row: ArmRow
    solved: dict[int, int]
    """By multiple of T: the seeds whose error is at most that of a solved task."""


def counted(run: "TrainingRun", rows: Sequence[ArmRow]) -> list[Lengths]:
    """Every row of a run; empty if nothing was to be evaluated elsewhere. A diverged seed solves nothing."""
    times = run.about["settings"].get("evaluate_at", [])
    if not times:
        return []
    small = run.curves[run.curves["value"] <= run.about["solved"]]
    solved = small.groupby(["arm", "T", "w_rec", "metric"]).size()
    each = {tuple(key): int(count) for key, count in solved.items()}
    return [
        Lengths(row, {k: each.get((row.arm, row.T, row.w_rec, metric("error", k)), 0) for k in times})
        for row in rows
    ]


def lines(run: "TrainingRun", rows: Sequence[ArmRow]) -> list[str]:
    """One line an arm and place; empty if nothing was to be evaluated elsewhere."""
    found = counted(run, rows)
    if not found:
        return []
    several = len({(row.T, row.w_rec) for row in rows}) > 1
    heads = ["at T", *(f"at {k}T" for k in found[0].solved)]
    made = ["Seeds that solve it, at their T and at lengths that they were not trained on", _line("", heads)]
    for row, solved in found:
        where = f" (T = {row.T}, w_rec = {row.w_rec:g})" if several else ""
        counts = [f"{count}/{row.solved.of}" for count in (row.solved.successes, *solved.values())]
        made.append(_line(f"{plain(row.arm)}{where}", counts))
    return [*made, ""]


def _line(name: str, entries: Sequence[str]) -> str:
    short = name if len(name) <= NAME else f"{name[: NAME - 3]}..."
    return f"{short:<{NAME}}" + "".join(f"{entry:>9}" for entry in entries)
