"""Each command as one call."""

import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gradlab import execute, runtime, specs, values
from gradlab.api.run import Run
from gradlab.api.watching import listener
from gradlab.errors import GradlabError
from gradlab.logs import keep
from gradlab.planning.progress import Silent
from gradlab.specs import KEYWORDS
from gradlab.studies import base
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.settings import PRESETS, Training
from gradlab.studies.sweep.settings import Sweep

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from gradlab.experiments.load import Size

F = TypeVar("F", bound=Callable[..., Any])


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
    *,
    folder: str | Path | None = None,
    force: bool = False,
    quiet: bool = False,
    log: keep.Log | None = None,
    **settings: Any,
) -> Run:
    """Measure the gradients of a grid of networks, as `gradlab sweep` does; equal settings, equal bytes.

    A setting is a value, several of them, or text as on the command line: `T=[50, 200]`, `w_rec="0.5:1:11"`.
    Without a folder nothing is written; in one, what it holds already is not measured again. `log` tells
    tensorboard, mlflow or wandb-offline of the run, in a folder `logs` beside its own; nothing is sent.

    Raises:
      GradlabError: for settings that are not possible, or need more memory than there is.
    """
    return _run(Sweep, settings, None, folder, force, quiet, log)


@_settings(Training, PRESETS["quick"])
def train(
    task: str = "",
    *,
    full: bool = False,
    folder: str | Path | None = None,
    force: bool = False,
    quiet: bool = False,
    log: keep.Log | None = None,
    **settings: Any,
) -> Run:
    """Train remedies on one task at equal budget, as `gradlab remedies` does; equal settings, equal bytes.

    Without a task: two scenarios, a start whose gradient has vanished and one whose gradient explodes, chosen
    by the transport of untrained networks; somebody who watches is shown the profile that they are chosen by.
    The plain network is always among the arms. `full` asks for every remedy and hours of work where nothing
    else is said. Without a folder nothing is written; in one, what it holds already is not trained again.
    `log` is as in `sweep`.

    Raises:
      GradlabError: for settings that are not possible, or need more memory than there is.
    """
    if settings.get("target") and settings.get("T") is not None:
        lengths, target = (specs.reader(Training, name, KEYWORDS)(settings[name]) for name in ("T", "target"))
        if lengths != (target,):
            raise GradlabError("T", "and target exclude each other; give one")
    if task or full or settings.get("longest") or settings.get("target"):
        preset = PRESETS["full" if full else "quick"]
        return _run(Training, settings | {"task": task}, preset, folder, force, quiet, log, _usual)
    return _run(Training, settings, PRESETS["scenarios"], folder, force, quiet, log, _scenarios)


@_settings(Neurons)
def neurons(
    text: str | Path = "",
    *,
    folder: str | Path | None = None,
    force: bool = False,
    quiet: bool = False,
    log: keep.Log | None = None,
    **settings: Any,
) -> Run:
    """Train cells on text and score each of their units, as `gradlab neurons` does; equal plans, equal bytes.

    Without a text it is the sources of Python's library. `updates` is the number of updates of each cell;
    without it, `minutes` is turned into one. Without a folder nothing is written; in one, what it holds
    already is not trained again. `log` is as in `sweep`.

    Raises:
      GradlabError: for a text or settings that are not possible, or need more memory than there is.
    """
    return _run(Neurons, settings | {"text": str(text)}, None, folder, force, quiet, log)


def run(
    experiment: str | Path,
    *,
    size: "Size" = "full",
    folder: str | Path | None = None,
    force: bool = False,
    quiet: bool = False,
    log: keep.Log | None = None,
) -> Run:
    """Run an experiment, by its name or its file, as `gradlab run` does; `check()` judges its claims.

    `log` is as in `sweep`.

    Raises:
      GradlabError: for an experiment that is not known, and as `sweep` and `train`.
    """
    from gradlab.experiments import load

    runtime.configure()
    asked = load.load(load.find(str(experiment)), values.choice("size", size, load.Size))
    place = None if folder is None else Path(folder)
    keep.require(log, place, "log")
    done = execute.run(asked.asked, None, place, force=force, listening=listener(quiet))
    _warned(keep.keep(log, done.run, place, execute.answer(asked, done.run, place)))
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
    log: str | None = None,
    chosen: Callable[[Any, Mapping[str, Any], bool], Any] = lambda asked, given, quiet: asked,
) -> Run:
    runtime.configure()
    asked = specs.made(kind, KEYWORDS, given, preset)
    place = None if folder is None else Path(folder)
    keep.require(log, place, "log")
    with specs.naming(kind, KEYWORDS):
        asked = chosen(asked, given, quiet)
        done = execute.run(asked, None, place, force=force, listening=listener(quiet))
    _warned(keep.keep(log, done.run, place))
    return Run(done.run, place)


def _usual(asked: Training, given: Mapping[str, Any], quiet: bool) -> Training:
    """The settings with the usual arms as far as the cell has them, unless some are given."""
    from gradlab.studies.remedies import usual

    if given.get("remedies") is not None:
        return asked
    asked, told = usual.possible(asked)
    if told and listener(quiet) is not Silent:
        sys.stderr.write(f"{told}\n")
    return asked


def _scenarios(asked: Training, given: Mapping[str, Any], quiet: bool) -> Training:
    """The settings at two gains, unless some are given."""
    from gradlab.studies.remedies import scenarios

    asked = _usual(asked, given, quiet)
    if "w_rec" in given:
        return asked
    asked, chosen = scenarios.choose(asked)
    if listener(quiet) is not Silent:
        sys.stderr.write(f"{chosen.said()}\n")
    return asked


def _warned(told: keep.Told) -> None:
    """What went wrong in a tracker is a warning: the run is whole."""
    if told.warning:
        warnings.warn(told.warning, RuntimeWarning, stacklevel=4)
