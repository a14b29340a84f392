"""Whether two gradients agree, and where they do not: by parameter and by step."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.gradcheck.directions import Groups
from gradlab.gradcheck.methods import Vector

FLOOR = 1e-3
"""A part this far below the largest one is judged on a scale of FLOOR times the largest."""
ROUGH = 1e-2
"""Two gradients that may differ by more than this, relative, for rounding alone are not compared."""


class Check(NamedTuple):
    """One comparison of two gradients."""

    name: str
    T: int
    error: float
    """The largest difference, relative to the largest entry of the same parameter or step."""
    result: Literal["ok", "WRONG", "declared", "none"]
    """`declared`: differs on purpose. `none`: there is nothing to compare, and `note` says why."""
    parameter: str = ""
    """The parameter that is furthest off, by path; a gate of it by index and name."""
    others: int = 0
    """How many other parameters are wrong."""
    step: int = 0
    """The wrong step that a backward pass comes to first, 1..T; 0 if no step is known to be wrong."""
    note: str = ""
    limit: float = float("nan")
    """The largest error that would have passed: of any parameter, step and case, or where it is wrong."""
    scale: float = 1.0
    """The scale of the inputs at which this error was found."""
    point: int = 1
    """The number of the point (parameters, state, inputs) at which it was found."""
    off: int = 0
    """In how many of the cases (scales times points) it is wrong, or differs on purpose."""
    cases: int = 1

    @property
    def where(self) -> str:
        """What is wrong, in words."""
        parameter = f"{self.parameter} (+{self.others})" if self.others else self.parameter
        step = f"step {self.step}" if self.step else ""
        words = [parameter, step, self.note]
        if self.result in ("WRONG", "declared") and self.off < self.cases:
            words.append(f"input scale {self.scale:g}, point {self.point}; {self.off} of {self.cases} cases")
        return ", ".join(filter(None, words))


class Tolerance(NamedTuple):
    """By how much two gradients may differ."""

    relative: float
    """To the largest entry of the parameter or step."""
    absolute: Vector | float = 0.0
    """Beside that, of each entry or direction; infinite where there is nothing to compare."""


def compare(
    name: str, T: int, a: Vector, b: Vector, of: NDArray[np.int64], groups: Groups, tolerance: Tolerance
) -> Check:
    """The check of two gradients, whose numbers belong to the groups `of`.

    Of two numbers that belong to a group whose largest is m, the difference may be
    `relative * max(m, FLOOR * the largest m) + absolute`; parameters, states and inputs each by themselves.
    """
    count = groups.bounds[2]
    known = np.isfinite(np.broadcast_to(tolerance.absolute, a.shape))
    if not known.any():
        return Check(name, T, float("nan"), "none", note="no two numbers can be compared")
    a, b, of = a[known], b[known], of[known]
    absolute = np.broadcast_to(tolerance.absolute, known.shape)[known]
    with np.errstate(invalid="ignore"):
        gap, size = np.abs(a - b), np.zeros(count)
    np.maximum.at(size, of, np.fmax(np.abs(a), np.abs(b)))
    scale = np.zeros(count)
    for start, end in zip((0, *groups.bounds), groups.bounds, strict=False):
        scale[start:end] = np.maximum(size[start:end], FLOOR * size[start:end].max(initial=0))
    allowed = tolerance.relative * scale[of] + absolute
    wrong = ~(gap <= allowed)
    error, limit = (_relative(part, scale[of]) for part in (gap, allowed))
    if not wrong.any():
        largest = float(limit.max(initial=0))
        if largest > ROUGH:
            note = f"rounding alone may be {largest:.0e}"
            return Check(name, T, float(error.max()), "none", note=note, limit=largest)
        return Check(name, T, float(error.max()), "ok", limit=largest)
    worst = np.zeros(count)
    np.maximum.at(worst, of[wrong], error[wrong])
    return _wrong(
        Check(name, T, float(error[wrong].max()), "WRONG", limit=float(limit[wrong].max())), worst, groups
    )


def _wrong(check: Check, worst: Vector, groups: Groups) -> Check:
    """The check with the names of what is wrong."""
    own = groups.bounds[0]
    bad, late = np.flatnonzero(worst[:own]), own + np.flatnonzero(worst[own:])
    step = max((min(groups.step(int(group)), check.T) for group in late), default=0)
    states = late[late < groups.bounds[1]]
    parameter = groups.names[int(worst[:own].argmax())] if bad.size else ""
    note = "the gradient of the inputs" if late.size and not states.size and not bad.size else ""
    return check._replace(parameter=parameter, others=max(bad.size - 1, 0), step=step, note=note)


def _relative(part: Vector, scale: Vector) -> Vector:
    ratio = np.divide(part, scale, out=np.where(part > 0, np.inf, 0.0), where=scale > 0)
    return np.where(np.isnan(ratio), np.inf, ratio)


def worst(checks: list[Check]) -> Check:
    """One check for the cases of one comparison: the worst of them, and in how many it is not `ok`."""
    for result in ("WRONG", "declared", "ok", "none"):
        found = [check for check in checks if check.result == result]
        if found:
            largest = max(found, key=lambda check: check.error)
            off = len(found) if result in ("WRONG", "declared") else 0
            limits = [check.limit for check in found if not np.isnan(check.limit)]
            limit = max(limits, default=float("nan")) if result in ("ok", "none") else largest.limit
            blind = [check for check in checks if check.result == "none"]
            if blind and result == "ok":
                some = f"{len(blind)} of {len(checks)} cases not judged: {blind[0].note}"
                largest = largest._replace(note=some)
            return largest._replace(off=off, cases=len(checks), limit=limit)
    raise ValueError("no checks")
