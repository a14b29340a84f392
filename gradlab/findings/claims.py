"""Claims about a run: which metric, at which points, passes which check."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

import numpy as np

from gradlab import registry, spelled
from gradlab.errors import GradlabError, shown
from gradlab.findings import sampling
from gradlab.findings.estimates import Axis, Label, Margin, Order, Where
from gradlab.runs import strict
from gradlab.runs.strict import Fault, fault
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep import columns, regimes
from gradlab.studies.sweep.results import Run

MOST = 100
"""Claims of one run."""
Grid = Mapping[str, Sequence[Label]]
"""The labels of each axis that a run has."""


@dataclass(frozen=True)
class Claim:
    """One statement: this metric, at these points, passes that check."""

    text: str
    metric: str
    where: Where
    check: str
    wanted: Any
    settings: dict[str, Any]
    size: str | None = None
    """The only size of the experiment at which it is claimed; None for all."""

    def stored(self) -> dict[str, Any]:
        """As a file has it."""
        head = {"text": self.text, "metric": self.metric, "where": self.where}
        tail = {"size": self.size} if self.size else {}
        return head | {self.check: self.wanted} | self.settings | tail


def read(
    raw: Any,
    at: str,
    command: str,
    grid: Grid,
    name: Callable[[str, str], str],
    probed: sampling.Columns = sampling.NONE,
) -> tuple[Claim | None, list[Fault]]:
    """A claim from its table, and its faults: `(claim, [])` or `(None, faults)`.

    `grid` holds the labels that a `where` may name and `name` the canonical spelling of one, by axis; an axis
    of a column that was `probed` has labels only where there is a run.
    """
    given, faults = strict.read(_model(), raw, at)
    if faults:
        return None, faults
    chosen = [key for key in given if key in checks()]
    if len(chosen) != 1:
        known = ", ".join(checks())
        return None, [Fault(at, f"needs exactly one check, has {len(chosen)}; known: {known}")]
    check = chosen[0]
    settings = {key: given[key] for key in given if key not in (*HEAD, check)}
    own = checks()[check][1]
    faults += [Fault(f"{at}.{key}", f"is no setting of {check}") for key in settings if key not in own]
    metric, where, wanted = given["metric"], given.get("where", {}), given[check]
    metrics = sampling.metrics(command, probed)
    if metric not in metrics:
        error = spelled.unknown("", f"metric of a {command} run", metric, metrics)
        return None, [*faults, Fault(f"{at}.metric", error.what)]
    known_axes = {axis: grid.get(axis, ()) for axis in sampling.axes(command, metric, probed)}
    where, more = _labels(where, f"{at}.where", known_axes, name)
    word = metrics[metric].kind == "word"
    wanted, rest = _wanted(check, metric, word, wanted, f"{at}.{check}", known_axes, name)
    faults += more + rest
    named = {
        *where,
        *([wanted] if checks()[check][0] is Axis else wanted if checks()[check][0] == Order else []),
    }
    for axis in probed.get(metric, ()):
        if axis not in named and not faults:
            faults.append(
                Fault(f"{at}.where", f"must say which {axis} of {metric}, such as {{ {axis} = 1 }}")
            )
    if faults:
        return None, faults
    return Claim(given["text"], metric, where, check, wanted, settings, given.get("size")), []


def _labels(where: Where, at: str, grid: Grid, name: Callable[[str, str], str]) -> tuple[Where, list[Fault]]:
    """A `where` in canonical spelling; every label is one that the run has."""
    found: Where = {}
    faults = []
    for axis, given in where.items():
        place = strict.path(at, [axis])
        if axis not in grid:
            faults.append(Fault(place, strict.unknown(axis, grid)))
            continue
        try:
            found[axis] = _label(axis, given, grid[axis], name)
        except GradlabError as error:
            faults.append(Fault(place, error.what))
    return found, faults


def _label(axis: str, given: Label, labels: Sequence[Label], name: Callable[[str, str], str]) -> Label:
    if not labels:
        # An axis of a probe's own: how far it goes only the run says, and its finding tells.
        wrong = columns.fault(axis, given)
        if wrong:
            raise GradlabError(axis, f"{shown(given)} {wrong}")
        return given
    words = isinstance(labels[0], str)
    if words != isinstance(given, str):
        raise GradlabError(axis, f"{shown(given)} must be {'text in quotes' if words else 'a number'}")
    if isinstance(given, str):
        spelt = name(axis, given)
        if spelt in labels:
            return spelt
    elif np.isclose(np.asarray(labels, float), given, rtol=1e-9, atol=1e-12).any():
        return given
    some = ", ".join(map(str, labels[:8])) + (", ..." if len(labels) > 8 else "")
    raise GradlabError(axis, f"{shown(given)} is not in the grid; there are {shown(some, 200)}")


def _wanted(
    check: str, metric: str, word: bool, wanted: Any, at: str, grid: Grid, name: Callable[[str, str], str]
) -> tuple[Any, list[Fault]]:
    """What a check wants, where it names axes or labels or a word."""
    kind = checks()[check][0]
    if word and not isinstance(wanted, str):
        return wanted, [Fault(at, f"{metric} is a word; write equals and one of {', '.join(REGIMES)}")]
    if kind == float | str and isinstance(wanted, str) and (not word or wanted not in REGIMES):
        allowed = f"one of {', '.join(REGIMES)}" if word else "a number"
        return wanted, [Fault(at, f"{shown(wanted)} must be {allowed}")]
    if kind is Axis:
        numeric = {
            axis: labels for axis, labels in grid.items() if not (labels and isinstance(labels[0], str))
        }
        faults = [] if wanted in numeric else [Fault(at, f"{shown(wanted)} is no axis of numbers here")]
        return wanted, [*faults, *([Fault(at, f"{metric} is a word")] if word else [])]
    if kind == Where:
        found, faults = _labels(wanted, at, grid, name)
        return found, faults if wanted else [Fault(at, "is empty; name a label of the other group")]
    if kind == Order:
        order: Order = {}
        faults = []
        for axis, labels in wanted.items():
            each = [_labels({axis: given}, at, grid, name) for given in labels]
            faults += [one for _, some in each for one in some]
            order[axis] = [spelt[axis] for spelt, some in each if not some]
        return order, faults
    return wanted, []


REGIMES = tuple(word for word in regimes.REGIMES if word != "UNDECIDED")
"""What may be claimed: `UNDECIDED` is what too few seeds give, and says nothing of the networks."""
HEAD = ("text", "metric", "where", "size")


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise fault(f"{shown(value)} must be a finite number")
    return float(value)


def _margin(value: Any) -> float:
    if _finite(value) < 0:
        raise fault(f"{shown(value)} must be 0 or more")
    return float(value)


def _simple(value: Any) -> float | str:
    return strict.text(value) if isinstance(value, str) else _finite(value)


def _pair(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise fault(f"{shown(value)} must be two numbers [least, most]")
    least, most = map(_finite, value)
    if least > most:
        raise fault(f"{shown(value)} is empty; write the smaller number first")
    return least, most


def _where(value: Any) -> Where:
    if not isinstance(value, dict):
        raise fault(f"{shown(value)} must be a table of labels, such as {{ T = 50 }}")
    return {key: _simple(label) for key, label in value.items()}


def _order(value: Any) -> Order:
    if not isinstance(value, dict) or len(value) != 1:
        raise fault(f'{shown(value)} must name one axis, such as {{ cell = ["lstm", "elman"] }}')
    ((axis, labels),) = value.items()
    if not isinstance(labels, list) or not 2 <= len(labels) <= MOST:
        raise fault(f"{shown(axis)} must be a list of at least two labels")
    found = list(map(_simple, labels))
    if len(set(found)) < len(found):
        raise fault(f"{shown(axis)} names a label twice")
    return {axis: found}


_READERS: list[tuple[Any, Callable[[Any], Any]]] = [
    (float, _finite),
    (float | str, _simple),
    (Margin, _margin),
    (tuple[float, float], _pair),
    (Axis, strict.text),
    (Where, _where),
    (Order, _order),
]


def _typed(hint: Any) -> Any:
    """The strict type of a key whose value a check takes as `hint`."""
    return strict.reader(next(reader for known, reader in _READERS if known == hint))


@functools.cache
def checks() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Each check by name: the type of what it wants, and its settings with their types."""
    found = {}
    for name in registry.names("checks"):
        function = registry.member("checks", name)
        hints = get_type_hints(function)
        kind = hints[list(inspect.signature(function).parameters)[2]]
        found[name] = (kind, {key: hints[key] for key in registry.settings(function)})
    return found


