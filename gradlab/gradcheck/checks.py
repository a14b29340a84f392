"""Reverse mode against every other way, at every length, point and scale of the inputs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradlab.gradcheck import directional, locating, methods
from gradlab.gradcheck.bench import Bench
from gradlab.gradcheck.compare import Check, Tolerance, compare, worst
from gradlab.gradcheck.directional import Quotients
from gradlab.gradcheck.methods import Case, Vector

WAYS = ("differences", "forward", "loop", "padded", "backpropagate")
"""What reverse mode is compared with."""

Given = Callable[[Case, int], tuple[Any, Any, Callable[[Any], Any], Callable[[Any], Any]]]
"""By case and length: dL/dparams and dL/dstate_t (or None), and how each becomes real numbers."""
Found = dict[tuple[int, int], Any]
"""By case and length."""


def all_ways(bench: Bench, ways: Sequence[str]) -> list[Check]:
    """Reverse mode, which is the middle of every comparison, against each of the ways; by length."""
    return _worst(bench, [*_along(bench, ways), *_entire(bench, ways)])


def _worst(bench: Bench, checks: Sequence[Check]) -> list[Check]:
    """One check per comparison and length, with the step that is wrong."""
    found: dict[tuple[str, int], list[Check]] = {}
    for check in checks:
        found.setdefault((check.name, check.T), []).append(check)
    names = list(dict.fromkeys(name for name, _ in found))
    locator = _Locator(bench)
    keys = sorted(found, key=lambda key: (bench.lengths.index(key[1]), names.index(key[0])))
    return [locator.located(worst(found[key])) for key in keys]


def layers(bench: Bench) -> list[Check]:
    """Two layers against forward mode and differences; a surrogate against the Python loop, too."""
    ways = ("differences", "forward", "loop") if bench.surrogate else ("differences", "forward")
    kept = [check for check in all_ways(bench, ways) if check.name != "forward = differences"]
    return [check._replace(name=f"layers = {check.name.partition(' = ')[2]}") for check in kept]


def _along(bench: Bench, ways: Sequence[str]) -> Iterator[Check]:
    """Forward mode and differences, along directions."""
    forward, note = _forward(bench) if "forward" in ways else ({}, "")
    quotients = _differences(bench) if "differences" in ways else {}
    for T, k in ((T, k) for T in bench.lengths for k in range(len(bench.cases))):
        reverse = bench.directions(k).along(bench.reverse[k][T].gradient)
        if (k, T) in quotients:
            true = quotients[k, T]
            yield _by_differences(bench, "reverse = differences", k, T, reverse, true)
        if (k, T) in forward:
            yield _by_forward(bench, "reverse = forward", k, T, reverse, forward[k, T], quotients.get((k, T)))
        elif "forward" in ways:
            yield bench.placed(k, Check("reverse = forward", T, float("nan"), "none", note=note))
        if (k, T) in forward and (k, T) in quotients:
            pair = forward[k, T], quotients[k, T]
            yield _by_differences(bench, "forward = differences", k, T, *pair)


def _by_forward(
    bench: Bench, name: str, k: int, T: int, trial: Vector, true: Vector, quotients: Quotients | None
) -> Check:
    """Against forward mode; what it cannot tell is not judged.

    That is NaN where a rule of the step avoids it, and one of two slopes exactly at a kink.
    """
    along = bench.directions(k)
    if quotients is not None:
        true = np.where(quotients.kink, np.nan, true)
    allowed = bench.exact(k, T, along)
    blind = np.where(np.isfinite(true), allowed.absolute, np.inf)
    allowed = allowed._replace(absolute=blind)
    return bench.placed(k, compare(name, T, trial, true, along.group, bench.groups, allowed))


def _by_differences(bench: Bench, name: str, k: int, T: int, trial: Vector, true: Quotients) -> Check:
    """Against differences; to be far from the derivative is no fault where it is declared."""
    allowed = bench.by_differences(k, T, true)
    of = bench.directions(k).group
    check = bench.placed(k, compare(name, T, trial, true.value, of, bench.groups, allowed))
    if not (bench.surrogate and check.result == "WRONG"):
        return check
    return check._replace(result="declared", note="differs on purpose")


def _forward(bench: Bench) -> tuple[Found, str]:
    """Forward mode through the step's own arithmetic, or through its rules; or none, and why not.

    A surrogate shares its rules with reverse mode: then they are what is compared.
    """
    note = ""
    for run in (bench.run,) if bench.surrogate else (bench.bare, bench.run):
        program = directional.forward(run, bench.longest)
        try:
            return {
                (k, T): bench.told(program(case, T, bench.directions(k)))
                for k, (_, case) in enumerate(bench.cases)
                for T in bench.lengths
            }, ""
        except (TypeError, ValueError, NotImplementedError) as error:
            note = note or f"no forward mode: {str(error).splitlines()[0]}"
    if not bench.surrogate:
        bench.left_out.append("forward mode")
    return {}, note


def _differences(bench: Bench) -> dict[tuple[int, int], Quotients]:
    program = directional.differences(bench.run, bench.longest)

    def one(k: int, T: int) -> Quotients:
        found = bench.reverse[k][T]
        noise = 4 * (bench.unit * abs(found.value) + found.shaken_value)
        return program(bench.cases[k][1], T, bench.directions(k), noise)

    return {(k, T): bench.told(one(k, T)) for k in range(len(bench.cases)) for T in bench.lengths}


def _entire(bench: Bench, ways: Sequence[str]) -> Iterator[Check]:
    """The ways that give every entry of the gradient."""

    def check(name: str, k: int, T: int, found: Vector) -> Check:
        known = found.size
        allowed = bench.exact(k, T)
        allowed = Tolerance(allowed.relative, np.asarray(allowed.absolute)[:known])
        own, of = bench.reverse[k][T].gradient[:known], bench.groups.of[:known]
        return bench.placed(k, compare(name, T, own, found, of, bench.groups, allowed))

    if "loop" in ways:
        by_loop = methods.looped(bench.run, bench.longest)
        for k, (_, case) in enumerate(bench.cases):
            yield from (check("scan = loop", k, T, bench.told(by_loop(case, T))) for T in bench.lengths)
    if "padded" in ways:
        by_batch = methods.padded(bench.run, bench.longest, bench.lengths)
        for point in dict.fromkeys(place.point for place, _ in bench.cases):
            which = [k for k, (place, _) in enumerate(bench.cases) if place.point == point]
            batch = by_batch([bench.cases[k][1] for k in which])
            for k, found in zip(which, batch, strict=True):
                yield from (check("alone = padded", k, T, bench.told(found[T])) for T in bench.lengths)
    if "backpropagate" in ways:
        by_backpropagation = methods.sent_back(bench.run, bench.longest)
        for k, (_, case) in enumerate(bench.cases):
            for T in bench.lengths:
                sent = bench.told(by_backpropagation(case, T))
                yield _clipped(bench, check("autodiff = backpropagate", k, T, sent), case)


def _clipped(bench: Bench, check: Check, case: Case) -> Check:
    """The check of gradlab's own backward pass, which sends numbers near 1 back and their exponent apart.

    A declared backward pass that clips what comes back, say, is another one at that scale.
    """
    if not (bench.surrogate and check.result == "WRONG") or methods.proportional(bench.run, case):
        return check
    note = "the backward pass is not proportional to what it gets; gradlab measures it at another scale"
    return check._replace(result="declared", note=note)


class _Locator:
    """Names the first wrong step of a parameter's gradient: each step has its own part of it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._own = methods.by_step(bench.run, bench.longest)
        self._true = methods.by_step(bench.bare, bench.longest)

    def located(self, check: Check) -> Check:
        """The check with the step, where reverse mode is off in a parameter and its parts can be had."""
        if check.result != "WRONG" or not check.parameter or not check.name.startswith("reverse"):
            return check
        case = self._bench.cases[self._bench.index(check)][1]
        here = self.of(check.parameter)
        try:
            own, true = (parts(case, check.T)[:, here] for parts in (self._own, self._true))
        except (TypeError, ValueError, NotImplementedError):
            return check
        shape = self._bench.groups.shapes[self._bench.groups.names.index(check.parameter)]
        return locating.from_parts(check, own, true, shape)

    def of(self, parameter: str) -> Any:
        """The entries of a parameter."""
        bench = self._bench
        return np.flatnonzero(bench.groups.of[: bench.parameters] == bench.groups.names.index(parameter))

    def parts(self, case: Case, T: int) -> Vector:
        """The right part of each step."""
        return self._true(case, T)[:T]


