"""What the commands do, from Python: one call each.

>>> import gradlab
>>> linear = "elman(activation=identity)"
>>> run = gradlab.sweep(cell=linear, hidden=4, w_rec=[0.5, 1.0], T=20, seeds=3, quiet=True)
>>> run.table()["regime"].tolist()
['VANISH', 'STABLE']
"""

import dataclasses
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from gradlab import execute, runtime, specs, values
from gradlab.errors import GradlabError
from gradlab.escaping import plain
from gradlab.planning.plan import Plan
from gradlab.planning.progress import Progress, Silent
from gradlab.specs import KEYWORDS
from gradlab.studies import base
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.settings import PRESETS, Training
from gradlab.studies.sweep.settings import Sweep

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.figure import Figure

    from gradlab.experiments.load import Experiment, Size

F = TypeVar("F", bound=Callable[..., Any])


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
    def of(cls, *results: "xarray.Dataset") -> "Run":
        """The run of what `measure` has returned of one network, on one sequence or on several.

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
        from gradlab.studies.measure import collect

        return cls(collect.in_memory(results))

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


def _settings(kind: type, preset: Mapping[str, Any] | None = None) -> Callable[[F], F]:
    """Name the settings of a study in a function's signature and docstring, where help and editors look."""
    described = specs.described(kind)

    def decorate(function: F) -> F:
        own = list(inspect.signature(function).parameters.values())
        named = {parameter.name for parameter in own}
        defaults = {n: getattr(kind, n, inspect.Parameter.empty) for n in described} | dict(preset or {})
        more = [
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=defaults[n])
            for n in described
            if n not in named
        ]
        kept = [p for p in own if p.kind is not inspect.Parameter.VAR_KEYWORD]
        split = next((i for i, p in enumerate(kept) if p.kind is inspect.Parameter.KEYWORD_ONLY), len(kept))
        whole = [*kept[:split], *more, *kept[split:]]
        function.__signature__ = inspect.Signature(whole)  # type: ignore[attr-defined]
        lines = "\n".join(f"      {name}: {setting.help}" for name, (_, setting) in described.items())
        function.__doc__ = f"{function.__doc__}\n    Settings:\n{lines}\n"
        return function

    return decorate


@_settings(Sweep)
def sweep(
    *, folder: str | Path | None = None, force: bool = False, quiet: bool = False, **settings: Any
) -> Run:
    """Measure the gradients of a grid of networks, as `gradlab sweep` does; equal settings, equal bytes.

    A setting is a value, several of them, or text as on the command line: `T=[50, 200]`, `w_rec="0.5:1:11"`.
    Without a folder nothing is written; in one, what it holds already is not measured again.

    Raises:
      GradlabError: for settings that are not possible, or need more memory than there is.
    """
    return _run(Sweep, settings, None, folder, force, quiet)


@_settings(Training, PRESETS["quick"])
def train(
    task: str,
    *,
    full: bool = False,
    folder: str | Path | None = None,
    force: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Run:
    """Train remedies on one task at equal budget, as `gradlab remedies` does; equal settings, equal bytes.

    The plain network is always among the arms. `full` asks for every remedy and hours of work where nothing
    else is said. Without a folder nothing is written; in one, what it holds already is not trained again.

    Raises:
      GradlabError: for settings that are not possible, or need more memory than there is.
    """
    preset = PRESETS["full" if full else "quick"]
    return _run(Training, settings | {"task": task}, preset, folder, force, quiet)


@_settings(Neurons)
def neurons(
    text: str | Path = "",
    *,
    folder: str | Path | None = None,
    force: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Run:
    """Train cells on text and score each of their units, as `gradlab neurons` does; equal plans, equal bytes.

    Without a text it is the sources of Python's library. `updates` is the number of updates of each cell;
    without it, `minutes` is turned into one. Without a folder nothing is written; in one, what it holds
    already is not trained again.

    Raises:
      GradlabError: for a text or settings that are not possible, or need more memory than there is.
    """
    return _run(Neurons, settings | {"text": str(text)}, None, folder, force, quiet)


def run(
    experiment: str | Path,
    *,
    size: "Size" = "full",
    folder: str | Path | None = None,
    force: bool = False,
    quiet: bool = False,
) -> Run:
    """Run an experiment, by its name or its file, as `gradlab run` does; `check()` judges its claims.

    Raises:
      GradlabError: for an experiment that is not known, and as `sweep` and `train`.
    """
    from gradlab.experiments import load

    runtime.configure()
    asked = load.load(load.find(str(experiment)), values.choice("size", size, load.Size))
    place = None if folder is None else Path(folder)
    done = execute.run(asked.asked, None, place, force=force, listening=_listener(quiet))
    execute.answer(asked, done.run, place)
    return Run(done.run, place, asked)


def plot(norms: "xarray.Dataset", kind: str = "profile", **settings: Any) -> "Figure":
    """Draw what `measure` has returned; `gradlab list plots` shows the kinds.

    Raises:
      GradlabError: for a kind or a setting that is not known.
    """
    from gradlab.plots import _default
    from gradlab.studies.sweep import results

    return _default.made(results.Run({}, results.metrics(norms), norms), kind, settings)


def load(folder: str | Path) -> Run:
    """The run that a folder holds.

    Raises:
      GradlabError: if it holds none, or files that were not written so.
    """
    return Run(base.read(Path(folder)), Path(folder))


def _run(
    kind: Any,
    given: Mapping[str, Any],
    preset: Mapping[str, Any] | None,
    folder: str | Path | None,
    force: bool,
    quiet: bool,
) -> Run:
    runtime.configure()
    asked = specs.made(kind, KEYWORDS, given, preset)
    place = None if folder is None else Path(folder)
    with specs.naming(kind, KEYWORDS):
        done = execute.run(asked, None, place, force=force, listening=_listener(quiet))
    return Run(done.run, place)


def _listener(quiet: bool) -> Any:
    """A bar where somebody watches: in a terminal or a notebook."""
    return _Bar if not quiet and (sys.stderr.isatty() or "ipykernel" in sys.modules) else Silent


class _Bar(Silent):
    """A progress bar of a call."""

    def __init__(self, planned: Plan, doing: str) -> None:
        from gradlab.planning import left

        self.left = left.Left(planned)
        self.live = left.live(self.left)
        self.doing = doing

    def __enter__(self) -> "_Bar":
        self.live.start()
        self.live.add_task(self.doing, total=1.0, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def take(self, progress: Progress) -> None:
        """Show the progress."""
        self.left.take(progress)
        doing, task = plain(progress.doing), self.live.task_ids[0]
        self.live.update(task, description=doing, completed=self.left.share, note=progress.note)
