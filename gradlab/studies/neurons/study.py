"""Cells on text as a study."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab import specs
from gradlab.errors import GradlabError
from gradlab.studies.base import Group, Study
from gradlab.studies.neurons.settings import Neurons

if TYPE_CHECKING:
    import pandas
    from rich.text import Text

    from gradlab.planning.plan import Plan
    from gradlab.planning.progress import Progress
    from gradlab.runs.shards import Shards
    from gradlab.studies.neurons.results import Reading


class _Neurons(Study[Neurons, "Reading"]):
    name = "neurons"

    def stored(self, asked: Neurons) -> dict[str, Any]:
        from gradlab.studies.neurons import given

        digests = {"text_digest": given.text(asked).digest}
        if asked.weights:
            digests["weights_digest"] = given.of(asked).digest
        return specs.stored(asked) | {"command": self.name} | digests

    def plan(self, asked: Neurons) -> "Plan":
        from gradlab.studies.neurons import given, plan, work

        text = given.text(asked)
        work.check(asked, text)
        planned = plan.plan(asked, text)
        plan.check(asked, planned)
        return planned

    def size(self, asked: Neurons, planned: "Plan") -> dict[str, str]:
        from gradlab.studies.neurons import plan

        return plan.size(asked, planned)

    def doing(self, asked: Neurons, planned: "Plan") -> str:
        return (
            f"reading with {asked.weights}" if asked.weights else f"training {', '.join(asked.cell)} on text"
        )

    def require(self, asked: Neurons, code: Any, where: str) -> None:
        from gradlab.studies.neurons import given
        from gradlab.studies.neurons.code import require
        from gradlab.studies.neurons.networks import settings

        text = given.text(asked)
        require(asked, settings(asked, len(text.vocabulary)), code, where)

    def compute(
        self, asked: Neurons, tell: "Callable[[Progress], None]", kept: "Shards | None"
    ) -> Iterator[Any]:
        from gradlab.studies.neurons import compute

        yield from compute.run(asked, tell, kept)

    def groups(self, asked: Neurons) -> list[Group]:
        from gradlab.studies.neurons import stages, work

        if asked.weights:
            raise GradlabError("--weights", "are read by one process, nothing is trained: leave out --shard")
        if not asked.updates:
            what = f"{asked.minutes:g} are other updates on every machine; give --updates, to be shared out"
            raise GradlabError("--minutes", what)
        names = (stages.COMPILING, *stages.of(asked.lr))
        return [
            Group(spec, asked.T, tuple(work.piece(spec, stage) for stage in names)) for spec in asked.cell
        ]

    def keys(self, asked: Neurons, group: Group) -> list[dict[str, Any]]:
        from gradlab.studies.neurons import stages
        from gradlab.studies.remedies.checkpoint import Checkpoint

        return [Checkpoint(None, group.label, group.T, stage).key for stage in stages.of(asked.lr)]

    def share(
        self, asked: Neurons, tell: "Callable[[Progress], None]", kept: "Shards", groups: Sequence[Group]
    ) -> None:
        from gradlab.studies.neurons import compute

        compute.share(asked, tell, kept, [group.label for group in groups])

    def collect(self, asked: Neurons, results: list[Any]) -> "Reading":
        from gradlab.studies.neurons import collect

        return collect.run(asked, self.stored(asked), results)

    def write(self, folder: Path, run: "Reading") -> None:
        from gradlab.studies.neurons import results

        results.write(folder, run)

    def read(self, folder: Path) -> "Reading":
        from gradlab.studies.neurons import results

        return results.read(folder)

    def notes(self, run: "Reading", results: Sequence[Any]) -> list[str]:
        # Told and not stored: a run's files are equal byte for byte, however long it took.
        told = ", ".join(f"{found.cell} {found.seconds:.1f}" for found in results)
        return [f"seconds per cell, compiling included: {told}"] if told else []

    def rows(self, run: "Reading") -> "pandas.DataFrame":
        import pandas as pd

        from gradlab.studies.neurons import rows

        return pd.DataFrame(rows.detectors(run))

    def table(self, run: "Reading", width: int, *, unicode: bool, color: bool) -> "Text":
        from gradlab.studies.neurons import table

        return table.render(run, width, unicode=unicode, color=color)

    def document(self, run: "Reading") -> dict[str, Any]:
        from gradlab.studies.neurons import table

        return table.document(run)


STUDY = _Neurons()
