"""Two sets of results side by side, number by number, each with the limit that it was judged by."""

import math
from collections.abc import Mapping, Sequence

from gradlab.errors import shown
from gradlab.findings.finding import Finding, Status, place
from gradlab.findings.numbers import (
    DRAWN,
    GIVEN_BY,
    PAIRED,
    SAME,
    BySeed,
    Key,
    Numbers,
    alike,
    different,
    equal_weights,
    same_machine,
    unlike,
)
from gradlab.findings.tolerance import Change, Limit, Mode, by_intervals, finding, limit_of, limits, paired

CONFIDENCE = 0.99
"""That not one interval of a whole comparison misses: so often two equal programs raise no alarm."""


def changes(
    old: Numbers, new: Numbers, given: Sequence[Limit] | None = None, same: tuple[str, ...] = SAME
) -> list[Change]:
    """Compare two sides: the weights, every number of `old` in its order, then those only `new` has.

    Each by the limits `given`, or else by `tolerance.limits`. Where the settings `same` differ, or no number
    is on both sides, the answer is one "inconclusive".
    """
    if refusal := _not_comparable(old, new, same):
        return [_change(refusal)]
    known = limits([*old.series, *new.series]) if given is None else given
    equal = equal_weights(old, new)
    both = {key: _mode(key, old, new, equal) for key in old.series if key in new.series}
    both = {key: mode for key, mode in both.items() if mode == "paired" or key.metric not in PAIRED}
    # By intervals each number is asked twice: for its states and for its value.
    asked = 2 * sum(mode == "by intervals" for mode in both.values())
    alpha = (1 - CONFIDENCE) / max(asked, 1)
    found, sides = _weights(old, new), (_Side(old), _Side(new))
    for key, before in old.series.items():
        if key not in new.series:
            found.append(_missing(key, before, sides[1]))
        elif key not in both:
            continue
        elif both[key] == "paired":
            seeds = equal[key.cell, key.init]
            found.append(paired(key, before, new.series[key], seeds, limit_of(key, known)))
        else:
            found.append(by_intervals(key, before, new.series[key], limit_of(key, known), alpha))
    return found + [
        _added(key, after, sides[0]) for key, after in new.series.items() if key not in old.series
    ]


class _Side:
    """What one side has, where the other has a number that it has not."""

    def __init__(self, numbers: Numbers) -> None:
        self.points = {key[1:5] for key in numbers.series}
        self.metrics = {key.metric for key in numbers.series}
        self.columns = {key.column for key in numbers.series}

    def has(self, key: Key) -> bool:
        """Whether the point of a number is there, if not the number."""
        return key[1:5] in self.points

    def why(self, key: Key) -> str:
        """What is known of a number that is not there, though its point is."""
        if key.metric in self.metrics:
            return "undefined"
        # An entry of a column that was cut shorter, or one that no network has a value of.
        return "without a value" if key.column in self.columns else "not measured"


def _not_comparable(old: Numbers, new: Numbers, same: tuple[str, ...]) -> Finding | None:
    """Why nothing can be compared; None if something can."""
    text = "both sides measured the same thing"
    if names := different(old, new, same):
        each = [
            f"{name} was {shown(old.settings.get(name))}, is {shown(new.settings.get(name))}"
            for name in names
        ]
        said = f"nothing compared: the settings differ: {'; '.join(each)}"
        return Finding("settings", text, "inconclusive", "settings", {}, None, "equal settings", said)
    if not old.series.keys() & new.series.keys():
        said = f"nothing compared: {_extent(old)} before, {_extent(new)} now, no number is on both sides"
        return Finding("grid", text, "inconclusive", "grid", {}, None, "a common point of the grid", said)
    return None


def _extent(side: Numbers) -> str:
    """What a side's grid holds."""
    if not side.series:
        return "no numbers"
    parts = []
    for name in ("cell", "init", "w_rec", "T"):
        values = list(dict.fromkeys(getattr(key, name) for key in side.series))
        more = f" and {len(values) - 3} more" if len(values) > 3 else ""
        parts.append(
            f"{name} {', '.join(shown(v) if isinstance(v, str) else f'{v:g}' for v in values[:3])}{more}"
        )
    return "; ".join(parts)


def _mode(key: Key, old: Numbers, new: Numbers, equal: Mapping[tuple[str, str], list[int]]) -> Mode:
    """Seed by seed, if a network is on both sides and rounding cannot have sent it another way."""
    before, after = old.series[key], new.series[key]
    seeds = [s for s in equal.get((key.cell, key.init), []) if s in before.values and s in after.values]
    wild = (before.chaotic or after.chaotic) and not same_machine(old, new)
    return "paired" if seeds and not wild else "by intervals"


