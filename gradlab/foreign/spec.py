"""Cells of other people: any step function or recurrent cell class, named `package.module:Name`.

what `Name` is      what it needs                                              hidden-to-hidden weights
a function          `Name(params, state, x) -> state`, and beside it           `w_rec`
                    `init(key, d_in, d_hidden) -> (params, state)`
a class of cells    `init(key, d_in, d_hidden, w_rec, initializer)` and        `recurrent(params)`,
(or one of them)    `step(params, state, x)`, as `gradlab.types.Cell` has      or `w_rec` of params
                    them; it need not inherit, and may state further facts
equinox class       `Name(d_in, d_hidden, key=key)`, `(x, state) -> state`     `weight_hh`
flax linen class    `Name(features=d_hidden)`, `(carry, x) -> (carry, y)`      kernels of `h`, `h?`, `dense_h`
flax nnx class      `Name(d_in, d_hidden, rngs=rngs)`, as linen                the same

The weights are the cell's own draws, the hidden-to-hidden ones times `w_rec`: at 1 it is the cell as its
author makes it, and `--init` does not touch it. `Name(w_rec=PATH)` says which weights these are: a path
(`hr/kernel`), the end of one or a folder of them, several joined by `+`. Without any the cell has no gain.
Other settings go to the constructor.
"""

import importlib
import os
import re
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry, spelled, tried
from gradlab.errors import GradlabError, shown
from gradlab.foreign import adopted as adopting
from gradlab.foreign import libraries
from gradlab.foreign.adapters import Foreign
from gradlab.foreign.libraries import Library
from gradlab.recurrence import given
from gradlab.recurrence.trees import has_gradient, merged, split

Tree = Any
AnyCell = Any
"""A `gradlab.types.Cell`, of whatever parameters and state."""
OPTION = "--cell"
TRIES = 8
"""States that its gradient is tried at: a rectified cell may be dead at one."""

_SPEC = re.compile(r"(?P<module>\w+(\.\w+)*):(?P<name>\w+)\s*(\((?P<settings>.*)\))?", re.ASCII | re.DOTALL)


def cell(spec: str) -> AnyCell:
    """The cell that `package.module:Name(setting=value, ...)` names, tried out at `tried.sizes`.

    Imports the module, if need be from the current folder: a spec comes from a command line, never from
    a file.

    Raises:
      GradlabError: if there is no such cell, or it has no gradient that could be measured.
    """
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise GradlabError(OPTION, f"{shown(spec)} is not a cell; write package.module:Name")
    settings = _settings(match["settings"] or "")
    made = _adapted(spec, imported(match["module"]), match["name"], settings)
    # A cell of gradlab's around it may make it within a program that is being traced.
    with jax.ensure_compile_time_eval():
        _try_out(spec, made)
    return registry.brought(made, label(spec))


def label(spec: str) -> str:
    """The canonical spelling of a spec.

    >>> label(" mine.cells:Leaky( w_rec = a+b,leak=0.5 ) ")
    'mine.cells:Leaky(w_rec=a+b, leak=0.5)'
    """
    name, bracket, inner = spec.strip().removesuffix(")").partition("(")
    pairs = ", ".join(f"{key}={value}" for key, value in _settings(inner).items())
    return f"{name.strip()}({pairs})" if bracket and pairs else name.strip()


