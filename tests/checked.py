"""Types are checked at every call; by beartype alone where no annotation has a shape.

`--jaxtyping-packages` wraps every function of gradlab in `jaxtyping.jaxtyped`, which binds the arguments anew
and checks them twice, so that shapes agree with each other: that took up to two thirds of the time of a test
that compiles nothing. Where no annotation holds a type of jaxtyping there are no shapes to agree, and what is
left is beartype's own check, of arguments and of what is given back.
"""

import inspect
import typing

import jaxtyping
from beartype import beartype

_jaxtyped = jaxtyping.jaxtyped


def install():
    """Before gradlab is imported: its functions are decorated as it is."""
    jaxtyping.jaxtyped = _checked


def _checked(fn=None, *, typechecker):
    if fn is None:
        return lambda one: _checked(one, typechecker=typechecker)
    if inspect.isfunction(fn) and not _shaped(fn):
        return beartype(fn)
    return _jaxtyped(fn, typechecker=typechecker)


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
