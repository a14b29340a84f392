"""What the file of a probe says beside its program: its axes, notes to its numbers, and the least T."""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gradlab import probes, registry, specs
from gradlab.errors import GradlabError, shown
from gradlab.studies.sweep.columns import OWN, too_short
from gradlab.studies.sweep.settings import Sweep

if TYPE_CHECKING:
    import xarray


REACH = "reach"
"""The probe that says what verdicts on a cell speak of that rescales its own state."""


def spelled(probe: str | Sequence[str]) -> tuple[str, ...]:
    """Further probes as a call names them, one or several, in full.

    Raises:
      GradlabError: for one that is not known, or settings that it does not take.
    """
    read = specs.reader(Sweep, "probe", specs.KEYWORDS)
    with specs.naming(Sweep, specs.KEYWORDS):
        return Sweep(probe=read([probe] if isinstance(probe, str) else list(probe))).probe


def asked(probes: Sequence[str], rescales: bool) -> tuple[str, ...]:
    """The further probes of a cell: those that were asked for, and the reach where its verdict needs it."""
    return (*probes, REACH) if rescales and REACH not in probes else tuple(probes)


def axes(probe: str) -> dict[str, tuple[str, ...]]:
    """The columns of a probe, as it may be spelled with settings, and the names of their own axes."""
    found = probes.axes(probe)
    if registry.is_foreign("probes", probe):
        taken = sorted({*OWN, *registry.names("metrics")} & found.keys())
        if taken:
            what = f"{probe} has a column {taken[0]}, which is the name of something else; give it another"
            raise GradlabError("--probe", what)
        facts = probes.columns(probe.partition("(")[0])
        odd = sorted(facts.keys() - found.keys())
        if odd:
            raise GradlabError("--probe", f"{probe} states FACTS of {odd[0]}, which is none of its columns")
        for name, column in facts.items():
            if column.beyond and found.get(column.beyond) != ():
                what = f"{probe} states {name} beyond {column.beyond}; name a column of it without axes"
                raise GradlabError("--probe", what)
    return found


def _home(probe: str) -> ModuleType:
    return registry.home("probes", probe.partition("(")[0])


def require(asked: Sequence[str], inputs: int, T: Sequence[int]) -> None:
    """Refuse a probe whose file says (`fits`) that networks of so many inputs, at such T, cannot be asked."""
    for probe in asked:
        own: dict[str, Any] = getattr(registry.make("probes", probe), "keywords", {})
        try:
            getattr(_home(probe), "fits", lambda inputs, T, **own: None)(inputs, min(T), **own)
        except ValueError as error:
            raise GradlabError("--probe", f"{shown(probe)} is not possible; {error}") from error


def effort(probe: str, weights: int) -> float:
    """Multiplications of a step that the file of a probe tells beside what every probe takes."""
    own: dict[str, Any] = getattr(registry.make("probes", probe), "keywords", {})
    return float(getattr(_home(probe), "effort", lambda weights, **own: 0.0)(weights, **own))


def plain_norms(probe: str) -> Sequence[str]:
    """The columns of a probe that hold norms as they are, and not as a `Norm` or a logarithm."""
    found: Sequence[str] = getattr(_home(probe), "NORMS", ())
    return found


def stated(probe: str, units: int) -> dict[str, str]:
    """What the file of a probe says beside its program, as texts; `units` are the numbers that it reads."""
    home = _home(probe)
    own: dict[str, Any] = getattr(registry.make("probes", probe), "keywords", {})
    shortest: dict[str, int] = getattr(home, "shortest", lambda units, **own: {})(units, **own)
    said: dict[str, dict[str, Any]] = {"list of axes": axes(probe), "least T": shortest}
    norms = sorted(map(str, plain_norms(probe)))
    return {what: repr(sorted(one.items())) for what, one in said.items()} | {"list of norms": repr(norms)}


def noted(norms: "xarray.Dataset", asked: Sequence[str], units: Mapping[str, int]) -> "xarray.Dataset":
    """The dataset with what must be read beside a probe's numbers.

    It stands in their attribute `note`, and in `undefined`, which T are too short for them; `units` are the
    numbers in the readout of each cell.
    """
    for probe in asked:
        for name, words in _too_short(probe, norms["T"].values.tolist(), units).items():
            norms[name].attrs["undefined"] = words
        for name, words in notes(norms, probe).items():
            norms[name].attrs["note"] = words
    return norms


def notes(norms: "xarray.Dataset", probe: str) -> dict[str, str]:
    """What must be read beside the columns of a probe, by their names."""
    found: dict[str, str] = getattr(_home(probe), "notes", lambda norms: {})(norms)
    return found


def _too_short(probe: str, T: Sequence[int], units: Mapping[str, int]) -> dict[str, str]:
    """By column, at which T it is undefined because that is too short, and which would do."""
    shortest = getattr(_home(probe), "shortest", None)
    if shortest is None:
        return {}
    own: dict[str, Any] = getattr(registry.make("probes", probe), "keywords", {})
    found: dict[str, dict[int, list[str]]] = {}
    for cell, size in units.items():
        for name, least in shortest(size, **own).items():
            if min(T) < least:
                found.setdefault(name, {}).setdefault(least, []).append(cell)
    return {
        name: "; ".join(
            f"at T = {', '.join(str(t) for t in sorted(T) if t < least)} of {', '.join(cells)}, "
            f"which need{'s' * (len(cells) == 1)} T = {least} or more"
            for least, cells in by_least.items()
        )
        for name, by_least in found.items()
    }


def foreseen(asked: Sequence[str], T: Sequence[int], units: Callable[[], Mapping[str, int]]) -> list[str]:
    """Which T will be too short for which columns, in sentences; `units` as `noted` has them."""
    some = [probe for probe in asked if hasattr(_home(probe), "shortest")]
    counted = units() if some else {}
    found = {name: words for probe in some for name, words in _too_short(probe, T, counted).items()}
    return too_short(found)