def _settings(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in filter(None, spelled.outside_brackets(text)):
        key, _, value = (part.strip() for part in item.partition("="))
        if not (key.isidentifier() and value):
            raise GradlabError(OPTION, f"{shown(item)} is not a setting; write setting=value")
        if key in found:
            raise GradlabError(OPTION, f"setting {key} is given twice; give it once")
        found[key] = value
    return found


def imported(name: str, option: str = OPTION) -> Any:
    """The module of that name; the current folder is searched last, so that it hides nothing installed.

    Raises:
      GradlabError: of that option, if there is none, or if importing it fails.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            what = f"no module called {shown(name)}; it must be installed, or in the current folder"
            raise GradlabError(option, what) from error
        what = f"module {shown(name)} cannot be imported"
        raise _refused(what, error, "install what it needs", option) from error
    except Exception as error:
        what = f"module {shown(name)} cannot be imported"
        raise _refused(what, error, "import it in Python first", option) from error


def _made_from() -> str:
    return "it is made from a key, D = {} and N = {}".format(*tried.sizes())


def _refused(what: str, error: Exception, advice: str, option: str = OPTION) -> GradlabError:
    """One line about another's exception."""
    lines = str(error).splitlines() or [""]
    return GradlabError(option, f"{what}: {type(error).__name__}: {shown(lines[0], 120)}; {advice}")


def _adapted(spec: str, module: Any, name: str, settings: dict[str, str]) -> AnyCell:
    """What `name` is in that module, as a cell."""
    found = getattr(module, name, None)
    if found is None:
        public = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise spelled.unknown(OPTION, f"cell in {module.__name__}", name, public)
    if _is_cell(found):
        values = {key: _value(text) for key, text in settings.items()}
        if not isinstance(found, type) and settings:
            raise GradlabError(OPTION, f"{shown(spec)} is made already; settings go to a class")
        return _built(spec, found, values)
    paths = tuple(filter(None, settings.pop("w_rec", "").split("+")))
    chosen = tuple((key, _value(text)) for key, text in settings.items())
    library = _library(found, module, chosen)
    if library is None:
        what = "is neither a step function nor a class of gradlab, equinox or flax"
        if isinstance(found, type):
            what = "is a class with neither init nor step, and not one of equinox or flax"
        raise GradlabError(OPTION, f"{shown(spec)} {what}; see gradlab.foreign")
    return Foreign(library, paths, tried.sizes())


def _is_cell(found: Any) -> bool:
    """Whether `found` is meant as a cell: a class, or an instance, with one of its methods at least."""
    if isinstance(found, type) and _kind(found) is not None:
        return False
    return any(callable(getattr(found, name, None)) for name in adopting.METHODS)


def _built(spec: str, found: Any, settings: dict[str, Any]) -> AnyCell:
    name = getattr(found, "__name__", type(found).__name__)
    lacking = [key for key in adopting.METHODS if not callable(getattr(found, key, None))]
    if isinstance(found, type) and not lacking:
        try:
            found = found(**settings)
        except (TypeError, ValueError) as error:
            raise _refused(f"{shown(spec)} cannot be made", error, "give it the settings it needs") from error
    try:
        hash(found)
    except TypeError as error:
        advice = "write a frozen dataclass of settings"
        raise _refused(f"{shown(spec)} cannot be told from others", error, advice) from error
    try:
        return adopting.adopted(found, name)
    except GradlabError as error:
        if error.where == OPTION:
            raise
        raise GradlabError(OPTION, f"{name}: {error.where} {error.what}") from error
    except Exception as error:
        raise _refused(f"{shown(spec)} cannot be drawn", error, _made_from()) from error


def _kind(found: type) -> Any:
    """How a class of a library is used: only libraries that are imported already can have made it."""
    for home, kind in libraries.MODULES.items():
        if home in sys.modules and issubclass(found, sys.modules[home].Module):
            return kind
    return None


def _library(found: Any, module: Any, settings: tuple[tuple[str, Any], ...]) -> Library | None:
    """How to use `found`, a class of a library or a function; None if it is neither."""
    if isinstance(found, type):
        kind = _kind(found)
        return None if kind is None else kind(found, settings)
    init = getattr(module, "init", None)
    if not callable(found):
        return None
    if init is None:
        what = f"{module.__name__} has no init(key, d_in, d_hidden) beside the step function"
        raise GradlabError(OPTION, f"{what}; it must return (params, state)")
    if settings:
        raise GradlabError(OPTION, f"a step function has no setting {settings[0][0]}; it may have w_rec=PATH")
    return libraries.Plain(found, init)


def _try_out(spec: str, made: AnyCell) -> None:
    """Refuse a cell whose gradient cannot be measured, saying why."""
    d_in, d_hidden = tried.sizes()
    name = shown(spec)
    normal = lambda key, n: jax.random.normal(key, (n, n), float) / np.sqrt(n)
    try:
        params, state = made.init(jax.random.key(0), d_in, d_hidden, 1.0, normal)
    except GradlabError:
        raise
    except Exception as error:
        raise _refused(f"{name} cannot be drawn", error, _made_from()) from error
    # A run brings all numbers to its own precision.
    own = lambda leaf: jnp.asarray(leaf, float) if has_gradient(leaf) else leaf
    params, state = jax.tree.map(own, (params, state))
    numbers = split(state)[0]
    if not jax.tree.leaves(numbers):
        held = " and ".join(sorted({str(leaf.dtype) for leaf in jax.tree.leaves(state)})) or "nothing"
        what = f"{name} has a state of {held}; a gradient needs a state of floating-point numbers"
        raise GradlabError(OPTION, what)
    _require_units(name, made, state, normal)
    if not isinstance(made, Foreign):
        adopting.refuse_what_cannot_be_read(made, params, numbers)
    xs = jax.random.normal(jax.random.key(1), (TRIES, d_in), float).at[0].set(0)
    try:
        given.same_form(made.step, params, state, xs[0])
        after = jax.jit(jax.vmap(made.step, (None, None, 0)))(params, state, xs)
    except GradlabError as error:
        raise GradlabError(OPTION, f"the step of {name} {error.what}") from error
    except Exception as error:
        advice = f"call it once in Python with D = {d_in} and N = {d_hidden}"
        raise _refused(f"the step of {name} fails", error, advice) from error
    for words, rows in (("an input of zeros", slice(1)), ("a normal input", slice(1, None))):
        if not all(np.isfinite(leaf[rows]).all() for leaf in jax.tree.leaves(split(after)[0])):
            raise GradlabError(OPTION, f"{name} gives NaN or infinity on {words}; it must be finite there")
    _require_gradient(name, made, params, after, xs)


def _require_units(name: str, made: AnyCell, state: Tree, initializer: Any) -> None:
    """Refuse a cell that has its own number of units, whatever N it is asked for, at another N."""
    d_in, d_hidden = tried.sizes()
    try:
        draw = lambda key: made.init(key, d_in, d_hidden + 1, 1.0, initializer)
        _, other = jax.eval_shape(draw, jax.random.key(0))
        own = sum(
            int(np.prod(np.shape(leaf))) for leaf in jax.tree.leaves(jax.eval_shape(made.readout, state))
        )
    except Exception:
        # One that refuses another N has the one that it is drawn with; what has no readout is told of later.
        return
    before, after = ([np.shape(leaf) for leaf in jax.tree.leaves(tree)] for tree in (state, other))
    if before == after and own != d_hidden and not any(d_hidden in shape for shape in before):
        what = f"{d_hidden} is not the number of units that {name} has whatever it is asked for: {own}"
        raise GradlabError("--hidden", f"{what}; say --hidden {own}")


def _require_gradient(name: str, made: AnyCell, params: Tree, states: Tree, xs: Any) -> None:
    def back(state: Tree, x: Any) -> Tree:
        numbers, others = split(state)
        after, pull = jax.vjp(lambda n: split(made.step(params, merged(n, others), x))[0], numbers)
        return pull(jax.tree.map(jnp.ones_like, after))[0]

    try:
        found = jax.jit(jax.vmap(back))(states, xs)
    except Exception as error:
        raise _refused(f"{name} is not differentiable", error, "jax.grad must go through it") from error
    if not any(np.any(leaf != 0) for leaf in jax.tree.leaves(found)):
        what = f"{name} is not differentiable: the next state has a gradient of exactly zero in the state"
        raise GradlabError(OPTION, f"{what}; is there a stop_gradient, or no recurrence?")


def _value(text: str) -> Any:
    """A setting's text as what it looks like: true, false, None, a number, or text."""
    words = {"true": True, "false": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
