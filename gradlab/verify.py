"""Is a cell's gradient right? Every way to compute it, against every other, in float64."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import gradients
from gradlab.gradients import Point, Recurrence, Vector
from gradlab.judging import Check, Judge
from gradlab.status import GradlabError
from gradlab.types import Step

Tree = Any
Gradient = Callable[[Any, Any, Any], tuple[Any, Any]]

LENGTHS = (1, 2, 17)
WAYS = ("differences", "forward", "loop", "padded", "send_back")
"""What reverse mode is compared with."""
EXACT, BY_DIFFERENCES = 1e-11, 1e-6
"""What two ways may differ by, relative: rounding alone, or that of a difference quotient too."""


def half_square(readout: Any) -> Any:
    """1/2 |y|^2 of a tree y."""
    return jnp.stack([jnp.sum(leaf * leaf) / 2 for leaf in jax.tree.leaves(readout)]).sum()


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
    ways: Sequence[str] = WAYS,
) -> list[Check]:
    """Compare the gradient of L = sum_{t=1..T} loss(readout(state_t)), computed in every way there is.

    scan = loop             one compiled scan, and a Python loop over the steps
    reverse = forward       the chain rule from the last step back, and from the first step on
    reverse = differences   (L(p + h) - L(p - h)) / 2h as h falls; `forward = differences` likewise
    alone = padded          each sequence alone, and a batch of different lengths, padded and masked
    autodiff = send_back    gradlab's own backward pass, which the probes use, with a traced length
    two layers              one on top of the other, against differences; only if `above` is given
    given = differences     the `gradient` under test; only if given

    Args:
      step: `(params, state, x) -> state`, perhaps with a derivative of its own (`jax.custom_vjp`).
      params: a pytree; what is not a floating-point array is left alone.
      state: the initial state, best away from zero.
      xs: inputs, shape (T, ...); at least as many steps as the longest of `lengths`.
      readout: the part of the state that the loss reads.
      loss: a number from the readout of one step; by default half its squares.
      gradient: a hand-written gradient of L, `(params, state, xs) -> (dL/dparams, dL/dstate_t)`: the
        second stacked over t = 0..T, with the initial state first. Either may be None, if not computed.
      above: params and state of a second layer, whose inputs are the readouts of the first.
      gates: names of the leading axis of those parameters that have one entry a gate.
      lengths: sequence lengths to try.
      ways: what to compare reverse mode with, of `WAYS`.

    Returns:
      One `Check` a comparison and length.

    Raises:
      GradlabError: if there is nothing to differentiate, or the loss is not finite.
    """
    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        numbers, rebuilt = _split(params)
        state, xs = jax.tree.map(_wide, (state, xs))
        _require(numbers, state, xs, max(lengths))
        term = lambda state: loss(readout(state))
        run = Recurrence(lambda p, s, x: step(rebuilt(p), s, x), term, state, xs)
        checks = _one_layer(run, numbers, gates, lengths, ways)
        if gradient is not None:
            whole = lambda numbers, T: gradient(rebuilt(numbers), state, jax.tree.map(lambda x: x[:T], xs))
            checks += _given(whole, run, numbers, gates, lengths)
        if above is not None:
            own, joined = _split(above[0])
            upper = Recurrence(
                lambda p, s, x: step(joined(p), s, x), term, jax.tree.map(_wide, above[1]), None
            )
            checks.append(_two_layers(run, upper, readout, (numbers, own), gates, max(lengths)))
        return checks


def _one_layer(
    run: Recurrence, numbers: Tree, gates: tuple[str, ...], lengths: Sequence[int], ways: Sequence[str]
) -> list[Check]:
    """Reverse mode, which is the middle of every comparison, against each of the ways."""
    if not ways:
        return []
    point = run.point(numbers, max(lengths))
    judge = Judge(point, gates)
    reverse = _reverse(run, point, lengths)
    entire = {way: find(run, point, lengths) for way, find in _ENTIRE.items() if way in ways}
    some, note = {}, ""
    if "differences" in ways:
        some["differences"] = gradients.differences(run, point, lengths, judge.tried)
    if "forward" in ways:
        some["forward"], note = _forward(run, point, lengths, judge.tried)
    checks = []
    for T in lengths:
        for way, found in some.items():
            tolerance = BY_DIFFERENCES if way == "differences" else EXACT
            if not found:
                checks.append(Check(f"reverse = {way}", T, float("nan"), "none", note=note))
                continue
            trial = reverse[T][judge.tried]
            checks.append(judge.compare(f"reverse = {way}", T, trial, found[T], tolerance, judge.tried))
        if some.keys() == {"differences", "forward"} and some["forward"]:
            pair = some["forward"][T], some["differences"][T]
            checks.append(judge.compare("forward = differences", T, *pair, BY_DIFFERENCES, judge.tried))
        for way, found in entire.items():
            checks.append(judge.compare(_NAMES[way], T, reverse[T], found[T], EXACT))
    return checks


_ENTIRE = {"loop": gradients.looped, "padded": gradients.padded, "send_back": gradients.sent_back}
_NAMES = {"loop": "scan = loop", "padded": "alone = padded", "send_back": "autodiff = send_back"}


def _reverse(run: Recurrence, point: Point, lengths: Sequence[int]) -> dict[int, Vector]:
    try:
        values, found = gradients.reverse(run, point, lengths)
    except (TypeError, ValueError) as error:
        note = str(error).splitlines()[0]
        raise GradlabError("step", f"cannot be differentiated by JAX: {note}; see jax.grad") from error
    for T, value in values.items():
        if not np.isfinite(value):
            raise GradlabError("step", f"gives a loss of {value} at T = {T}; a gradient needs finite numbers")
    return found


def _forward(
    run: Recurrence, point: Point, lengths: Sequence[int], tried: NDArray[np.int64]
) -> tuple[dict[int, Vector], str]:
    """Gradients by forward mode, or none and why: a step with a reverse rule of its own has no other."""
    try:
        return gradients.forward(run, point, lengths, tried), ""
    except TypeError as error:
        return {}, f"no forward mode: {str(error).splitlines()[0]}"


def _given(
    gradient: Callable[[Tree, int], tuple[Tree, Tree]],
    run: Recurrence,
    numbers: Tree,
    gates: tuple[str, ...],
    lengths: Sequence[int],
) -> list[Check]:
    """The gradient under test against differences."""
    point = run.point(numbers, max(lengths))
    judge = Judge(point, gates)
    right = gradients.differences(run, point, lengths, judge.tried)
    checks = []
    for T in lengths:
        theirs, known = _filled(gradient(numbers, T), point, T)
        kept = known[judge.tried]
        at, true = judge.tried[kept], right[T][kept]
        check = judge.compare("given = differences", T, theirs[at], true, BY_DIFFERENCES, at)
        if check.result == "WRONG" and not check.step:
            here = judge.names[judge.group[at]] == check.parameter
            check = _missing(
                check, (theirs[at] - true)[here], gradients.by_step(run, numbers, T)[:, at[here]]
            )
        checks.append(check)
    return checks


def _filled(parts: tuple[Tree, Tree], point: Point, T: int) -> tuple[Vector, NDArray[np.bool]]:
    """A given gradient in the order of a point, and which of its entries were given."""
    of_params, of_states = parts
    own = Point(point.params, jax.tree.map(lambda leaf: leaf[: T + 1], point.nudges))
    given = Point(
        own.params if of_params is None else _split(of_params)[0],
        own.nudges if of_states is None else of_states,
    )
    for name, ours, theirs in zip(("dL/dparams", "dL/dstate_t"), own, given, strict=True):
        if _shapes(ours) != _shapes(theirs):
            raise GradlabError("gradient", f"gives {name} of {_shapes(theirs)}; it should be {_shapes(ours)}")
    longer = lambda leaf, full: jnp.concatenate([jnp.asarray(leaf), jnp.zeros_like(full[T + 1 :])])
    whole = Point(given.params, jax.tree.map(longer, given.nudges, point.nudges))
    known = [
        np.full(gradients.flat(half).size, part is not None) for half, part in zip(whole, parts, strict=True)
    ]
    return gradients.flat(whole), np.concatenate(known)


def _missing(check: Check, off: Vector, parts: NDArray[np.float64]) -> Check:
    """The check with the one step whose part of the parameter's gradient was left out, if that is it."""
    for t, part in enumerate(parts, start=1):
        for sign, word in ((1, "is missing"), (-1, "counts twice")):
            if np.abs(off + sign * part).max() <= 1e-5 * np.abs(part).max():
                return check._replace(step=t, note=f"whose part {word}")
    return check


