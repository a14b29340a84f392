"""A run in the hands of whoever called."""

import dataclasses
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab import execute
from gradlab.errors import GradlabError
from gradlab.studies import base

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.figure import Figure

    from gradlab.experiments.load import Experiment
    from gradlab.reaching.result import Reach


class Run:
    """A finished run: what it measured, what that says, and what can be made of it.

    In a notebook it shows its verdict and its table.
    """

    def __init__(
        self, stored: Any, folder: Path | None = None, experiment: "Experiment | None" = None
    ) -> None:
        self.stored = stored
        """The run as its study has it."""
        self.folder = None if folder is None else folder.absolute()
        """Where it is kept; None in memory alone."""
        self.experiment = experiment
        """What it was made for, if it was made for an experiment."""

    @classmethod
    def of(cls, *results: "xarray.Dataset | Reach") -> "Run":
        """The run of what `measure` or `reach` has returned of one network, on one sequence or on several.

        It is saved, reported, checked and compared as a sweep is; a sequence stands in the place of a seed.

        Raises:
          GradlabError: for results of different networks, lengths or objectives.

        Example:
          >>> import gradlab, jax.numpy as jnp
          >>> step, half = lambda w, h, x: w * h + x, jnp.float32(0.5)
          >>> found = gradlab.measure(step, half, jnp.zeros(1), jnp.ones((9, 1)))
          >>> Run.of(found).table()["regime"].tolist()
          ['VANISH']
        """
        from gradlab.reaching.result import Reach
        from gradlab.studies.measure import collect, reached

        found = [reached.of(one) if isinstance(one, Reach) else one for one in results]
        return cls(collect.in_memory(found))

    @property
    def about(self) -> dict[str, Any]:
        """What `run.json` says: settings, versions, digests."""
        found: dict[str, Any] = self.stored.about
        asked = json.loads(json.dumps(self.experiment.facts())) if self.experiment else {}
        return found | asked

    @property
    def norms(self) -> "xarray.Dataset":
        """The log10 norms by all axes of the run, as in `norms.nc`."""
        found: xarray.Dataset = self.stored.norms
        return found

    @property
    def verdict(self) -> str:
        """What the table says, in a sentence."""
        from gradlab.report import sources, verdict

        return verdict.verdict(sources.of(self.stored, "run"))

    def table(self) -> "pandas.DataFrame":
        """One row per group of networks, seeds put together, with intervals."""
        return base.of_run(self.stored).rows(self.stored)

    def failures(self) -> list[dict[str, Any]]:
        """The points with a pass that is not finite, as in `failures.jsonl`: which, its step, the leaves.

        Of a network that was given, `seed` is the place of the sequence, from 0.

        Raises:
          GradlabError: for a run that has no such passes, as of a training.
        """
        from gradlab.studies.sweep import results

        if (kind := base.tables_of(self.stored)) != "sweep":
            raise GradlabError("run", f"is of gradlab {kind}; failures are those of a sweep or a measurement")
        return results.failures(self.stored.metrics, self.stored.norms)

    def plot(self, kind: str | None = None, **settings: Any) -> "Figure":
        """A figure of the run; `gradlab list plots` shows the kinds, their settings and their defaults.

        Raises:
          GradlabError: for a kind or setting that is not known, or that this run has no measurements for.
        """
        from gradlab.plots import _default

        return _default.made(self.stored, kind, settings)

    def check(self, *claims: Mapping[str, Any], baseline: str | Path | None = None) -> "list[Any]":
        """What the run says of claims, each a table as in an experiment's file, and of a baseline.

        Without claims: of those that it was made with.

        Raises:
          GradlabError: for a claim that makes no sense, or a file that is no baseline.
        """
        from gradlab.findings import baseline as baselines
        from gradlab.findings import claims as reading
        from gradlab.findings import judge

        asked = {"claims": [dict(claim) for claim in claims]} if claims else {}
        stored = dataclasses.replace(self.stored, about=self.about | asked)
        found: list[Any] = list(judge.judge(stored, reading.of(stored, "check")))
        if baseline is not None:
            if (kind := base.tables_of(stored)) != "sweep":
                raise GradlabError("baseline", f"compares sweeps; this is a run of gradlab {kind}")
            found += baselines.compare(stored, baselines.read(Path(baseline)))
        return found

    def report(self, path: str | Path) -> Path:
        """Write one HTML file of the run, and the same in Markdown beside it.

        Raises:
          GradlabError: for a path that is no HTML file, or that holds something else.
        """
        from gradlab.report import page, sources, writing

        if self.folder is None:
            judged = self.check() if self.about.get("claims") else []
            source = sources.of(self._named(), Path(path).stem, judged)
        else:
            source = sources.read(self.folder)
        place = writing.place([source], Path(path))
        made = page.render(page.compose([source]), f"{place.stem}_files")
        return writing.write(place, made)[0]

    def save(self, folder: str | Path) -> Path:
        """Keep the run in a folder, as the command would have: the same files, byte for byte.

        Raises:
          GradlabError: if the folder holds something else (exit 2), is in use (6) or cannot be written (5).
        """
        place = Path(folder)
        execute.keep(self.stored, place, self.experiment)
        self.folder = place.absolute()
        return place

    def _named(self) -> Any:
        return dataclasses.replace(self.stored, about=self.about)

    def __repr__(self) -> str:
        return f"<gradlab {base.of_run(self.stored).name}: {self.verdict}>"

    def _repr_html_(self) -> str:
        table = base.of_run(self.stored).table(self.stored, 110, unicode=True, color=False)
        return f"<p><b>{escape(self.verdict)}</b></p><pre>{escape(table.plain)}</pre>"
