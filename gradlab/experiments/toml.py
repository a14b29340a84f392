"""Files that people write, as plain data: read with limits, before anything believes them."""

import math
import re
import tomllib
from pathlib import Path
from typing import Any

from gradlab.errors import GradlabError, shown
from gradlab.runs import documents, files, strict

LARGEST = 2**20
"""Bytes of a settings file."""
_RUN = 64 * 10**6
"""Bytes of a `run.json`, which holds much else."""
DEEPEST = 64
"""Tables and lists within each other."""
MOST = 10**5
"""Values in a file."""

_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?(?:"""|\Z)'
    r"|'''.*?(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*'?|#[^\n]*",
    re.DOTALL,
)
"""Strings and comments; one that does not end is taken as far as it goes, so that the time stays linear."""


def parsed(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, or, of the `run.json` of a run, those of the file that would ask it again.

    Raises `GradlabError` for what is no regular UTF-8 file of at most 1 MiB, does not parse, is nested
    deeper than 64, or holds a number that is not finite or takes more than 64 bits.
    """
    run = path.suffix == ".json"
    text = _text(path, _RUN if run else LARGEST)
    try:
        if run:
            raw = _asked_again(path, documents.parsed(text.encode()))
        else:
            _check_nesting(path, text)
            raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise GradlabError(str(path), f"is not TOML: {shown(str(error), 200)}") from error
    except RecursionError as error:
        raise _too_deep(path) from error
    except ValueError as error:
        raise GradlabError(
            str(path), f"cannot be read: {shown(str(error).partition(';')[0], 200)}"
        ) from error
    _check_values(path, raw)
    return raw


def _text(path: Path, most: int) -> str:
    try:
        content = files.named(path, most)
    except FileNotFoundError as error:
        there = sorted(other.name for other in path.parent.glob("*.toml"))[:20]
        hint = f"there are {', '.join(there)}" if there else "name a settings file"
        raise GradlabError(str(path), f"no such file; {hint}") from error
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise GradlabError(shown(str(path)), f"cannot be read: {what}; name another file") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GradlabError(str(path), f"is not UTF-8 at byte {error.start}; save it as UTF-8") from error


def _asked_again(path: Path, about: Any) -> dict[str, Any]:
    """What a settings file would have to say for the run that `run.json` describes."""
    if not isinstance(about, dict) or not isinstance(about.get("settings"), dict):
        raise GradlabError(str(path), "holds no settings of a run; name a settings file or a run.json")
    settings = {key: value for key, value in about["settings"].items() if key != "command"}
    command = about["settings"].get("command", "sweep")
    raw = {key: about[key] for key in ("figures", "claims") if key in about}
    question = about.get("question") or f"What does {path.parent.name or 'the run'} say?"
    return raw | {"question": question, str(command): settings}


def _check_nesting(path: Path, text: str) -> None:
    """Refuse deep nesting before the parser meets it: its time grows with the square of the depth."""
    bare = _STRING.sub("S", text)
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", bare):
        depth = max(0, depth + (1 if bracket in "[{" else -1))
        if depth > DEEPEST:
            raise _too_deep(path)
    if "." * DEEPEST in re.sub(r"[\w \t-]+", "", bare):
        raise _too_deep(path)


def _too_deep(path: Path) -> GradlabError:
    return GradlabError(str(path), f"is nested deeper than {DEEPEST}; no settings file needs that")


def _check_values(path: Path, raw: dict[str, Any]) -> None:
    """Depth, count and numbers of what was parsed; in a loop, so that no depth is too deep for it."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), raw)]
    faults: list[strict.Fault] = []
    seen = 0
    while waiting:
        at, value = waiting.pop()
        seen += 1
        if len(at) > DEEPEST:
            raise _too_deep(path)
        if seen > MOST:
            raise GradlabError(str(path), f"holds more than {MOST} values; no settings file needs that")
        if isinstance(value, dict):
            waiting += [((*at, str(key)), each) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [((*at, i), each) for i, each in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            faults.append(strict.Fault(strict.path("", at), f"{value} must be a finite number"))
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            faults.append(
                strict.Fault(strict.path("", at), "takes more than 64 bits; write a smaller number")
            )
    if faults:
        raise strict.refusal(str(path), faults[::-1])