@functools.cache
def _model() -> type[strict.Strict]:
    """What a claim's table may hold."""
    fields: dict[str, tuple[Any, Any]] = {
        "text": (strict.Line, ...),
        "metric": (strict.Line, ...),
        "where": (strict.reader(_where), None),
        "size": (Literal["ci", "full"], None),
    }
    for name, (kind, settings) in checks().items():
        fields[name] = (_typed(kind), None)
        fields |= {key: (_typed(hint), None) for key, hint in settings.items()}
    return strict.model("Claim", fields)


def grid_of(run: Run | TrainingRun) -> dict[str, list[Label]]:
    """The labels of each axis of a run."""
    if isinstance(run, Run):
        grid = {axis: run.norms[axis].values.tolist() for axis in sampling.AXES["sweep"]}
        own = {axis for axes in columns.columns(run.norms).values() for axis in axes}
        return grid | {axis: [] for axis in own}
    return {axis: run.table[axis].unique().tolist() for axis in sampling.AXES["remedies"]}


def of(run: Run | TrainingRun | Any, source: str) -> list[Claim]:
    """The claims that a run was made with, from its `run.json`; `source` names it in an error."""
    raw = run.about.get("claims", [])
    if not isinstance(raw, list) or len(raw) > MOST:
        raise GradlabError(f"{source}:claims", f"must be a list of at most {MOST} claims")
    if not isinstance(run, Run | TrainingRun):
        if raw:
            raise GradlabError(
                f"{source}:claims", "are made of sweeps and of remedies; this run is of neither"
            )
        return []
    command, grid = "sweep" if isinstance(run, Run) else "remedies", grid_of(run)
    probed = columns.columns(run.norms) if isinstance(run, Run) else sampling.NONE
    pairs = [
        read(one, f"claims[{i}]", command, grid, lambda axis, given: given, probed)
        for i, one in enumerate(raw)
    ]
    faults = [one for _, some in pairs for one in some]
    if faults:
        raise strict.refusal(source, faults)
    return [claim for claim, _ in pairs if claim is not None]
