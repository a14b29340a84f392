"""Programs that are kept between commands: traced and compiled once, afterwards only read.

JAX keeps what it has compiled by the text of the program, for which it has to trace it: half the time of a
short command. Here a program is found by what it is made of: gradlab's own files, the settings that shape
it, the forms of its arguments, the libraries and how they are set up. Not kept is what users bring, which has
files of its own, and what calls others, such as LAPACK, by an address that is another one in each process.
Only a command keeps programs, and only on a CPU.
"""

import dataclasses
import functools
import hashlib
import os
import pickle
import shutil
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import serialize_executable
from jax.experimental.compilation_cache import compilation_cache

from gradlab import digests, memory, runtime
from gradlab.digests import Code
from gradlab.recurrence import platforms
from gradlab.runs.files import replace

_FOLDER = "programs"
_AGE = 30 * 24 * 3600
"""Seconds after which programs of other states of gradlab's files go."""
_afresh = threading.Lock()


class Unspelled(Exception):
    """A value for which there are no words that say all of it."""


class Made:
    """A program for arguments of certain forms: the digest of it, and the program itself, compiled.

    It is traced only if one of both is asked for and not kept.
    """

    def __init__(self, lower: Callable[[], Any], place: Path | None) -> None:
        self._lower, self._place = lower, place

    @functools.cached_property
    def code(self) -> Code:
        """The digest of its text."""
        return self._kept[0] if self._kept is not None else digests.digest(self._lowered)

    @functools.cached_property
    def compiled(self) -> Any:
        """The program, to be called with arguments of these forms."""
        if self._kept is not None:
            return self._kept[1]
        if self._place is None or "custom_call" in self._lowered.as_text():
            return self._lowered.compile()
        made = _compiled(self._lowered)
        _keep(self._place, self.code, made)
        return made

    @functools.cached_property
    def _lowered(self) -> Any:
        return self._lower()

    @functools.cached_property
    def _kept(self) -> tuple[Code, Any] | None:
        return None if self._place is None else _read(self._place)


class Program:
    """A jitted function whose programs a command keeps; elsewhere no more than that function.

    `parts` are all that shapes its programs beside gradlab's files and the forms of arguments. Where one of
    them cannot be put into words, or is none of gradlab's, nothing is kept.
    """

    def __init__(self, jitted: Any, *parts: Any) -> None:
        self.jitted, self._parts = jitted, parts

    def made(self, *arguments: Any) -> Made:
        """The program for arguments of the forms of these; their numbers are not read."""
        return self._at(_place(arguments, self._parts), arguments)

    def _at(self, place: Path | None, arguments: tuple[Any, ...]) -> Made:
        lower = lambda: self.jitted.lower(*arguments)
        return Made(lower, None) if place is None else _known.setdefault(place, Made(lower, place))

    def lower(self, *arguments: Any) -> Any:
        """The jitted function's own."""
        return self.jitted.lower(*arguments)

    def __call__(self, *arguments: Any) -> Any:
        place = _place(arguments, self._parts)
        return self.jitted(*arguments) if place is None else self._at(place, arguments).compiled(*arguments)


_known: dict[Path, Made] = {}
"""What this process has made or read; `memory.release` empties it."""
memory.releasing(_known.clear)


def folder() -> Path | None:
    """Where a command keeps its programs; None where it keeps none, or not in gradlab's own folder."""
    cache = runtime.compile_cache()
    own = cache is not None and os.environ.get("JAX_COMPILATION_CACHE_DIR") == str(cache)
    return cache if own else None


def _place(arguments: tuple[Any, ...], parts: tuple[Any, ...]) -> Path | None:
    cache = folder() if memory.is_own() and platforms.on_cpu() else None
    if cache is None:
        return None
    leaves, structure = jax.tree.flatten(arguments)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return None
    try:
        words = [spelled(parts), str(structure), *map(_form, leaves)]
    except Unspelled:
        return None
    # Numbers of another precision, a flag, other products: all of it may be another program.
    words += [str(jnp.result_type(float)), *_surroundings()]
    name = hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]
    return cache / _FOLDER / digests.source()[:16] / name


@functools.cache
def _surroundings() -> list[str]:
    """What shapes every program of this process: libraries, how JAX and XLA are set up, and devices."""
    words = [f"{name}={value!r}" for name, value in sorted(jax.config.values.items())]
    words += [f"{name} {version}" for name, version in sorted(runtime.programs().items())]
    return [*words, os.environ.get("XLA_FLAGS", ""), *map(str, jax.devices())]


def _form(leaf: Any) -> str:
    """Of an argument what a program is made for: not its numbers."""
    form = jax.typeof(leaf)
    return f"{form.dtype}{form.shape}{' weak' if form.weak_type else ''}"


