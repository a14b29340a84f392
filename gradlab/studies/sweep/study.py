"""The sweep as a study."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab import specs
from gradlab.studies.base import Group, Study
from gradlab.studies.sweep.settings import Sweep

if TYPE_CHECKING:
    import pandas
    from rich.text import Text

    from gradlab.planning.plan import Plan
    from gradlab.planning.progress import Progress
    from gradlab.runs.shards import Shards
    from gradlab.studies.sweep.results import Run


class _Sweep(Study[Sweep, "Run"]):
    name = "sweep"

    def stored(self, asked: Sweep) -> dict[str, Any]:
        return specs.stored(asked)

    def plan(self, asked: Sweep) -> "Plan":
        from gradlab.studies.sweep import plan

        planned = plan.plan(asked)
        plan.check(asked, planned)
        return planned

    def size(self, asked: Sweep, planned: "Plan") -> dict[str, str]:
        axes = {"cell": asked.cell, "init": asked.init, "w_rec": asked.w_rec, "T": asked.T}
        grid = " x ".join(f"{name} {len(labels)}" for name, labels in axes.items())
        counts = planned.counts
        networks = f"{counts['points']} points, {counts['networks']} networks of N = {asked.hidden}"
        per = (
            "one per cell"
            if counts["programs"] == len(asked.cell)
            else "one per cell, and one per cell and further probe"
        )
        programs = f"{counts['programs']}, {per}"
        return {"grid": f"{grid} x seed {asked.seeds} = {networks}", "programs": programs}

    def doing(self, asked: Sweep, planned: "Plan") -> str:
        return f"measuring {asked.points} points"

    def require(self, asked: Sweep, code: Any, where: str) -> None:
        from gradlab.studies.sweep.code import require

        require(asked, code, where)

    def require_table(self, run: "Run", where: str) -> None:
        from gradlab.studies.sweep import collect

        collect.require(run, where)

    def compute(
        self, asked: Sweep, tell: "Callable[[Progress], None]", kept: "Shards | None"
    ) -> Iterator[Any]:
        from gradlab.studies.sweep import compute

        for result in compute.run(asked, tell, kept):
            yield result
            # The devices are busy with the next cell: a good moment for slow imports.
            import gradlab.studies.sweep.labelled  # noqa: F401

    def groups(self, asked: Sweep) -> list[Group]:
        from gradlab.studies.sweep import work

        return [
            Group(label, T, (work.drawing(label), work.compiling(label), work.measuring(label, T)))
            for label in asked.cell
            for T in asked.T
        ]

    def keys(self, asked: Sweep, group: Group) -> list[dict[str, Any]]:
        return [{"cell": group.label, "T": group.T}]

    def share(
        self, asked: Sweep, tell: "Callable[[Progress], None]", kept: "Shards", groups: Sequence[Group]
    ) -> None:
        from gradlab.studies.sweep import compute

        compute.share(asked, tell, kept, [(one.label, one.T) for one in groups])

    def collect(self, asked: Sweep, results: list[Any]) -> "Run":
        from gradlab.studies.sweep import collect

        return collect.run(asked, results)

    def write(self, folder: Path, run: "Run") -> None:
        from gradlab.studies.sweep import results

        results.write(folder, run)

    def read(self, folder: Path) -> "Run":
        from gradlab.studies.sweep import results

        return results.read(folder)

    def notes(self, run: "Run", results: Sequence[Any]) -> list[str]:
        starts: dict[str, dict[str, str]] = run.about.get("starts", {})
        return [
            f"{init} for {cell}: {words}" for cell, found in starts.items() for init, words in found.items()
        ]

    def rows(self, run: "Run") -> "pandas.DataFrame":
        from gradlab.studies.sweep import results

        return results.summary(run).drop(columns="profile")

    def table(self, run: "Run", width: int, *, unicode: bool, color: bool) -> "Text":
        from gradlab.studies.sweep import table

        return table.render(run, width, unicode=unicode, color=color)

    def glance(self, asked: Sweep, results: Sequence[Any], width: int, **looks: bool) -> "Text | None":
        from gradlab.studies.sweep import collect, table

        if len(results) == len(asked.cell):
            return None
        alone = dataclasses.replace(asked, cell=(results[-1].cell,))
        return table.glance(collect.run(alone, [results[-1]]), width, **looks)

    def document(self, run: "Run") -> dict[str, Any]:
        from gradlab.studies.sweep import table

        return table.document(run)


STUDY = _Sweep()
