"""Reverse mode against every other way, at every length, point and scale of the inputs."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import gradient_precision, gradients, locating
from gradlab.directions import Directions, groups
from gradlab.gradients import Case, Point, Quotients, Recurrence, Reverse, Vector
from gradlab.judging import Check, Tolerance, compare, worst
from gradlab.primal import primal
from gradlab.status import GradlabError

WAYS = ("differences", "forward", "loop", "padded", "send_back")
"""What reverse mode is compared with."""
EXACT, BY_DIFFERENCES = 1e-11, 1e-9
"""What two ways may differ by, relative: rounding alone, or what difference quotients settle to."""
SHAKEN = 50
"""A gradient may be off by so many times what one more rounding of all numbers did to it."""
ABSOLUTE = 16
"""And by so many rounding errors of the largest gradient of all cases: a saturated unit loses that."""
LOOPED = 20
"""The longest sequence that the Python loop goes through, unless there is no shorter one."""
EPS = float(np.finfo(np.float64).eps)

Given = Callable[[Case, int], tuple[Any, Any, Callable[[Any], Any], Callable[[Any], Any]]]
"""By case and length: dL/dparams and dL/dstate_t (or None), and how each becomes real numbers."""


class Place(NamedTuple):
    """Which case it is."""

    scale: float
    point: int


def first(case: Case) -> tuple[Any, Any, Any]:
    """Parameters, state and the first input: what one step takes."""
    return case.params, case.state, jax.tree.map(lambda leaf: leaf[0], case.xs)


class Bench:
    """A recurrence, the cases to try it in, and reverse mode in each of them."""

    def __init__(
        self,
        run: Recurrence,
        cases: Sequence[tuple[Place, Case]],
        gates: tuple[str, ...],
        lengths: Sequence[int],
        surrogate: bool,
    ) -> None:
        self.run, self.lengths, self.surrogate = run, list(lengths), surrogate
        self.longest = max(lengths)
        self.looped = [T for T in lengths if T <= LOOPED] or [min(lengths)]
        if not cases[0][1].params:
            raise GradlabError("params", "hold no floating-point array; there is no gradient to check")
        self.bare = run._replace(step=primal(run.step), term=primal(run.term))
        self.left_out: list[str] = []
        at = gradients.point(cases[0][1], self.longest)
        self.groups = groups(at, gates)
        self.main = Directions(self.groups, entries=True)
        self.rest = Directions(self.groups, entries=False)
        self.unit = self._unit(cases[0][1])
        self.cases: list[tuple[Place, Case]] = []
        self.reverse: list[dict[int, Reverse]] = []
        self._reverse(cases)
        self.parameters = sum(int(leaf.size) for leaf in at.params.values())
        self.inputs = sum(int(leaf.size) for leaf in at.inputs.values())
        self._forward_note: str | None = None

    def _unit(self, case: Case) -> float:
        """The rounding error of the precision that a step computes in."""
        one = lambda *parts: self.run.term(self.run.step(*parts))
        own = _differentiable(lambda: gradient_precision.of_function(one, *first(case)))
        return max([EPS, *(narrowing.unit for narrowing in own)])

    def _reverse(self, cases: Sequence[tuple[Place, Case]]) -> None:
        """Reverse mode in every case; those whose loss is not finite are left out, but never the first."""
        program = gradients.reverse(self.run, self.longest, self.unit)
        for place, case in cases:
            found = {T: _differentiable(lambda T=T, case=case: program(case, T)) for T in self.lengths}
            broken = [T for T, one in found.items() if not np.isfinite(one.value)]
            if broken and not self.cases:
                what = f"gives a loss of {found[broken[0]].value} at T = {broken[0]}"
                raise GradlabError("step", f"{what}; a gradient needs finite numbers")
            if broken:
                self.left_out.append(
                    f"input scale {place.scale:g} at point {place.point}: the loss is not finite"
                )
                continue
            self.cases.append((place, case))
            self.reverse.append(found)

    def directions(self, k: int) -> Directions:
        """Those of case k: entry by entry in the first alone."""
        return self.main if k == 0 else self.rest

    def exact(self, k: int, T: int, along: Directions | None = None) -> Tolerance:
        """By how much two exact gradients of case k may differ: of each entry, or along each direction."""
        shaken = self.reverse[k][T].shaken
        moved = shaken if along is None else along.spread(shaken)
        of = self.groups.of if along is None else along.group
        return Tolerance(EXACT * self.unit / EPS, SHAKEN * moved + self._floor(T)[of])

    def by_differences(self, k: int, T: int, found: Quotients) -> Tolerance:
        """As `exact`, where one of them is made of difference quotients."""
        absolute = self.exact(k, T, self.directions(k)).absolute
        return Tolerance(BY_DIFFERENCES * self.unit / EPS, absolute + 4 * found.error)

    def _floor(self, T: int) -> Vector:
        """By group, the rounding errors of the largest gradient of any case."""
        size = np.zeros(self.groups.bounds[2])
        for found in self.reverse:
            np.maximum.at(size, self.groups.of, np.nan_to_num(np.abs(found[T].gradient), posinf=0.0))
        for start, end in zip((0, *self.groups.bounds), self.groups.bounds, strict=False):
            size[start:end] = size[start:end].max(initial=0)
        return ABSOLUTE * self.unit * size

    def placed(self, k: int, check: Check) -> Check:
        """The check with its case; a difference that is declared is none."""
        place = self.cases[k][0]
        return check._replace(scale=place.scale, point=place.point)

    def index(self, check: Check) -> int:
        """The case that a check was made in."""
        return [place for place, _ in self.cases].index(Place(check.scale, check.point))


def _differentiable(work: Callable[[], Any]) -> Any:
    """What `work` gives; a step that JAX cannot differentiate is refused in one line."""
    try:
        return work()
    except (TypeError, ValueError, NotImplementedError) as error:
        note = str(error).splitlines()[0]
        raise GradlabError("step", f"cannot be differentiated by JAX: {note}; see jax.grad") from error


def all_ways(bench: Bench, ways: Sequence[str]) -> list[Check]:
    """Reverse mode, which is the middle of every comparison, against each of the ways; by length."""
    found: dict[tuple[str, int], list[Check]] = {}
    for check in (*_along(bench, ways), *_entire(bench, ways)):
        found.setdefault((check.name, check.T), []).append(check)
    order = {name: i for i, name in enumerate(dict.fromkeys(name for name, _ in found))}
    located = _Locator(bench)
    keys = sorted(found, key=lambda key: (bench.lengths.index(key[1]), order[key[0]]))
    return [located(worst(found[key])) for key in keys]


def layers(bench: Bench) -> list[Check]:
    """Two layers against forward mode and differences; a surrogate against the Python loop, too."""
    bench.main = bench.rest
    ways = ("differences", "forward", "loop") if bench.surrogate else ("differences", "forward")
    kept = [check for check in all_ways(bench, ways) if check.name != "forward = differences"]
    return [check._replace(name=f"layers = {check.name.partition(' = ')[2]}") for check in kept]


def _along(bench: Bench, ways: Sequence[str]) -> list[Check]:
    """Forward mode and differences, along directions."""
    checks = []
    forward = _forward(bench) if "forward" in ways else {}
    quotients = _differences(bench) if "differences" in ways else {}
    for k, T in ((k, T) for T in bench.lengths for k in range(len(bench.cases))):
        along = bench.directions(k)
        reverse = along.along(bench.reverse[k][T].gradient)
        judge = lambda name, a, b, allowed, along=along, T=T, k=k: bench.placed(
            k, compare(name, T, a, b, along.group, bench.groups, allowed)
        )
        if (k, T) in quotients:
            true = quotients[k, T]
            check = judge("reverse = differences", reverse, true.value, bench.by_differences(k, T, true))
            checks.append(_declared(bench, check))
        if "forward" in ways and (k, T) not in forward:
            note = bench.forward_note
            none = Check("reverse = forward", T, float("nan"), "none", note=note)
            checks.append(bench.placed(k, none))
        elif "forward" in ways:
            allowed = bench.exact(k, T, along)
            checks.append(judge("reverse = forward", reverse, forward[k, T], allowed))
        if (k, T) in forward and (k, T) in quotients:
            allowed = bench.by_differences(k, T, quotients[k, T])
            pair = forward[k, T], quotients[k, T].value
            checks.append(_declared(bench, judge("forward = differences", *pair, allowed)))
    return checks


def _declared(bench: Bench, check: Check) -> Check:
    """A difference from the derivative is no fault where it is declared."""
    if not (bench.surrogate and check.result == "WRONG"):
        return check
    return check._replace(result="declared", note=check.note or "differs on purpose")
