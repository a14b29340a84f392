"""Strict models of what files may say, and their faults in plain words, each with its path."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model
from pydantic_core import PydanticCustomError

from gradlab import values
from gradlab.errors import GradlabError, shown


class Fault(NamedTuple):
    """What is wrong in a file: the path of a key, and what came and what is allowed."""

    where: str
    what: str


class Strict(BaseModel):
    """Only the keys that are named, each of its own type: `"5"` is not 5, `true` is not 1."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


def model(name: str, fields: Mapping[str, tuple[Any, Any]]) -> type[Strict]:
    """A model from `key: (type, default)`; a default of `...` makes the key a must."""
    made: type[Strict] = create_model(name, __base__=Strict, **dict(fields))  # type: ignore[call-overload]
    return made


def fault(what: str) -> PydanticCustomError:
    """The exception by which a validator says what is wrong."""
    return PydanticCustomError("fault", "{what}", {"what": what})


def text(value: Any) -> str:
    """One line of printable text."""
    try:
        return values.line(value)
    except GradlabError as error:
        raise fault(error.what) from error


Line = Annotated[str, BeforeValidator(text)]


def reader(read: Callable[[Any], Any]) -> Any:
    """The type of a key that `read` turns into its value; a `GradlabError` of it is a fault like others."""

    def told(value: Any) -> Any:
        try:
            return read(value)
        except GradlabError as error:
            raise fault(error.what) from error

    return Annotated[Any, BeforeValidator(told)]


def read(kind: type[Strict], raw: Any, at: str) -> tuple[dict[str, Any], list[Fault]]:
    """The keys that `raw` gives, validated, and every fault; a fault's path begins with `at`."""
    try:
        found = kind.model_validate(raw)
    except ValidationError as error:
        return {}, [_fault(kind, each, at) for each in error.errors(include_url=False)]
    given = [key for key in kind.model_fields if key in found.model_fields_set]
    return {key: getattr(found, key) for key in given}, []


def unknown(key: str, known: Iterable[str]) -> str:
    """What is wrong with a key that nobody has."""
    near = difflib.get_close_matches(key[:100], sorted(known), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
    return f"no such key; {hint}"


def path(at: str, parts: Iterable[str | int]) -> str:
    """`sweep.w_rec[2]`, from `sweep` and (`w_rec`, 2)."""
    for part in parts:
        step = f"[{part}]" if isinstance(part, int) else part if part.isidentifier() else shown(part)
        at += step if step.startswith("[") or not at else f".{step}"
    return at


_WORDS = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}


def _fault(kind: type[Strict], error: Any, at: str) -> Fault:
    where, came = path(at, error["loc"]), shown(error["input"])
    if error["type"] == "extra_forbidden":
        return Fault(where, unknown(str(error["loc"][-1]), kind.model_fields))
    if error["type"] == "fault":
        return Fault(where, error["ctx"]["what"])
    if error["type"] == "literal_error":
        return Fault(where, f"{came} is not possible; write {error['ctx']['expected']}")
    words = _WORDS.get(error["type"], error["msg"])
    return Fault(where, words if error["type"] == "missing" else f"{came} {words}")


def refusal(source: str, faults: list[Fault]) -> GradlabError:
    """One exception for all faults of a file; a single one stays on one line."""
    if len(faults) == 1:
        return GradlabError(f"{source}:{faults[0].where}" if faults[0].where else source, faults[0].what)
    told = "; ".join(f"{where}: {what}" for where, what in faults[:50])
    rest = f"; and {len(faults) - 50} more" if len(faults) > 50 else ""
    return GradlabError(source, f"{len(faults)} faults: {told}{rest}")
