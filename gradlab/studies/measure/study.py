"""A network of one's own as a study; its run has the tables of a sweep."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab import specs
from gradlab.studies.base import Group, Study
from gradlab.studies.measure.settings import Measure

if TYPE_CHECKING:
    import pandas
    from rich.text import Text

    from gradlab.planning.plan import Plan
    from gradlab.planning.progress import Progress
    from gradlab.runs.shards import Shards
    from gradlab.studies.sweep.results import Run


class _Measure(Study[Measure, "Run"]):
    name = "measure"
    tables = "sweep"

    def stored(self, asked: Measure) -> dict[str, Any]:
        from gradlab.series import reading
        from gradlab.studies.measure import models

        data = reading.digest(*(Path(one) for one in (asked.data, asked.alphabet) if one))
        digests = {"model_digest": models.of(asked).digest, "data_digest": data}
        return specs.stored(asked) | {"command": self.name} | digests

    def plan(self, asked: Measure) -> "Plan":
        from gradlab.studies.measure import plan

        planned = plan.plan(asked)
        plan.check(asked, planned)
        return planned

    def size(self, asked: Measure, planned: "Plan") -> dict[str, str]:
        counts = planned.counts
        many = f"{counts['windows']} of {asked.T} steps, {counts['columns']} columns each"
        return {"network": asked.model, "windows": many}

    def doing(self, asked: Measure, planned: "Plan") -> str:
        return f"measuring {asked.model}"

    def require(self, asked: Measure, code: Any, where: str) -> None:
        from gradlab.studies.measure import collect

        collect.require(asked, code, where)

    def compute(
        self, asked: Measure, tell: "Callable[[Progress], None]", kept: "Shards | None"
    ) -> Iterator[Any]:
        from gradlab.studies.measure import compute

        yield from compute.run(asked, tell, kept)

    def groups(self, asked: Measure) -> list[Group]:
        from gradlab.studies.measure import work

        names = map(work.window, range(asked.windows))
        return [Group(name, asked.T, (work.COMPILING, name)) for name in names]

    def keys(self, asked: Measure, group: Group) -> list[dict[str, Any]]:
        from gradlab.studies.measure import work

        return [work.key(work.place(group.label))]

    def share(
        self, asked: Measure, tell: "Callable[[Progress], None]", kept: "Shards", groups: Sequence[Group]
    ) -> None:
        from gradlab.studies.measure import compute, work

        for _ in compute.run(asked, tell, kept, [work.place(group.label) for group in groups]):
            pass

    def collect(self, asked: Measure, results: list[Any]) -> "Run":
        from gradlab.studies.measure import collect

        return collect.run(asked, self.stored(asked), results)

    def write(self, folder: Path, run: "Run") -> None:
        from gradlab.studies.sweep import results

        results.write(folder, run)

    def read(self, folder: Path) -> "Run":
        from gradlab.studies.measure import results

        return results.read(folder)

    def notes(self, run: "Run", results: Sequence[Any]) -> list[str]:
        return []

    def rows(self, run: "Run") -> "pandas.DataFrame":
        from gradlab.studies.sweep import results

        return results.summary(run).drop(columns="profile")

    def table(self, run: "Run", width: int, *, unicode: bool, color: bool) -> "Text":
        from gradlab.studies.measure import reasons
        from gradlab.studies.sweep import table

        found = table.render(run, width, unicode=unicode, color=color)
        return found.append_text(reasons.render(run, max(width, table.least_width(run)), color=color))

    def document(self, run: "Run") -> dict[str, Any]:
        from gradlab.studies.measure import reasons
        from gradlab.studies.sweep import table

        told = reasons.document(run)
        return table.document(run) | ({"reasons": told} if told else {})


STUDY = _Measure()
