"""Named members of a kind, found on first use, with did-you-mean errors.

A kind is a folder of the package; a member is one file of it, and the class or function in that file
whose name is the file's (`cells/peephole_lstm.py` holds `PeepholeLSTM`). A member's settings are its
keyword arguments with defaults; `elman(activation=relu)` names a member and overrides some of them.
"""

import ast
import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from gradlab import spelled, tried
from gradlab.errors import GradlabError, shown

KINDS = {
    "cells": "--cell",
    "initializers": "--init",
    "probes": "--probe",
    "metrics": "metric",
    "tasks": "TASK",
    "remedies": "--remedy",
    "plots": "KIND",
    "checks": "predicate",
    "exports": "--to",
}

_SPEC = re.compile(r"(?P<name>\w+)\s*(?:\((?P<settings>.*)\))?\s*", re.ASCII | re.DOTALL)


def names(kind: str) -> list[str]:
    """The members of a kind, by file name; imports none of them.

    >>> "lstm" in names("cells")
    True
    """
    return sorted({*_own(kind), *installed(kind)})


def _own(kind: str) -> list[str]:
    return _files(tuple(importlib.import_module(f"gradlab.{kind}").__path__))


@functools.cache
def _files(folders: tuple[str, ...]) -> list[str]:
    """The members in some folders, looked for once per process: a run asks for each of its groups."""
    return [module.name for module in pkgutil.iter_modules(folders) if module.name[0] != "_"]


def further(kind: str) -> list[str]:
    """The members that do not come with gradlab."""
    first, *_ = importlib.import_module(f"gradlab.{kind}").__path__
    return sorted({*names(kind)}.difference(_files((first,))))


@functools.cache
def installed(kind: str) -> dict[str, str]:
    """The files that other packages bring, by member: entry points of the group `gradlab.<kind>`.

    `peak = "package.peak"` is the file `peak.py` of `package`, called as the member is; ours come first.
    """
    # Slow to import, and not needed for a name that is ours.
    from importlib.metadata import entry_points

    found = entry_points(group=f"gradlab.{kind}")
    return {point.name: point.value for point in found if point.value.rpartition(".")[2] == point.name}


def is_foreign(kind: str, spec: str) -> bool:
    """Whether a spelling names code that does not come with gradlab, in its settings or itself.

    >>> is_foreign("cells", "stacked(cell=mine:Cell)"), is_foreign("cells", "stacked(cell=gru)")
    (True, False)
    """
    return ":" in spec or not {*re.findall(r"\w+", spec)}.isdisjoint(further(kind))


def home(kind: str, name: str) -> ModuleType:
    """The file of a member, imported."""
    try:
        return importlib.import_module(_home(kind, name))
    except Exception as error:
        if isinstance(error, GradlabError) or name in _own(kind):
            raise
        what = f"{name}, of {installed(kind)[name]}, cannot be imported: {type(error).__name__}: {error}"
        raise GradlabError(KINDS[kind], shown(what, 200)) from error


def _home(kind: str, name: str) -> str:
    """The module of a member."""
    if name in _own(kind):
        return f"gradlab.{kind}.{name}"
    found = installed(kind)
    if name not in found:
        raise spelled.unknown(KINDS[kind], kind.removesuffix("s"), name, names(kind))
    return found[name]


def member(kind: str, name: str) -> Callable[..., Any]:
    """The class or function that the file `gradlab/<kind>/<name>.py` holds under its own name."""
    module = home(kind, name)
    plain = name.replace("_", "").lower()
    for key, value in vars(module).items():
        if key.replace("_", "").lower() == plain and getattr(value, "__module__", None) == module.__name__:
            return value  # type: ignore[no-any-return]
    raise TypeError(f"{module.__name__} holds no class or function called {name}")


def constant(kind: str, name: str, key: str) -> Any:
    """What the file of a member states as `key = LITERAL`, read and not imported; None where it does not.

    >>> constant("checks", "below", "SIGN") is None
    True
    """
    found = importlib.util.find_spec(_home(kind, name))
    assert found is not None
    return literal(Path(str(found.origin)), found.name, key)


