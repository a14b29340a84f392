"""Is a cell's gradient right? Every way to compute it, against every other, in float64."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import GradlabError
from gradlab.gradcheck import checks as gradcheck_checks
from gradlab.gradcheck import precision
from gradlab.gradcheck.bench import Bench, Place, first
from gradlab.gradcheck.checks import WAYS
from gradlab.gradcheck.compare import Check
from gradlab.gradcheck.methods import Case, Recurrence
from gradlab.gradcheck.real_view import Numbers, RealView, scaled, wide
from gradlab.gradcheck.tried import Tried
from gradlab.recurrence.primal import rules
from gradlab.recurrence.surrogates import declared
from gradlab.types import Step

Tree = Any
Gradient = Callable[[Any, Any, Any], tuple[Any, Any]]

LENGTHS = (1, 2, 17, 41)
SCALES = (0.1, 1.0, 5.0)
"""Of the inputs: the linear part of a unit, the usual, and saturation."""


class Verification(NamedTuple):
    """What was compared, with which result, and what was not."""

    checks: list[Check]
    tried: Tried

    @property
    def wrong(self) -> bool:
        """Whether any comparison failed."""
        return any(check.result == "WRONG" for check in self.checks)

    @property
    def empty(self) -> bool:
        """Whether the gradient met nothing independent of it: neither forward mode nor differences."""
        apart = [check for check in self.checks if check.name.endswith(("= forward", "= differences"))]
        return all(check.result == "none" for check in apart)


def half_square(readout: Any) -> Any:
    """1/2 |y|^2 of a tree y; integers in it do not count."""
    leaves = [leaf for leaf in jax.tree.leaves(readout) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    if not leaves:
        raise GradlabError("readout", "holds no floating-point array; a loss needs something to read")
    return jnp.stack([jnp.sum(jnp.real(leaf * jnp.conj(leaf))) / 2 for leaf in leaves]).sum()


def verify(
    step: Step,
    params: Tree,
    state: Tree,
    xs: Tree,
    *,
    readout: Callable[[Any], Any] = lambda state: state,
    loss: Callable[[Any], Any] = half_square,
    gradient: Gradient | None = None,
    above: tuple[Tree, Tree] | None = None,
    gates: tuple[str, ...] = (),
    lengths: Sequence[int] = LENGTHS,
    scales: Sequence[float] = SCALES,
    points: Sequence[tuple[Tree, Tree, Tree]] = (),
    ways: Sequence[str] = WAYS,
    surrogate: bool | None = None,
    report: Callable[[], None] = lambda: None,
) -> Verification:
    """Compare the gradient of L = sum_{t=1..T} loss(readout(state_t)), computed in every way there is.

    scan = loop             one compiled scan, and a Python loop over the steps
    reverse = forward       the chain rule from the last step back, and from the first step on through the
                            step's own arithmetic: no derivative rule or `stop_gradient` has a say in it
    reverse = differences   (L(p + h) - L(p - h)) / 2h as h falls; `forward = differences` likewise
    alone = padded          each sequence alone, and a batch of different ones, padded and masked
    autodiff = backpropagate  gradlab's own backward pass, which the probes use, with a traced length
    float64 throughout      no operation of the backward pass has a narrower result than its arguments
    layers = ...            one on top of the other; only if `above` is given
    given = ...             the `gradient` under test; only if given

    Each comparison is made at every length, at every point, with the inputs at every scale, by single
    entries and by random directions that see all entries. Two exact ways may differ by 1e-11 of the
    largest entry of a parameter, differences by 1e-9, and both by what rounding does at that point: the
    `limit` of a check says by how much in all.

    Args:
      step: `(params, state, x) -> state`, perhaps with a derivative of its own (`jax.custom_vjp`).
      params: a pytree; what is not a floating-point or complex array is left alone.
      state: the initial state, best away from zero; integers and keys in it are carried along.
      xs: inputs, shape (T, ...); at least as many steps as the longest of `lengths`.
      readout: the part of the state that the loss reads.
      loss: a number from the readout of one step; by default half its squares.
      gradient: a hand-written gradient of L, `(params, state, xs) -> (dL/dparams, dL/dstate_t)`: the
        second stacked over t = 0..T, with the initial state first. Either may be None, if not computed.
      above: params and state of a second layer, whose inputs are the readouts of the first.
      gates: names of the leading axis of those parameters that have one entry per gate.
      lengths: sequence lengths to try.
      scales: what to multiply the inputs with.
      points: more (params, state, xs) of the same form to try.
      ways: what to compare reverse mode with, of `WAYS`.
      surrogate: the backward pass differs from the derivative on purpose; forward mode then follows the
        step's own rules, and differences from the derivative are `declared`. By default what
        `gradlab.surrogate` or the cell's own fact says.
      report: called whenever one of the ways is done for a case at a length.

    Returns:
      One `Check` a comparison and length, the worst of all cases, and what has been tried.

    Raises:
      GradlabError: if there is nothing to differentiate, or the loss is not finite.
    """
    on_purpose = declared(step) if surrogate is None else surrogate
    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        params, state, xs = (wide(tree) for tree in (params, state, xs))
        _require(state, xs, max(lengths))
        views = Views(
            RealView(params, "params", carried=False),
            RealView(state, "state", carried=True),
            RealView(jax.tree.map(lambda leaf: leaf[0], xs), "x", carried=True),
        )
        run = views.recurrence(step, lambda state: loss(readout(state)))
        cases = _cases(views, [(params, state, xs), *points], scales, max(lengths))
        bench = Bench(run, cases, gates, lengths, on_purpose, report)
        checks = [*gradcheck_checks.all_ways(bench, ways), *_precision(run, cases[0][1])] if ways else []
        if gradient is not None:
            checks += gradcheck_checks.given(bench, _native(gradient, views), views.expected(params, state))
        if above is not None:
            upper, layers = _two_layers(views, step, readout, loss, above, cases)
            checks += gradcheck_checks.layers(Bench(upper, layers, gates, [max(lengths)], on_purpose))
        found = rules(run.step, *first(cases[0][1]))
        return Verification(checks, _tried(bench, found, scales, 1 + len(points), above is not None))


class Views(NamedTuple):
    """Parameters, state and the input of one step as real numbers."""

    params: RealView
    state: RealView
    x: RealView

    def recurrence(self, step: Step, term: Callable[[Any], Any]) -> Recurrence:
        """The step and a term of L on real numbers."""

        def real(params: Numbers, state: Numbers, x: Numbers) -> Numbers:
            after = step(self.params.tree(params), self.state.tree(state), self.x.tree(x))
            return self.state.numbers(after, like_first=True)

        return Recurrence(real, lambda state: term(self.state.tree(state)))

    def case(self, params: Tree, state: Tree, xs: Tree) -> Case:
        """A network, its start and its inputs as real numbers."""
        return Case(self.params.numbers(params), self.state.numbers(state), self.x.numbers(xs))

    def expected(self, params: Tree, state: Tree) -> Callable[[Any, Any, int], None]:
        """Raise a `GradlabError` unless a given gradient has the form of the params and of the states."""

        def require(of_params: Tree, of_states: Tree, T: int) -> None:
            states = jax.tree.map(lambda leaf: np.broadcast_to(0, (T + 1, *np.shape(leaf))), state)
            for name, ours, theirs in (
                ("dL/dparams", params, of_params),
                ("dL/dstate_t", states, of_states),
            ):
                if theirs is not None and _shapes(ours) != _shapes(theirs):
                    what = f"gives {name} of {_shapes(theirs)}; it should be {_shapes(ours)}"
                    raise GradlabError("gradient", what)

        return require


def _cases(
    views: Views, points: Sequence[tuple[Tree, Tree, Tree]], scales: Sequence[float], longest: int
) -> list[tuple[Place, Case]]:
    """Every point with its inputs at every scale; the first point as it is, or nearest to it, comes first."""
    found = []
    order = sorted(scales, key=lambda scale: abs(np.log(scale)))
    for number, point in enumerate(points, start=1):
        params, state, xs = (wide(tree) for tree in point)
        cut = jax.tree.map(lambda leaf: leaf[:longest], xs)
        for scale in order:
            try:
                case = views.case(params, state, scaled(cut, scale))
            except TypeError as error:
                raise GradlabError("points", f"point {number} is of another form than the first") from error
            found.append((Place(scale, number), case))
    return found


def _precision(run: Recurrence, case: Case) -> list[Check]:
    """Whether the backward pass of one step stays in float64."""
    one = lambda *parts: run.term(run.step(*parts))
    own = precision.of_function(one, *first(case))
    name, ok = "float64 throughout", float(np.finfo(np.float64).eps)
    if own:
        note = f"the step itself is narrower, and so its backward pass: {own[0].what}"
        return [Check(name, 1, own[0].unit, "none", note=note, limit=ok)]
    found = precision.of_backward(one, *first(case))
    if found:
        worst = max(found, key=lambda narrowing: narrowing.unit)
        note = "; ".join(f"backward: {narrowing.what}" for narrowing in found)
        return [Check(name, 1, worst.unit, "WRONG", note=note, limit=ok, off=1)]
    return [Check(name, 1, 0.0, "ok", limit=ok)]


def _native(gradient: Gradient, views: Views) -> gradcheck_checks.Given:
    """The gradient under test on real numbers."""

    def found(case: Case, T: int) -> tuple[Any, Any, Callable[[Any], Any], Callable[[Any], Any]]:
        xs = jax.tree.map(lambda leaf: leaf[:T], case.xs)
        parts = gradient(views.params.tree(case.params), views.state.tree(case.state), views.x.tree(xs))
        return *parts, views.params.gradient, views.state.gradient

    return found


def _two_layers(
    below: Views,
    step: Step,
    readout: Callable[[Any], Any],
    loss: Callable[[Any], Any],
    above: tuple[Tree, Tree],
    cases: Sequence[tuple[Place, Case]],
) -> tuple[Recurrence, list[tuple[Place, Case]]]:
    """One layer on top of the other, at the first point."""
    params, state = (wide(tree) for tree in above)
    upper = RealView(params, "params", carried=False), RealView(state, "state", carried=True)
    own = below.recurrence(step, lambda state: loss(readout(state)))

    def both(params: Numbers, states: Numbers, x: Numbers) -> Numbers:
        under = own.step(_layer(params, 1), _layer(states, 1), x)
        seen = readout(below.state.tree(under))
        second = step(upper[0].tree(_layer(params, 2)), upper[1].tree(_layer(states, 2)), seen)
        return _stack(under, upper[1].numbers(second, like_first=True))

    run = Recurrence(both, lambda states: loss(readout(upper[1].tree(_layer(states, 2)))))
    layers = [
        (
            place,
            Case(
                _stack(case.params, upper[0].numbers(params)),
                _stack(case.state, upper[1].numbers(state)),
                case.xs,
            ),
        )
        for place, case in cases
        if place.point == 1
    ]
    return run, layers


def _stack(first: Numbers, second: Numbers) -> Numbers:
    both = ((1, first), (2, second))
    return {f"layer {k}/{path}": leaf for k, numbers in both for path, leaf in numbers.items()}


def _layer(numbers: Numbers, k: int) -> Numbers:
    head = f"layer {k}/"
    return {path.removeprefix(head): leaf for path, leaf in numbers.items() if path.startswith(head)}


def _tried(bench: Bench, found: tuple[str, ...], scales: Sequence[float], points: int, two: bool) -> Tried:
    largest = max(
        (float(np.abs(leaf).max(initial=0)) for _, case in bench.cases for leaf in case.xs.values()),
        default=0.0,
    )
    return Tried(
        tuple(bench.lengths),
        tuple(scales),
        points,
        largest,
        bench.main.size - bench.inputs,
        bench.main.entries,
        found,
        bench.surrogate,
        tuple(bench.left_out),
        two,
    )


def _shapes(tree: Tree) -> str:
    return str(jax.tree.map(lambda leaf: list(np.shape(leaf)), tree))


def _require(state: Tree, xs: Tree, longest: int) -> None:
    """Refuse what has no gradient."""
    if not any(jnp.issubdtype(leaf.dtype, jnp.inexact) for leaf in jax.tree.leaves(state)):
        kinds = ", ".join(sorted({str(leaf.dtype) for leaf in jax.tree.leaves(state)})) or "no"
        raise GradlabError("state", f"holds {kinds} numbers only; a gradient needs floating-point ones")
    steps = min((len(leaf) for leaf in jax.tree.leaves(xs)), default=0)
    if steps < longest:
        raise GradlabError("xs", f"has {steps} steps; lengths ask for {longest}")
