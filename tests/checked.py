"""Types are checked at every call; by beartype alone where no annotation has a shape.

`--jaxtyping-packages` wraps every function of gradlab in `jaxtyping.jaxtyped`, which binds the arguments anew
and checks them twice, so that shapes agree with each other: that took up to two thirds of the time of a test
that compiles nothing. Where no annotation holds a type of jaxtyping there are no shapes to agree, and what is
left is beartype's own check, of arguments and of what is given back.
"""

import functools
import inspect
import types
import typing

import jaxtyping
from beartype import beartype

_jaxtyped = jaxtyping.jaxtyped
_made = {}
"""What beartype made of a function inside another, by its code and its hints: each call of the outer one
brings that function anew, and to write its check anew took a twentieth of the whole suite."""
_OF_BEARTYPE = "__beartype_func"
"""What beartype calls the function in the keyword defaults of its check."""


def install():
    """Before gradlab is imported: its functions are decorated as it is."""
    jaxtyping.jaxtyped = _checked


def _checked(fn=None, *, typechecker):
    if fn is None:
        return lambda one: _checked(one, typechecker=typechecker)
    if not inspect.isfunction(fn):
        return _jaxtyped(fn, typechecker=typechecker)
    place = (fn.__code__, *fn.__annotations__.items())
    if place in _made:
        return _once_more(_made[place], fn)
    if _shaped(fn):
        return _jaxtyped(fn, typechecker=typechecker)
    checked = beartype(fn)
    if "<locals>" in fn.__qualname__ and _OF_BEARTYPE in (checked.__kwdefaults__ or {}):
        _made[place] = checked
    return checked


def _once_more(checked, fn):
    """The check that beartype wrote for a function, around another of the same code and hints."""
    code, names = checked.__code__, checked.__globals__
    made = types.FunctionType(code, names, fn.__name__, checked.__defaults__, checked.__closure__)
    made.__kwdefaults__ = checked.__kwdefaults__ | {_OF_BEARTYPE: fn}
    return functools.update_wrapper(made, fn)


def _shaped(fn):
    """Whether an annotation holds a type of jaxtyping, or cannot be told."""
    # What beartype writes reads `list` among the names of a module, and a package has its modules among them.
    hidden = "__path__" in fn.__globals__
    return hidden or any(_holds_shape(hint, fn) for hint in fn.__annotations__.values())


def _holds_shape(hint, fn):
    if isinstance(hint, str):
        try:
            hint = eval(hint, fn.__globals__)
        except Exception:
            # A name that is there for type checkers alone.
            return True
    if isinstance(hint, list | tuple):
        return any(_holds_shape(one, fn) for one in hint)
    if isinstance(hint, typing.TypeVar):
        return _holds_shape((hint.__bound__, *hint.__constraints__), fn)
    if isinstance(hint, typing.ForwardRef):
        return _holds_shape(hint.__forward_arg__, fn)
    places = (type(hint).__module__, getattr(hint, "__module__", None) or "")
    return any(place.split(".")[0] == "jaxtyping" for place in places) or _holds_shape(
        typing.get_args(hint), fn
    )
