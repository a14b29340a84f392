"""A recurrence in several cases: reverse mode in each, and by how much another way may differ."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from gradlab.errors import GradlabError
from gradlab.gradcheck import methods, precision
from gradlab.gradcheck.compare import Check, Tolerance
from gradlab.gradcheck.directional import Quotients
from gradlab.gradcheck.directions import Directions, groups
from gradlab.gradcheck.methods import Case, Recurrence, Reverse, Vector
from gradlab.recurrence.primal import primal

EXACT, BY_DIFFERENCES = 1e-11, 1e-9
"""What two ways may differ by, relative: rounding alone, or what difference quotients settle to."""
SHAKEN = 50
"""A gradient may be off by so many times what one more rounding of all numbers did to it."""
ABSOLUTE = 16
"""And by so many rounding errors of the largest gradient of all cases: a saturated unit loses that."""
EPS = float(np.finfo(np.float64).eps)

Result = TypeVar("Result")


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
        report: Callable[[], None] = lambda: None,
    ) -> None:
        self.run, self.lengths, self.surrogate, self.report = run, list(lengths), surrogate, report
        self.longest = max(lengths)
        if not cases[0][1].params:
            raise GradlabError("params", "hold no floating-point array; there is no gradient to check")
        self.bare = run._replace(step=primal(run.step), term=primal(run.term))
        self.left_out: list[str] = []
        at = methods.point(cases[0][1], self.longest)
        self.groups = groups(at, gates)
        self.main = Directions(self.groups, entries=True)
        self.rest = Directions(self.groups, entries=False)
        self.unit = self._unit(cases[0][1])
        self.cases: list[tuple[Place, Case]] = []
        self.reverse: list[dict[int, Reverse]] = []
        self._floors: dict[tuple[float, int], Vector] = {}
        self._reverse(cases)
        self.parameters = sum(int(leaf.size) for leaf in at.params.values())
        self.inputs = sum(int(leaf.size) for leaf in at.inputs.values())

    def _unit(self, case: Case) -> float:
        """The rounding error of the precision that a step computes in."""
        one = lambda *parts: self.run.term(self.run.step(*parts))
        own = _differentiable(lambda: precision.of_function(one, *first(case)))
        return max((float(narrowing.unit) for narrowing in own), default=EPS)

    def _reverse(self, cases: Sequence[tuple[Place, Case]]) -> None:
        """Reverse mode in every case; those whose loss is not finite are left out, but never the first."""
        program = methods.reverse(self.run, self.longest, self.unit)
        for place, case in cases:
            found = {T: self.told(_differentiable(functools.partial(program, case, T))) for T in self.lengths}
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

    def told(self, result: Result) -> Result:
        """The result of one case at one length, as it is; whoever waits is told that it is there."""
        self.report()
        return result

    def directions(self, k: int) -> Directions:
        """Those of case k: entry by entry in the first alone."""
        return self.main if k == 0 else self.rest

    def exact(self, k: int, T: int, along: Directions | None = None) -> Tolerance:
        """By how much two exact gradients of case k may differ: of each entry, or along each direction."""
        of = self.groups.of if along is None else along.group
        return Tolerance(EXACT * self.unit / EPS, (SHAKEN * self._shaken(k, T) + self._floor(k, T))[of])

    def _shaken(self, k: int, T: int) -> Vector:
        """By group, the most that rounding did to an entry: one alone may have kept still by chance."""
        found = np.zeros(self.groups.bounds[2])
        np.maximum.at(found, self.groups.of, self.reverse[k][T].shaken)
        return found

    def by_differences(self, k: int, T: int, found: Quotients) -> Tolerance:
        """As `exact`, where one of them is made of difference quotients."""
        absolute = self.exact(k, T, self.directions(k)).absolute
        return Tolerance(BY_DIFFERENCES * self.unit / EPS, absolute + 4 * found.error)

    def _floor(self, k: int, T: int) -> Vector:
        """By group, the rounding errors of the largest gradient of any case whose inputs are no larger."""
        scale = self.cases[k][0].scale
        if (scale, T) not in self._floors:
            size = np.zeros(self.groups.bounds[2])
            for (place, _), found in zip(self.cases, self.reverse, strict=True):
                if place.scale <= scale:
                    own = np.nan_to_num(np.abs(found[T].gradient), posinf=0.0)
                    np.maximum.at(size, self.groups.of, own)
            for start, end in zip((0, *self.groups.bounds), self.groups.bounds, strict=False):
                size[start:end] = size[start:end].max(initial=0)
            self._floors[scale, T] = ABSOLUTE * self.unit * size
        return self._floors[scale, T]

    def placed(self, k: int, check: Check) -> Check:
        """The check with its case."""
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
