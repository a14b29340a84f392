"""Settings from what people write: text of a command line, values of a file, arguments of a call."""

import contextlib
import dataclasses
import inspect
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from gradlab import registry
from gradlab.errors import GradlabError, shown
from gradlab.ranges import MOST, floats, integers
from gradlab.registry import number

MEMBERS = 1000
"""Cells, initialisers, probes or remedies of one list."""
LONGEST = 1000
"""Characters of one text in a file."""


class Setting(NamedTuple):
    """What is said of a setting once, beside its name and its type: stands in `Annotated`."""

    help: str
    flag: str = ""
    """The option's name where it is not `--name`; several are parted by blanks, the first is shown."""
    members: str = ""
    """The kind of member that it names."""
    least: int | None = None
    most: int | None = None
    positive: bool = False
    empty: bool = False
    """There may be none."""
    unlike: bool = False
    """No value is given twice."""
    member: Callable[[str], str] | None = None
    """Reads one name, where the registry alone does not."""


class Source(NamedTuple):
    """Where settings come from: how they are named there, and what may be written."""

    named: Callable[[str, Setting], str]
    """What an error calls a setting."""
    text: bool = False
    """All values are text, as on a command line."""
    plain: Callable[[Any], str] | None = None
    """How a member is spelled that is not the user's own word; that may be code, `package.module:Name`."""


def flag(name: str, setting: Setting) -> str:
    """The option of a setting."""
    return setting.flag.split()[0] if setting.flag else f"--{name.replace('_', '-')}"


OPTIONS = Source(flag, text=True)
KEYWORDS = Source(lambda name, setting: name)

T = TypeVar("T")


def described(kind: type) -> dict[str, tuple[Any, Setting]]:
    """Type and description of each setting of a dataclass, by name."""
    found = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if get_origin(hint) is Annotated:
            plain, *notes = get_args(hint)
            found[name] = plain, next(note for note in notes if isinstance(note, Setting))
    return found


def reader(kind: type, name: str, source: Source) -> Callable[[Any], Any]:
    """How a value of one setting is read. Raises `GradlabError` that names it as its user does."""
    hint, setting = described(kind)[name]
    where = source.named(name, setting)

    def read(value: Any) -> Any:
        return _read(hint, setting, where, value, source)

    return read


def line(text: Any) -> str:
    """One line of printable text."""
    if not isinstance(text, str):
        raise GradlabError("", f"{shown(text)} must be text in quotes")
    if not text.strip() or len(text) > LONGEST:
        raise GradlabError("", f"must be 1 to {LONGEST} characters long")
    if not text.isprintable():
        what = "holds a line break or a control character; write one plain line"
        raise GradlabError("", f"{shown(text)} {what}")
    return text


def names(kind: str, source: Source) -> Callable[[Any], tuple[str, ...]]:
    """How members of a kind are read, of which there may be none."""
    setting = Setting("", members=kind, empty=True)

    def read(value: Any) -> tuple[str, ...]:
        return _several("", value, lambda text: _member(setting, "", text, source), 0, source)

    return read


def made(
    kind: type[T], source: Source, given: Mapping[str, Any], preset: Mapping[str, Any] | None = None
) -> T:
    """The settings of what was given; what is None or not there is that of `preset`, or the default."""
    unknown = given.keys() - described(kind).keys()
    if unknown:
        name = sorted(unknown)[0]
        raise registry.unknown(name, "setting", name, list(described(kind)))
    read = dict(preset or {}) | {
        name: reader(kind, name, source)(value) for name, value in given.items() if value is not None
    }
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.default is field.default_factory is dataclasses.MISSING and field.name not in read:
            raise GradlabError(field.name, "is missing")
    with naming(kind, source):
        return kind(**read)


@contextlib.contextmanager
def naming(kind: type, source: Source) -> Iterator[None]:
    """Name a setting that an error names by its option as the source does."""
    try:
        yield
    except GradlabError as error:
        for name, (_, setting) in described(kind).items():
            if error.where == flag(name, setting):
                raise GradlabError(source.named(name, setting), error.what, error.code) from error
        raise


def check(settings: Any, source: Source = OPTIONS) -> None:
    """Hold each setting of a dataclass to its bounds and its words."""
    for name, (hint, setting) in described(type(settings)).items():
        value, where = getattr(settings, name), source.named(name, setting)
        values = value if isinstance(value, tuple) else (value,)
        for one in values:
            fault = _fault(setting, hint, one)
            if fault:
                raise GradlabError(where, f"{shown(one)} is {fault}")
        twice = [one for one, count in Counter(values).items() if count > 1 and setting.unlike]
        if twice:
            raise GradlabError(where, f"{shown(twice[0])} is given twice; name each value once")
        if get_origin(hint) is Literal:
            choice(where, value, hint)


def _fault(setting: Setting, hint: Any, value: Any) -> str:
    """What is wrong with the size of a value; empty if nothing is."""
    if setting.positive and not value > 0:
        return "too small; it must be positive"
    if setting.least is not None and not value >= setting.least:
        real = setting.least == 0 and hint is float
        return f"too small; {'0 or a positive number' if real else f'at least {setting.least}'}"
    if setting.most is not None and not value <= setting.most:
        exponent = setting.most.bit_length()
        power = exponent > 30 and setting.most + 1 == 2**exponent
        return f"too large; at most {f'2**{exponent} - 1' if power else setting.most}"
    return ""