def spelled(value: Any) -> str:
    """A value in words that are the same in every process, and others for any other value.

    >>> spelled((1, "a", {"T": 0.5}, np.float32))
    "tuple(1, 'a', dict(tuple('T', 0.5)), type numpy.float32)"

    Raises:
      Unspelled: for what has no such words: an object that hides what it holds, and code of others.
    """
    if isinstance(value, str) and digests.brought(value):
        # A cell within a cell, say.
        raise Unspelled(value)
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    if isinstance(value, np.dtype):
        return f"dtype {value}"
    if isinstance(value, type):
        if value.__module__.partition(".")[0] not in ("builtins", "numpy", "gradlab"):
            raise Unspelled(value)
        return f"type {value.__module__}.{value.__qualname__}"
    if isinstance(value, np.ndarray | np.generic):
        return f"array {value.dtype}{value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, types.FunctionType):
        return _function(value)
    if isinstance(value, types.MethodType):
        return f"method({spelled((value.__self__, value.__func__))})"
    if isinstance(value, functools.partial):
        return f"partial({spelled((value.func, value.args, value.keywords))})"
    kind, inner = type(value), ""
    if isinstance(value, tuple | list):
        inner = ", ".join(map(spelled, value))
    elif isinstance(value, set | frozenset):
        inner = ", ".join(sorted(map(spelled, value)))
    elif kind is dict:
        inner = ", ".join(map(spelled, value.items()))
    elif dataclasses.is_dataclass(value) and set(vars(value)) == {f.name for f in dataclasses.fields(value)}:
        hints = get_type_hints(kind)
        of_files = [name for name, hint in hints.items() if Path in (hint, *get_args(hint))]
        if any(getattr(value, name, None) is not None for name in of_files):
            # The file may be edited.
            raise Unspelled(value)
        inner = ", ".join(map(spelled, vars(value).items()))
    else:
        raise Unspelled(value)
    if kind.__module__ == "builtins":
        return f"{kind.__name__}({inner})"
    return f"{spelled(kind)}({inner})"


def _function(value: types.FunctionType) -> str:
    """A function by its place in gradlab's files, and what it has brought from there."""
    if value.__module__.partition(".")[0] != "gradlab":
        raise Unspelled(value)
    held = [cell.cell_contents for cell in value.__closure__ or ()]
    brought = spelled((held, value.__defaults__, value.__kwdefaults__))
    return f"function {value.__module__}.{value.__qualname__} {_code(value.__code__)} {brought}"


def _code(code: types.CodeType) -> str:
    """Of two functions in one line, which: its operations, names and constants."""
    constants = [_code(one) if isinstance(one, types.CodeType) else repr(one) for one in code.co_consts]
    return hashlib.sha256(repr((code.co_code, code.co_names, constants)).encode()).hexdigest()[:16]


def _compiled(lowered: Any) -> Any:
    """Compiled here: what JAX's cache gives cannot be written down again."""
    with _afresh:
        used = jax.config.values["jax_enable_compilation_cache"]
        _use_cache(False)
        try:
            return lowered.compile()
        finally:
            _use_cache(used)


def _use_cache(used: bool) -> None:
    jax.config.update("jax_enable_compilation_cache", used)  # type: ignore[no-untyped-call]
    # Whether there is one is asked once.
    compilation_cache.reset_cache()


def _keep(place: Path, code: Code, made: Any) -> None:
    """Write a program down; where that cannot be done the next command compiles it again."""
    try:
        content = pickle.dumps((code, _devices(made), *serialize_executable.serialize(made)))
        if not place.parent.is_dir():
            _clear(place.parent.parent)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(place, hashlib.sha256(content).digest() + content)
    except (OSError, ValueError, TypeError, AttributeError, NotImplementedError, pickle.PicklingError):
        return


def _read(place: Path) -> tuple[Code, Any] | None:
    """What was kept; None if there is nothing, or nothing that can be used here."""
    try:
        whole = place.read_bytes()
        digest, content = whole[:32], whole[32:]
        if hashlib.sha256(content).digest() != digest:
            return None
        # The folder is private, as is that of JAX's own compiled programs.
        code, numbers, payload, given, found = pickle.loads(content)
        known = {device.id: device for device in jax.devices()}
        devices = [known[number] for number in numbers]
        made = serialize_executable.deserialize_and_load(payload, given, found, execution_devices=devices)
        # In use: see `_clear`.
        os.utime(place.parent)
        return code, made
    except Exception:
        # Whatever is wrong with it, compiling anew is right.
        return None


def _devices(made: Any) -> list[int]:
    """Which ones a program runs on, by number."""
    places = jax.tree.leaves((made.input_shardings, made.output_shardings))
    return sorted({device.id for place in places for device in place.device_set})


def _clear(programs: Path) -> None:
    """Take away what other states of gradlab's files have kept and nobody has used for long."""
    if not programs.is_dir():
        return
    for one in programs.iterdir():
        if time.time() - one.stat().st_mtime > _AGE:
            shutil.rmtree(one, ignore_errors=True)
