"""A module of torch that makes one step, `forward(x, state) -> state`, as a function of its numbers."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from gradlab.errors import GradlabError, shown
from gradlab.foreign.pytorch.known import array, is_tensor

Tensors = list[Any]
TRIES = 4
"""Times that the first step is made: of dropout, few units may fall the same way twice."""


class Cell(NamedTuple):
    """A step in leaves: lists of tensors, named."""

    label: str
    step: Callable[[dict[str, Any], Tensors, Any], Tensors]
    """`(params, leaves of the state, x) -> leaves of the next state`."""
    params: dict[str, Any]
    """By torch's names; only what has a gradient."""
    state: Tensors
    names: tuple[str, ...]
    """Of the leaves; `state` if there is only one."""
    rebuilt: Callable[[Tensors], Any]
    """The state in its own form."""
    precision: str


def of_module(module: Any, state: Any, x: NDArray[Any]) -> Cell:
    """The step that a module makes, tried on the first input.

    The initial state is the one given, or zeros where the module says what it has (`hidden_size`).

    Raises:
      GradlabError: for a module whose state cannot be found, or that does not keep the form of it; for
        numbers that are not finite; for a step that gives two results from one state, as dropout does.
    """
    import torch

    # The user's own module is never touched: it may be in the middle of a training.
    own = copy.deepcopy(module).to("cpu")
    label = type(module).__name__.lower()
    numbers = {name: p.detach() for name, p in own.named_parameters() if p.is_floating_point()}
    for name, value in numbers.items():
        array(f"module.{name}", value)
    start = _initial(own, state, numbers)
    leaves, names, rebuilt = _flat(start)
    kinds = {str(leaf.dtype).removeprefix("torch.") for leaf in [*leaves, *numbers.values()]}
    if len(kinds) > 1:
        raise GradlabError("module", f"mixes {' and '.join(sorted(kinds))}; cast module and state to one")
    (precision,) = kinds

    def step(params: dict[str, Any], leaves: Tensors, x: Any) -> Tensors:
        returned = torch.func.functional_call(own, params, (x, rebuilt(leaves)))
        return _next(returned, leaves, names)

    first = torch.as_tensor(x.astype(precision))
    with torch.no_grad():
        once, *again = [_tried(step, numbers, leaves, first) for _ in range(TRIES)]
    finite = all(leaf.isfinite().all() for leaf in once)
    if finite and any(not torch.equal(*pair) for more in again for pair in zip(once, more, strict=True)):
        raise GradlabError("module", "gives two states from one, as dropout does; call module.eval()")
    return Cell(label, step, numbers, leaves, names, rebuilt, precision)


def _tried(step: Any, params: Any, leaves: Tensors, x: Any) -> Tensors:
    try:
        after: Tensors = step(params, leaves, x)
    except GradlabError:
        raise
    except Exception as error:
        what = (str(error).splitlines() or [""])[0]
        advice = "a step is forward(x, state) -> state; gradlab.reach takes any"
        raise GradlabError(
            "module", f"fails: {type(error).__name__}: {shown(what, 120)}; {advice}"
        ) from error
    return after


def _initial(module: Any, state: Any, numbers: dict[str, Any]) -> Any:
    """The given state as tensors, or zeros."""
    import torch

    dtype = next((p.dtype for p in numbers.values()), None)
    if state is None:
        size = getattr(module, "hidden_size", None)
        if not isinstance(size, int) or dtype is None:
            what = "has no state that can be found; give state=, a tensor or a tuple or dict of them"
            raise GradlabError("module", f"{type(module).__name__} {what}, or use gradlab.reach")
        h = torch.zeros(size, dtype=dtype)
        return (h, h.clone()) if isinstance(module, torch.nn.LSTMCell) else h

    def tensor(where: str, leaf: Any) -> Any:
        checked = array(where, leaf)
        return leaf.detach().cpu().clone() if is_tensor(leaf) else torch.tensor(checked)

    return mapped(tensor, "state", state)


def mapped(one: Callable[[str, Any], Any], where: str, tree: Any) -> Any:
    """A tree of tuples, lists and dicts with `one(name, leaf)` in the place of each leaf."""
    if isinstance(tree, dict):
        return {key: mapped(one, f"{where}[{key!r}]", leaf) for key, leaf in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(mapped(one, f"{where}[{i}]", leaf) for i, leaf in enumerate(tree)))
    if isinstance(tree, tuple | list):
        return type(tree)(mapped(one, f"{where}[{i}]", leaf) for i, leaf in enumerate(tree))
    return one(where, tree)


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves of a tree of tuples, lists and dicts with their paths."""
    if isinstance(tree, dict):
        return [pair for key in tree for pair in _paths(tree[key], (*path, key))]
    if isinstance(tree, tuple | list):
        return [pair for i, leaf in enumerate(tree) for pair in _paths(leaf, (*path, i))]
    return [(path, tree)]


def _flat(state: Any) -> tuple[Tensors, tuple[str, ...], Callable[[Tensors], Any]]:
    """The leaves of a state, their names, and the way back; a pair is called h and c."""
    pairs = _paths(state)
    if not pairs:
        raise GradlabError("state", "is empty; give a tensor or a tuple or dict of them")
    pair = isinstance(state, tuple | list) and len(pairs) == len(state) == 2
    names = ("h", "c") if pair else tuple("/".join(map(str, path)) for path, _ in pairs)

    def rebuilt(leaves: Tensors) -> Any:
        left = iter(leaves)
        return _filled(state, left)

    return [leaf for _, leaf in pairs], ("state",) if len(pairs) == 1 else names, rebuilt


def _filled(tree: Any, left: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _filled(leaf, left) for key, leaf in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_filled(leaf, left) for leaf in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(_filled(leaf, left) for leaf in tree)
    return next(left)


def _next(returned: Any, before: Tensors, names: tuple[str, ...]) -> Tensors:
    """The leaves of the next state in what a module returns: the state, or an output and the state."""
    ways = [returned]
    if isinstance(returned, tuple | list) and len(returned) == 2:
        ways.append(returned[1])
    for way in ways:
        leaves = [leaf for _, leaf in _paths(way)]
        same = len(leaves) == len(before) and all(map(is_tensor, leaves))
        if same and all(
            a.shape == b.shape and a.dtype == b.dtype for a, b in zip(leaves, before, strict=True)
        ):
            return leaves
    form = ", ".join(f"{n} {tuple(leaf.shape)}" for n, leaf in zip(names, before, strict=True))
    what = f"returns {told(returned)}; a step returns the state ({form}), or an output and the state"
    raise GradlabError("module", what)


def told(returned: Any) -> str:
    """The forms of what a callable has returned."""
    leaves = [leaf for _, leaf in _paths(returned)]
    some = ", ".join(
        f"{str(leaf.dtype).removeprefix('torch.')}{list(leaf.shape)}"
        if is_tensor(leaf)
        else type(leaf).__name__
        for leaf in leaves[:4]
    )
    return some or type(returned).__name__


def leaves(tree: Any) -> Tensors:
    """The leaves of a tree of tuples, lists and dicts."""
    return [leaf for _, leaf in _paths(tree)]
