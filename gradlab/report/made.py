"""How a run was made: the exact command, its settings, its seeds and what it ran on."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gradlab.errors import GradlabError
from gradlab.report.words import clean
from gradlab.runs import manifest, store
from gradlab.studies.measure.settings import PYTHON

_OPTIONS = {"T": "-T", "remedies": "--remedy"}
_OFF = {"match": "--no-match"}
_AGAIN = ("cell", "init", "label", "probe", "remedies")
"""Options that are given once a value; other lists are written with commas."""
_FIRST = ("task", "text", "model")
"""Arguments of a command that stand before its options."""
_NOT_OPTIONS = (*_FIRST, "text_digest", "model_digest", "data_digest", "inputs_digest", "command")


IN_PYTHON = "It was measured from Python; no command makes it again."


class Facts(NamedTuple):
    """What is needed to make a run again, and to trust it."""

    words: list[str]
    """Of the command, each as a shell takes it; none where no command makes the run again."""
    settings: dict[str, str]
    versions: dict[str, str]
    digests: dict[str, str]
    notes: list[str]
    """What the numbers are worth, and what the run cannot say of the code that made it."""

    @property
    def command(self) -> str:
        """The command on one line."""
        return " ".join(self.words)


def facts(about: dict[str, Any], lacking: Sequence[str] = (), folder: Path | None = None) -> Facts:
    """The facts that a `run.json` holds; `lacking` says what has no value, and why.

    With the run's `folder` the command gives the run its name.
    """
    pairs = {key: _table(about, key) for key in ("settings", "versions", "git", "files")}
    versions = pairs["versions"] | {f"git {key}": value for key, value in pairs["git"].items()}
    notes = [f"{about['bound']}."] if about.get("bound") else []
    notes += [clean(f"{one[:1].upper()}{one[1:]}.") for one in about.get("said", ())]
    settings, versions, files = (
        {key: said(value) for key, value in some.items()}
        for some in (pairs["settings"], versions, pairs["files"])
    )
    notes += [clean(note) for note in (*lacking, *manifest.of_code(about))]
    words = command(about)
    words += _named(about, folder) if folder and words else []
    return Facts([shlex.quote(word) for word in words], settings, versions, files, notes)


def command(about: dict[str, Any]) -> list[str]:
    """The command that makes the run again, every setting spelled out; none for one made in Python alone."""
    settings = _table(about, "settings")
    if settings.get("model") == PYTHON and not settings.get("data"):
        return []
    words = ["gradlab", _word(about.get("command", "sweep"))]
    words += [_word(settings[key]) for key in _FIRST if settings.get(key)]
    for key, value in settings.items():
        words += _option(key, value) if key not in _NOT_OPTIONS else []
    several = isinstance(settings.get("lr"), list) and len(settings["lr"]) > 1
    # Not stored: no rates but those given. The command alone would try others.
    return words + (["--no-widen"] if words[1] == "remedies" and several and "widen" not in settings else [])


def _named(about: dict[str, Any], folder: Path) -> list[str]:
    """The option that gives a run its name; nothing for one made of its settings, or that no run can have."""
    name = folder.resolve().name
    try:
        store.folder_of(Path(), name)
    except GradlabError:
        return []
    return [] if name == store.name_of(_table(about, "settings")) else ["--name", name]


def _table(about: dict[str, Any], key: str) -> dict[str, Any]:
    found = about.get(key)
    return {str(name): value for name, value in found.items()} if isinstance(found, dict) else {}


def _option(key: str, value: Any) -> list[str]:
    name = _OPTIONS.get(key, f"--{key.replace('_', '-')}")
    if isinstance(value, bool):
        return [] if value else [_OFF.get(key, f"--no-{key}")]
    if value in (None, [], ""):
        return []
    if isinstance(value, list) and key not in _AGAIN:
        value = ",".join(map(_word, value))
    values = value if isinstance(value, list) else [value]
    # The plain arm is always there; alone it has to be named, or the command takes its usual ones.
    words = [_word(one) for one in values if not (key == "remedies" and one == "none" and len(values) > 1)]
    return [part for word in words for part in ([f"{name}={word}"] if word[:1] == "-" else [name, word])]


def _word(value: Any) -> str:
    return clean(str(value))


def said(value: Any) -> str:
    """A setting's value as text."""
    if isinstance(value, list):
        return ", ".join(map(said, value)) or "none"
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return "yes" if value is True else "no" if value is False else str(value)
