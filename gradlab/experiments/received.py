"""Members as a file spells them that somebody else may have written.

Such a file is data: it names no code, and of other files it reaches those alone that lie in its own folder.
A command line and a call from Python are the user's own word, and come not this way.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gradlab import specs, spelled, values
from gradlab.errors import GradlabError, shown
from gradlab.runs import files

LARGEST = 10**8
"""Bytes of a file that a setting may name."""
MOST = 50
"""Brackets in one spelling."""


def source(folder: Path) -> specs.Source:
    """The settings of a file in that folder; the file knows the place of each itself."""
    return specs.Source(
        lambda name, setting: "",
        plain=lambda text: member(text, folder),
        local=lambda text: inside(values.line(text), folder),
    )


def allowing(folder: Path, own: Sequence[str]) -> specs.Source:
    """As `source`, where the user has named code and files of theirs, which may be named here as well."""

    def plain(text: Any) -> str:
        named = re.findall(r"[\w.]+:\w+", values.line(text), re.ASCII)
        codes = {re.sub(r"\(.*", "", one, flags=re.DOTALL).strip() for one in own}
        if named and str(text).count(":") == len(named) and codes.issuperset(named):
            return str(text)
        return _advised(lambda: member(text, folder), text)

    def local(text: Any) -> str:
        path = values.line(text)
        if path in own:
            return path
        if specs.is_code(path):
            what = f"{shown(path)} names code, which a file may not; if it is yours, --with {shown(path)}"
            raise GradlabError("", what)
        return _advised(lambda: inside(path, folder), path)

    return specs.Source(lambda name, setting: name, plain=plain, local=local)


def _advised(read: Callable[[], str], text: Any) -> str:
    """What is read; or the error, and what its user can do."""
    try:
        return read()
    except GradlabError as error:
        what = f"{error.what}; if it is yours, --with {shown(text)}"
        raise GradlabError(error.where, what, error.code) from error


def member(text: Any, folder: Path) -> str:
    """A member's spelling, its paths taken from the folder of the file that holds it.

    Raises `GradlabError` if it names code, or a path that is no regular file of at most 100 MB in the folder.
    """
    if ":" in values.line(text):
        raise GradlabError("", f"{shown(text)} names code, which a file may not; name a member")
    if text.count("(") > MOST:
        raise GradlabError("", f"{shown(text)} holds more than {MOST} brackets; no member needs so many")
    return _local(str(text), folder)


def _local(text: str, folder: Path) -> str:
    parts = spelled.outside_brackets(text, "+")
    if len(parts) > 1:
        return "+".join(_local(part, folder) for part in parts)
    name, bracket, rest = text.partition("(")
    if not bracket or not rest.rstrip().endswith(")"):
        return text
    first, paths = specs.paths(name.strip())
    pieces = []
    for place, piece in enumerate(filter(None, spelled.outside_brackets(rest.rstrip()[:-1]))):
        key, equals, value = piece.partition("=")
        if place == 0 and (not equals or "(" in key):
            key, value = "", piece
        named = key.strip() or first
        if named in paths:
            pieces.append(f"{named}={_inside(value.strip(), folder)}")
        else:
            pieces.append(f"{key}={_local(value, folder)}" if key else _local(value, folder))
    return f"{name}({', '.join(pieces)})"


def _inside(text: str, folder: Path) -> str:
    """The path in a setting of a member as it is from here; `None` is no path."""
    if text == "None":
        return text
    path = inside(text, folder)
    if re.search(r"[,()]", path):
        raise GradlabError("", f"{shown(path)} holds a comma or a bracket; rename it")
    return path


def inside(text: str, folder: Path) -> str:
    """The path of a regular file in a folder, as it is from here.

    Raises `GradlabError` for what lies elsewhere, is no regular file or has more than 100 MB.
    """
    path = folder / text
    try:
        own, real = folder.resolve(), path.resolve()
        if not real.is_relative_to(own):
            what = "lies outside the folder of this file, which reads nothing there; put it beside the file"
            raise GradlabError("", f"{shown(text)} {what}, or name it on the command line")
        files.regular(real, LARGEST)
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise GradlabError("", f"{shown(text)} cannot be read in the folder of this file: {why}") from error
    return str(path)