def given(bench: Bench, gradient: Given, require: Callable[[Any, Any, int], None]) -> list[Check]:
    """The gradient under test against forward mode and differences."""
    forward, _ = _forward(bench)
    quotients = _differences(bench)
    locator = _Locator(bench)
    checks = []
    for T, k in ((T, k) for T in bench.lengths for k in range(len(bench.cases))):
        case, along = bench.cases[k][1], bench.directions(k)
        theirs = _filled(bench, *gradient(case, T), T=T, require=require)
        trial = along.along(theirs)
        true = quotients[k, T]
        blind = true._replace(error=np.where(np.isnan(trial), np.inf, true.error))
        pairs = [_by_differences(bench, "given = differences", k, T, trial, blind)]
        if forward:
            seen = np.where(np.isnan(trial), np.nan, forward[k, T])
            pairs.append(_by_forward(bench, "given = forward", k, T, trial, seen, true))
        for check in pairs:
            if check.result == "WRONG" and check.parameter and not check.step:
                here = locator.of(check.parameter)
                parts = locator.parts(case, T)[:, here]
                check = locating.from_sum(check, theirs[here] - parts.sum(axis=0), parts)
            checks.append(check)
    return _worst(bench, checks)


def _filled(
    bench: Bench,
    of_params: Any,
    of_states: Any,
    params: Callable[[Any], Any],
    states: Callable[[Any], Any],
    T: int,
    require: Callable[[Any, Any, int], None],
) -> Vector:
    """A given gradient in the order of a point; NaN where none was given."""
    require(of_params, of_states, T)
    at = methods.point(bench.cases[0][1], bench.longest)

    def blank(tree: Any) -> dict[str, Any]:
        return {path: np.full(np.shape(leaf), np.nan) for path, leaf in tree.items()}

    def longer(leaf: Any, full: Any) -> Any:
        return np.concatenate([leaf, np.zeros_like(full[T + 1 :])])

    known = {} if of_states is None else states(of_states)
    nudges = {path: longer(known[path], leaf) for path, leaf in at.nudges.items()} if known else None
    own = blank(at.params) if of_params is None else params(of_params)
    return methods.flat((own, nudges or blank(at.nudges), blank(at.inputs)))