def _weights(old: Numbers, new: Numbers) -> list[Change]:
    """One finding a cell whose weights are others, although the seeds are the same.

    A given network has the weights that it has, whatever sequences it has read.
    """
    drawn_otherwise = bool(different(old, new, DRAWN))
    found = []
    for cell, digests in old.weights.items():
        now = new.weights.get(cell, {})
        both = [name for name in digests if name in now]
        if drawn_otherwise and not _is_given(both):
            continue
        if other := [name for name in both if now[name] != digests[name]]:
            status, why = _why(old, new, cell, other)
            text = "the same seeds draw the same weights"
            said = f"{shown(cell)}: {len(other)} of {len(both)} networks drew other weights; {why}"
            if _is_given(other):
                text = "the network has the weights that it had"
                said = f"{shown(cell)}: the network has other weights; {why}"
            where = {"cell": cell}
            digest = "equal digests of the weights"
            about = f"weights {place(where)}"
            found.append(_change(Finding(about, text, status, "weights", where, None, digest, said)))
    return found


def _why(old: Numbers, new: Numbers, cell: str, other: Sequence[str]) -> tuple[Status, str]:
    """What it means that some networks of a cell have other digests."""
    if all(alike(old, new, cell, name) for name in other):
        known = "" if different(old, new, GIVEN_BY) else ", and compared seed by seed"
        return "note", f"all parameters agree to 1e-5: rounded otherwise{known}"
    if words := _changed(old, new, cell, other):
        return "failed", f"their other parameters are what they were, so this was changed: {words}"
    if _is_given(other):
        return "failed", "nobody draws them, so it is another network"
    if same_machine(old, new):
        return "failed", "versions and machine are the same, so what draws them has changed"
    return "note", "other versions or another machine drew them; they are compared by intervals"


def _changed(old: Numbers, new: Numbers, cell: str, other: Sequence[str]) -> str:
    """The parameters that differ where others were drawn equal; nothing where all were drawn anew.

    Equal are those alone that seeds draw: a bias of zeros is the same in any draw.
    """
    marks, now = old.marks.get(cell, {}), new.marks.get(cell, {})
    alongs: dict[str, set[float]] = {}
    for each in marks.values():
        for leaf, (_, along) in each.items():
            alongs.setdefault(leaf, set()).add(round(along, 4))
    drawn = {leaf for leaf, several in alongs.items() if len(several) > 1 or _is_given(other)}
    found: dict[str, str] = {}
    for name in other:
        before, after = marks.get(name, {}), now.get(name, {})
        differ = unlike(before, after)
        # Two draws have neither a parameter in common nor one that is a multiple of the other.
        if any(leaf in before and differ.get(leaf, 1.0) is not None for leaf in drawn):
            for leaf, factor in differ.items():
                changed = f"is {factor:.6g} times what it was" if factor else "has other values"
                found[leaf] = f"{leaf} {changed}"
    return "; ".join(found.values())


def _is_given(names: Sequence[str]) -> bool:
    """Whether these are one given network on several sequences, and nothing that was drawn."""
    return all(name.startswith("given/") for name in names)


def _change(found: Finding) -> Change:
    return Change(found, None, math.nan, math.nan, math.inf)


def _missing(key: Key, before: BySeed, there: _Side) -> Change:
    """What only the old side has."""
    was = _said(before)
    wanted = f"a value; it was {was}" if before.numbers else f"the same; it was {was}"
    now = "there is no such point now"
    if there.has(key):
        now = f"it is {there.why(key)} now"
    head = f"missing; it was {was} before and" if before.numbers else f"{was} before;"
    found = finding(key, "failed", math.nan, wanted, f"{key}: {head} {now}")
    return Change(found, None, before.mean, math.nan, math.inf)


def _added(key: Key, after: BySeed, there: _Side) -> Change:
    """What only the new side has."""
    was = "there was no such point before"
    if there.has(key):
        was = f"it was {there.why(key)} before"
    head = "new" if after.numbers else _said(after)
    said = f"{key}: {head}; {was}, so there is nothing to compare it with"
    return Change(
        finding(key, "note", after.mean, "nothing: it is new", said), None, math.nan, after.mean, math.inf
    )


def _said(series: BySeed) -> str:
    """The mean of the seeds that have a number, or why none has."""
    return f"{series.mean:.6g}" if series.numbers else ", ".join(sorted({*series.states}))