def _two_layers(
    below: Recurrence,
    upper: Recurrence,
    readout: Callable[[Any], Any],
    params: tuple[Tree, Tree],
    gates: tuple[str, ...],
    T: int,
) -> Check:
    """One layer on top of the other: reverse mode against differences."""

    def step(params: Tree, states: tuple[Tree, Tree], x: Tree) -> tuple[Tree, Tree]:
        first = below.step(params["layer 1"], states[0], x)
        return first, upper.step(params["layer 2"], states[1], readout(first))

    run = Recurrence(step, lambda states: upper.term(states[1]), (below.state, upper.state), below.xs)
    point = run.point({"layer 1": params[0], "layer 2": params[1]}, T)
    judge = Judge(point, gates)
    differences = gradients.differences(run, point, [T], judge.tried)[T]
    reverse = _reverse(run, point, [T])[T][judge.tried]
    return judge.compare("two layers", T, reverse, differences, BY_DIFFERENCES, judge.tried)


def _split(params: Tree) -> tuple[dict[str, Any], Callable[[dict[str, Any]], Tree]]:
    """The floating-point arrays of params by path, in float64, and the way back to params."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(params)
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") or "params" for path, _ in leaves]
    numbers = {path: _wide(leaf) for path, (_, leaf) in zip(paths, leaves, strict=True) if _is_float(leaf)}

    def rebuilt(numbers: dict[str, Any]) -> Tree:
        both = zip(paths, leaves, strict=True)
        return jax.tree.unflatten(structure, [numbers.get(path, leaf) for path, (_, leaf) in both])

    return numbers, rebuilt


def _is_float(leaf: Any) -> bool:
    if isinstance(leaf, float):
        return True
    return isinstance(leaf, jax.Array | np.ndarray | np.generic) and jnp.issubdtype(leaf.dtype, jnp.floating)


def _wide(leaf: Any) -> Any:
    return jnp.asarray(leaf, jnp.float64) if _is_float(leaf) else jnp.asarray(leaf)


def _shapes(tree: Tree) -> str:
    return str(jax.tree.map(lambda leaf: list(np.shape(leaf)), tree))


def _require(numbers: Tree, state: Tree, xs: Tree, longest: int) -> None:
    """Refuse what has no gradient."""
    if not numbers:
        raise GradlabError("params", "hold no floating-point array; there is no gradient to check")
    for leaf in jax.tree.leaves(state):
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise GradlabError("state", f"holds {leaf.dtype} numbers; a gradient needs floating-point ones")
    steps = min((len(leaf) for leaf in jax.tree.leaves(xs)), default=0)
    if steps < longest or not jax.tree.leaves(state):
        raise GradlabError("xs", f"has {steps} steps; lengths ask for {longest}")
