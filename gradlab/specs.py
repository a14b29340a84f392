"""Settings from what people write: text of a command line, values of a file, arguments of a call."""

import contextlib
import dataclasses
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from gradlab import registry, spelled, values
from gradlab.errors import GradlabError, shown
from gradlab.ranges import floats
from gradlab.spelled import number


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
    each: bool = False
    """Texts, each given by an option of its own: a comma is a letter of it."""
    member: Callable[[str], str] | None = None
    """Reads one name, where the registry alone does not."""
    path: bool = False
    """It names a file."""
    unit: str = ""
    """Of numbers: what each may be followed by in text."""


class Source(NamedTuple):
    """Where settings come from: how they are named there, and what may be written."""

    named: Callable[[str, Setting], str]
    """What an error calls a setting."""
    text: bool = False
    """All values are text, as on a command line."""
    plain: Callable[[Any], str] | None = None
    """How a member is spelled that is not the user's own word; that may be code, `package.module:Name`."""
    local: Callable[[str], str] | None = None
    """Where a file lies that is not the user's own word."""


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


def names(kind: str, source: Source) -> Callable[[Any], tuple[str, ...]]:
    """How members of a kind are read, of which there may be none."""
    setting = Setting("", members=kind, empty=True)

    def read(value: Any) -> tuple[str, ...]:
        one = lambda text: _member(setting, "", text, source)
        return values.several("", value, one, 0, text=source.text)

    return read


def made(
    kind: type[T], source: Source, given: Mapping[str, Any], preset: Mapping[str, Any] | None = None
) -> T:
    """The settings of what was given; what is None or not there is that of `preset`, or the default."""
    unknown = given.keys() - described(kind).keys()
    if unknown:
        name = sorted(unknown)[0]
        raise spelled.unknown(name, "setting", name, list(described(kind)))
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


def absolute(settings: T) -> T:
    """The settings with the paths that they name as they are from any folder; code stays as it is named."""
    changes = {}
    for name, (_, setting) in described(type(settings)).items():
        value = getattr(settings, name)
        if setting.path and value and not is_code(value):
            changes[name] = str(Path(value).absolute())
    return dataclasses.replace(settings, **changes) if changes else settings  # type: ignore[type-var]


def is_code(text: str) -> bool:
    """Whether a text names code and no file, as `package.module:name` does.

    >>> is_code("package.module:name"), is_code("weights.npz")
    (True, False)
    """
    return re.fullmatch(r"\w+(\.\w+)*:\w+", text, re.ASCII) is not None


def check(settings: Any, source: Source = OPTIONS) -> None:
    """Hold each setting of a dataclass to its bounds and its words."""
    for name, (hint, setting) in described(type(settings)).items():
        value, where = getattr(settings, name), source.named(name, setting)
        given = value if isinstance(value, tuple) else (value,)
        for one in given:
            fault = _fault(setting, hint, one)
            if fault:
                raise GradlabError(where, f"{shown(one)} is {fault}")
        twice = [one for one, count in Counter(given).items() if count > 1 and setting.unlike]
        if twice:
            raise GradlabError(where, f"{shown(twice[0])} is given twice; name each value once")
        if get_origin(hint) is Literal:
            values.choice(where, value, hint)


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
    """Settings as plain JSON values; what `without` of their class says does not go for them is left out."""
    left_out = getattr(settings, "without", ())
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in vars(settings).items()
        if key not in left_out
    }


def _read(hint: Any, setting: Setting, where: str, value: Any, source: Source) -> Any:
    if setting.members:

        def one(text: Any) -> str:
            return _member(setting, where, text, source)

        least = 0 if setting.empty else 1
        many = get_origin(hint) is tuple
        return values.several(where, value, one, least, text=source.text) if many else one(value)
    if setting.each:
        return values.texts(where, value)
    if get_origin(hint) is tuple:
        if setting.unit and isinstance(value, str):
            value = re.sub(rf"(?<=[0-9]){setting.unit}(?=\s*(?:,|$))", "", value)
        return values.numbers(where, value, get_args(hint)[0], text=source.text)
    if get_origin(hint) is Literal:
        if not isinstance(value, str):
            raise GradlabError(where, f"{shown(value)} must be text")
        return values.choice(where, value, hint)
    if hint in (int, float):
        if source.text:
            return number(where, value, value, hint)
        return values.number(where, value, hint)
    if setting.path and isinstance(value, Path):
        value = str(value)
    if hint is bool and not isinstance(value, bool):
        raise GradlabError(where, f"{shown(value)} must be true or false")
    if hint is str and not isinstance(value, str):
        raise GradlabError(where, f"{shown(value)} must be text")
    if setting.path and source.local is not None and value:
        return source.local(value)
    return value


def _member(setting: Setting, where: str, text: Any, source: Source) -> str:
    """One member, in its canonical spelling."""
    if source.plain is not None:
        text = source.plain(text)
    if not isinstance(text, str):
        raise GradlabError(where, f"{shown(text)} must be text")
    if len(spelled.outside_brackets(text)) > 1:
        raise GradlabError(where, f"{shown(text)} is several; write each in quotes of its own")
    try:
        return setting.member(text) if setting.member else registry.label(setting.members, text)
    except GradlabError as error:
        # A member that reads a file names that.
        own = error.where in ("", registry.KINDS.get(setting.members))
        raise GradlabError(where if where and own else error.where, error.what, error.code) from error


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