def written(value: Any) -> str:
    """A setting as a command line has it; an even grid as the range that it is.

    >>> written((0.5, 0.6, 0.7, 0.8)), written((25, 50)), written(True)
    ('0.5:0.8:4', '25,50', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, tuple):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if len(value) > 3 and all(isinstance(item, float) for item in value):
        found = f"{value[0]:g}:{value[-1]:g}:{len(value)}"
        if floats("", found) == value:
            return found
    return ",".join(written(item) for item in value)


def stored(settings: Any) -> dict[str, Any]:
    """Settings as plain JSON values."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(settings).items()}


def _read(hint: Any, setting: Setting, where: str, value: Any, source: Source) -> Any:
    if setting.members:

        def one(text: Any) -> str:
            return _member(setting, where, text, source)

        least = 0 if setting.empty else 1
        return _several(where, value, one, least, source) if get_origin(hint) is tuple else one(value)
    if get_origin(hint) is tuple:
        return _numbers(where, value, get_args(hint)[0], source)
    if get_origin(hint) is Literal:
        if not isinstance(value, str):
            raise GradlabError(where, f"{shown(value)} must be text")
        return choice(where, value, hint)
    if hint in (int, float):
        if source.text:
            return number(where, value, value, hint)
        return _number(where, value, hint)
    if hint is bool and not isinstance(value, bool):
        raise GradlabError(where, f"{shown(value)} must be true or false")
    if hint is str and not isinstance(value, str):
        raise GradlabError(where, f"{shown(value)} must be text")
    return value


def _number(where: str, value: Any, kind: type[int] | type[float]) -> int | float:
    plain = value.item() if hasattr(value, "item") and not getattr(value, "shape", ()) else value
    if isinstance(plain, bool) or not isinstance(plain, int if kind is int else int | float):
        raise GradlabError(where, f"{shown(value)} must be {'a whole number' if kind is int else 'a number'}")
    if not math.isfinite(plain):
        raise GradlabError(where, f"{shown(value)} must be a finite number")
    return kind(plain)


def _numbers(
    where: str, value: Any, kind: type[int] | type[float], source: Source
) -> tuple[int, ...] | tuple[float, ...]:
    """A number, several of them, or text: a list or a range `START:STOP:COUNT`."""
    if isinstance(value, str):
        value = value if source.text else line(value)
        counts = re.findall(r":\+?([0-9]{1,18})(?=,|$)", value)
        if not source.text and sum(map(int, counts)) > MOST:
            raise GradlabError(where, f"{shown(value)} has too many values; at most {MOST}")
        return integers(where, value) if kind is int else floats(where, value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    items = list(value) if isinstance(value, list | tuple | range) else [value]
    if not 1 <= len(items) <= MOST:
        raise GradlabError(where, f"must hold at least one number, and at most {MOST}")
    return tuple(kind(_number(where, item, kind)) for item in items)


def _member(setting: Setting, where: str, text: Any, source: Source) -> str:
    """One member, in its canonical spelling."""
    if source.plain is not None:
        text = source.plain(text)
    if not isinstance(text, str):
        raise GradlabError(where, f"{shown(text)} must be text")
    if len(registry.outside_brackets(text)) > 1:
        raise GradlabError(where, f"{shown(text)} is several; write each in quotes of its own")
    try:
        return setting.member(text) if setting.member else registry.label(setting.members, text)
    except GradlabError as error:
        # A member that reads a file names that.
        own = error.where in ("", registry.KINDS.get(setting.members))
        raise GradlabError(where if where and own else error.where, error.what, error.code) from error


def _several(
    where: str, value: Any, one: Callable[[Any], str], least: int, source: Source
) -> tuple[str, ...]:
    """Members in a list, or one text with commas between them."""
    items = value if isinstance(value, list | tuple) else [value]
    if source.text:
        items = [part for text in items for part in registry.outside_brackets(text)]
        if not items or not all(items):
            raise GradlabError(where, "is empty; name at least one")
    if not least <= len(items) <= MEMBERS:
        raise GradlabError(where, f"must be {least} to {MEMBERS} names")
    found, wrong = [], []
    for item in items:
        try:
            found.append(one(item))
        except GradlabError as error:
            wrong.append(error)
    if len(wrong) > 1 and not source.text:
        raise GradlabError(where, "; ".join(error.what for error in wrong))
    if wrong:
        raise wrong[0]
    return tuple(found)


def choice(option: str, text: str, allowed: Any) -> Any:
    """`text`, if it is one of the words of the `Literal` that `allowed` is.

    >>> choice("--precision", "float64", Literal["float32", "float64"])
    'float64'
    """
    if text not in get_args(allowed):
        raise registry.unknown(option, option.lstrip("-"), text, get_args(allowed))
    return text


def paths(name: str) -> tuple[str, set[str]]:
    """The setting of a member that may go without its name, if that is a path; and all that are paths."""
    first, found = "", set()
    for kind in registry.KINDS:
        if name not in registry.names(kind):
            continue
        made = registry.member(kind, name)
        hints = get_type_hints(made.__init__ if inspect.isclass(made) else made)
        for place, key in enumerate(registry.settings(made)):
            if Path in (hints.get(key), *get_args(hints.get(key))):
                found.add(key)
                first = first if place else key
    return first, found
