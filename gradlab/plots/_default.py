"""The figures that a run draws without being asked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab import probes, registry, spelled
from gradlab.errors import GradlabError
from gradlab.plots._style import save
from gradlab.runs.files import below
from gradlab.studies import base
from gradlab.studies.sweep.rows import whole
from gradlab.studies.sweep.updates import UPDATE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST = {"sweep": "profile", "remedies": "learning_curves", "neurons": "detectors"}
"""The plot of a run of which nothing more is said."""
TRAINED = "over_training"
"""And of a training."""


def fitting(run: Any) -> list[str]:
    """The plots drawn by default whose measurements a run holds."""
    study = base.tables_of(run)
    if study == "sweep" and whole(run.norms):
        return [FIRST[study]]
    homes = {kind: registry.home("plots", kind) for kind in registry.names("plots")}
    held, trained = set(run.norms.variables), UPDATE in run.norms.coords
    return [
        kind
        for kind, home in homes.items()
        if study == home.READS
        and getattr(home, "BY_DEFAULT", True)
        and set(home.NEEDS) <= held
        # A training has a network for each look: too many for a panel each.
        and trained == (UPDATE in home.NEEDS)
        and several(run, getattr(home, "OVER", ()))
    ]


def several(run: Any, over: Sequence[str]) -> bool:
    """Whether a run has two places at least along one of these axes; of one place there is only a dot."""
    return not over or any(run.norms.sizes.get(axis, 1) > 1 for axis in over)


def made(run: Any, kind: str | None, settings: Mapping[str, Any]) -> "Figure":
    """One figure of a run; without a kind, the first that is drawn by default.

    Raises:
      GradlabError: for a kind or setting that is not known, or that the run has no measurements for.
    """
    study = base.tables_of(run)
    if kind is None:
        kind = TRAINED if UPDATE in run.norms.coords else FIRST[study]
    draw = registry.member("plots", kind)
    for key in settings:
        if key not in registry.settings(draw):
            raise spelled.unknown("plot", f"setting of {kind}", key, registry.settings(draw))
    require_study(kind, study, "plot")
    require_measured(kind, run, "plot", "probe=[{!r}]")
    figure: Figure = draw(run, **settings)
    return figure


def require_study(kind: str, study: str, where: str, named: str = "this run") -> None:
    """Refuse a run of another study than the plot reads; an error calls plot and run `where` and `named`."""
    reads, has = registry.home("plots", kind).READS, base.tables(study)
    if reads not in ("", has):
        fit = [other for other in registry.names("plots") if has == registry.home("plots", other).READS]
        what = f"{kind} draws what `gradlab {reads}` has written, {named} is of `gradlab {study}`"
        raise GradlabError(where, f"{what}; for that there is {', '.join(fit) or 'no plot'}")


def require_measured(kind: str, run: Any, where: str, option: str) -> None:
    """Refuse a run that lacks what the plot needs; `option` asks for the probe whose name it is given."""
    missing = [name for name in registry.home("plots", kind).NEEDS if name not in run.norms]
    if missing:
        asking = " and ".join(option.format(probe) for probe in probes.measuring(missing))
        if UPDATE in missing:
            what = f"{kind} draws a training that gradlab.Monitor has watched; this run is of none"
            raise GradlabError(where, what)
        what = f"{kind} draws what this run has not measured"
        raise GradlabError(where, f"{what}; measure it with {asking}" if asking else what)


def draw(run: Any, folder: Path) -> None:
    """Each of them with its default settings, as SVG and PNG."""
    for kind in fitting(run):
        save(registry.member("plots", kind)(run), below(folder, "figures"), kind)


def finish(run: Any, folder: Path) -> None:
    """Draw what a cut left undrawn; figures that are all there stay as they are."""
    if any(not (folder / "figures" / f"{kind}.png").exists() for kind in fitting(run)):
        draw(run, folder)
