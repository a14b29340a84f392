"""A copy in float64 of a callable of torch: a module, or a function with what it reads."""

import builtins
import contextlib
import copy
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

from gradlab.foreign.pytorch.known import is_module, is_tensor

DEEP = 4
"""Functions within functions that are followed."""


def widened(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The callable in float64: what it is given and what it makes itself is so, and the original stays."""
    copied = _copy(fn, DEEP)

    def call(x: Any) -> Any:
        with float64_by_default():
            return copied(x)

    call.__name__ = getattr(fn, "__name__", type(fn).__name__)
    return call


@contextlib.contextmanager
def float64_by_default() -> Iterator[None]:
    """Torch makes tensors of float64 where nothing else is said."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _copy(thing: Any, deep: int) -> Any:
    """What a function reads, with every module and tensor in float64; other things are what they are."""
    if is_module(thing):
        return copy.deepcopy(thing).double()
    if is_tensor(thing):
        return thing.detach().clone().double() if thing.is_floating_point() else thing
    if deep == 0:
        return thing
    if isinstance(thing, types.FunctionType):
        return _function(thing, deep - 1)
    if isinstance(thing, types.MethodType):
        own = _copy(thing.__self__, deep - 1)
        return types.MethodType(thing.__func__, own)
    if isinstance(thing, functools.partial):
        words = {key: _copy(value, deep - 1) for key, value in thing.keywords.items()}
        return functools.partial(
            _copy(thing.func, deep - 1), *(_copy(a, deep - 1) for a in thing.args), **words
        )
    if type(thing) in (list, tuple):
        return type(thing)(_copy(one, deep - 1) for one in thing)
    if type(thing) is dict:
        return {key: _copy(value, deep - 1) for key, value in thing.items()}
    return thing


def _function(fn: types.FunctionType, deep: int) -> types.FunctionType:
    if fn.__module__.split(".")[0] == "torch":
        return fn
    own = dict(fn.__globals__)
    for name in _named(fn.__code__):
        if name in own and not hasattr(builtins, name):
            own[name] = _copy(own[name], deep)
    cells = tuple(types.CellType(_copy(cell.cell_contents, deep)) for cell in fn.__closure__ or ())
    made = types.FunctionType(fn.__code__, own, fn.__name__, _copy(fn.__defaults__, deep), cells)
    made.__kwdefaults__ = _copy(fn.__kwdefaults__, deep)
    return made


def _named(code: types.CodeType) -> set[str]:
    """The global names in a code and in the functions that it makes."""
    inner = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return set(code.co_names).union(*(_named(one) for one in inner))