def literal(file: Path, called: str, key: str) -> Any:
    """What a Python file states as `key = LITERAL`; None where it does not."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if key in map(ast.unparse, targets):
            try:
                return ast.literal_eval(node.value)  # type: ignore[attr-defined]
            except ValueError as error:
                raise TypeError(f"{key} of {called} must be a literal: it is read, not run") from error
    return None


def settings(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The settings of a member: the arguments of a class, the keyword-only arguments of a function."""
    parameters = inspect.signature(factory).parameters
    if inspect.isclass(factory):
        return dict(parameters)
    return {key: p for key, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}


def make(kind: str, spec: str) -> Any:
    """The member that `spec` names, with its settings: an instance of a class, or a function made ready.

    >>> make("cells", "elman(activation=relu)")
    Elman(activation='relu')
    """
    return made(kind, spec, tried.sizes() if ":" in spec else None)


@functools.cache
def made(kind: str, spec: str, at: tuple[int, int] | None) -> Any:
    """As `make`; what a user brings is tried out at D and N."""
    del at
    if kind == "cells" and ":" in spec.partition("(")[0]:
        return importlib.import_module("gradlab.foreign.spec").cell(spec)
    option = KINDS[kind]
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise GradlabError(option, f"{shown(spec)} is not a member; write NAME or NAME(setting=value, ...)")
    factory = member(kind, match["name"])
    chosen: dict[str, Any] = {}
    known = settings(factory)
    hints = get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    for key, text in spelled.pairs(option, match["settings"] or "", next(iter(known), None)):
        if key not in known:
            raise spelled.unknown(option, f"setting of {match['name']}", key, known)
        if key in chosen:
            raise GradlabError(option, f"setting {key} is given twice in {shown(spec)}; give it once")
        chosen[key] = spelled.converted(option, key, text, hints[key])
    if kind == "cells" and not hasattr(factory, "recurrent"):
        what = "is no gradlab.types.Cell; inherit that, or name the class by package.module:Class"
        raise GradlabError(option, f"{match['name']} {what}")
    try:
        return factory(**chosen) if inspect.isclass(factory) else functools.partial(factory, **chosen)
    except ValueError as error:
        raise GradlabError(option, f"{shown(spec)} is not possible; {error}") from error


def label(kind: str, spec: str) -> str:
    """The canonical spelling of a member: its name and those settings that are not the default.

    >>> label("cells", "lstm( forget_bias = 1.0 )"), label("cells", "elman(activation=relu)")
    ('lstm', 'elman(activation=relu)')
    """
    if kind == "cells" and ":" in spec.partition("(")[0]:
        return str(importlib.import_module("gradlab.foreign.spec").label(spec))
    made = make(kind, spec)
    factory = member(kind, spec.strip().split("(")[0].strip())
    values = made.keywords if isinstance(made, functools.partial) else vars(made)
    changed = [
        f"{key}={_word(values[key])}"
        for key, parameter in settings(factory).items()
        if key in values and values[key] != parameter.default
    ]
    name = spec.strip().split("(")[0].strip()
    return f"{name}({', '.join(changed)})" if changed else name


_BROUGHT: dict[int, tuple[Any, str]] = {}
"""What users have brought, with its spelling: it cannot be told from the thing itself."""


def brought(made: Any, spec: str) -> Any:
    """`made`, whose `spelling` is `spec` from now on."""
    _BROUGHT[id(made)] = made, spec
    return made


def spelling(made: Any) -> str:
    """The canonical spelling of a member that is a dataclass: what `make` would need to make it again.

    >>> spelling(make("cells", "elman(activation=relu)"))
    'elman(activation=relu)'
    """
    if id(made) in _BROUGHT:
        return _BROUGHT[id(made)][1]
    name = type(made).__module__.rpartition(".")[2]
    changed = [
        f"{key}={_word(getattr(made, key))}"
        for key, parameter in settings(type(made)).items()
        if getattr(made, key) != parameter.default
    ]
    return f"{name}({', '.join(changed)})" if changed else name


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
