"""The comparison of remedies as a study."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab import specs
from gradlab.errors import GradlabError
from gradlab.studies.base import Group, Study
from gradlab.studies.remedies.settings import Training

if TYPE_CHECKING:
    import pandas
    from rich.text import Text

    from gradlab.planning.plan import Plan
    from gradlab.planning.progress import Progress
    from gradlab.runs.shards import Shards
    from gradlab.studies.remedies.results import TrainingRun


class _Remedies(Study[Training, "TrainingRun"]):
    name = "remedies"

    def stored(self, asked: Training) -> dict[str, Any]:
        return specs.stored(asked) | {"command": self.name}

    def plan(self, asked: Training) -> "Plan":
        from gradlab.studies.remedies import plan, work

        work.check(asked)
        planned = plan.plan(asked)
        plan.check(asked, planned)
        return planned

    def size(self, asked: Training, planned: "Plan") -> dict[str, str]:
        from gradlab.studies.remedies import power, search

        tried = search.dearest(asked.T[0], asked.longest) if asked.longest else asked.T
        axes = {"arm": asked.remedies, "T": tried, "w_rec": asked.w_rec}
        grid = " x ".join(f"{name} {len(labels)}" for name, labels in axes.items())
        judged = len(asked.remedies) * len(tried) * len(asked.w_rec) * asked.seeds
        among = ", those that choose the rate among them" if len(asked.lr) > 1 else ""
        most = ", at the most: an arm's search ends where it fails" if asked.longest else ""
        most += ", until one has solved it with less work than all others" if asked.target else ""
        networks, fitted = planned.counts["networks"], planned.counts["fitted"]
        said = {
            "grid": f"{grid} x seed {asked.seeds} = {judged} networks to judge{most}",
            "training": f"{networks} networks{among}, {asked.updates} updates at most",
        }
        if asked.widen and len(asked.lr) > 1:
            said["rates"] = "others are tried too while the best is the least or the largest"
        places = len(asked.T) * len(asked.w_rec)
        if not (asked.longest or asked.target) and (
            shows := power.said(len(asked.remedies), places, asked.seeds)
        ):
            said["shows"] = shows
        return said | ({"fitting": f"{fitted} readouts in closed form"} if fitted else {})

    def doing(self, asked: Training, planned: "Plan") -> str:
        return f"training {planned.counts['arms']} arms, at most"

    def require(self, asked: Training, code: Any, where: str) -> None:
        from gradlab.studies.remedies import work
        from gradlab.studies.remedies.code import require

        # A search comes to some of the T that it may try.
        there = [place for place in work.by_place(asked) if isinstance(code, dict) and place in code]
        require(asked, code, where, there if asked.longest and there else None)

    def require_table(self, run: "TrainingRun", where: str) -> None:
        from gradlab.studies.remedies import collect

        collect.require(run, where)

    def compute(
        self, asked: Training, tell: "Callable[[Progress], None]", kept: "Shards | None"
    ) -> Iterator[Any]:
        from gradlab.studies.remedies import compute

        yield from compute.run(asked, tell, kept)

    def groups(self, asked: Training) -> list[Group]:
        from gradlab.studies.remedies import arms, stages, work

        made = {text: arms.arm(text, asked.cell, asked.init) for text in asked.remedies}
        for option, given, why in (
            ("--longest", asked.longest, "goes on from what was learned"),
            ("--target", asked.target, "stops arms by what others have learned"),
        ):
            if given:
                what = f"{why}, so one process computes it; leave out --shard and --engine"
                raise GradlabError(option, what)
        doing = {text: (stages.COMPILING, *work.stages(asked, arm)) for text, arm in made.items()}
        return [
            Group(text, T, tuple(work.piece(arm, T, stage) for stage in doing[text]))
            for text, arm in made.items()
            for T in asked.T
        ]

    def keys(self, asked: Training, group: Group) -> list[dict[str, Any]]:
        from gradlab.studies.remedies import arms, kept, work
        from gradlab.studies.remedies.checkpoint import Checkpoint

        arm = arms.arm(group.label, asked.cell, asked.init)
        networks = [Checkpoint(None, arm.label, group.T, stage).key for stage in work.stages(asked, arm)]
        results = [kept.key_of_result(group.label, group.T, w_rec) for w_rec in asked.w_rec]
        return [*networks, kept.key_of_begun(group.label, group.T), *results]

    def share(
        self, asked: Training, tell: "Callable[[Progress], None]", kept: "Shards", groups: Sequence[Group]
    ) -> None:
        from gradlab.studies.remedies import compute

        compute.share(asked, tell, kept, [(one.label, one.T) for one in groups])

    def collect(self, asked: Training, results: list[Any]) -> "TrainingRun":
        from gradlab.studies.remedies import collect

        return collect.run(asked, self.stored(asked), results)

    def write(self, folder: Path, run: "TrainingRun") -> None:
        from gradlab.studies.remedies import results

        results.write(folder, run)

    def read(self, folder: Path) -> "TrainingRun":
        from gradlab.studies.remedies import results

        return results.read(folder)

    def notes(self, run: "TrainingRun", results: Sequence[Any]) -> list[str]:
        # Told and not stored: a run's files are equal byte for byte, however long it took.
        spent: dict[str, float] = {}
        for found in results:
            spent[found.arm] = spent.get(found.arm, 0.0) + found.seconds
        told = ", ".join(f"{arm} {seconds:.1f}" for arm, seconds in spent.items())
        return [f"seconds per arm, compiling included: {told}"] if told else []

    def rows(self, run: "TrainingRun") -> "pandas.DataFrame":
        import pandas as pd

        return pd.DataFrame(run.outcomes())

    def table(self, run: "TrainingRun", width: int, *, unicode: bool, color: bool) -> "Text":
        from gradlab.studies.remedies import table

        return table.render(run, width, color=color)

    def document(self, run: "TrainingRun") -> dict[str, Any]:
        from gradlab.studies.remedies import table

        return table.document(run)


STUDY = _Remedies()
