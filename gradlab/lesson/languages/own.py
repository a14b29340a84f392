"""A file of texts of one's own, in the place of some texts of the language that it names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradlab import escaping
from gradlab.errors import GradlabError, shown
from gradlab.experiments import toml
from gradlab.lesson.languages import NAMES, PLACE, SETTINGS, Language, known
from gradlab.runs import strict
from gradlab.runs.strict import Fault

LONGEST = 5000
"""Characters of a text."""
WORDS = 12
"""Of the sentence that is translated: more do not fit beside each other in its figure."""
BASE = "based_on"
_MARKUP = re.compile(r"[_^]\{[^{}]*\}")
_CODE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_ALLOWED = {
    "code": (_CODE, "the code of a language, such as de or de-CH"),
    "decimal": (re.compile(r"[.,]"), "a point or a comma"),
    "group": (re.compile(r"[.,'’ \u00a0\u202f]?"), "a point, a comma, an apostrophe, a space or nothing"),
}


def read(path: Path) -> Language:
    """The language of a file; raises `GradlabError` that names all its faults."""
    raw = toml.parsed(path)
    base = raw.pop(BASE, None)
    if base not in NAMES:
        came = "is missing" if base is None else f"{shown(base)} is no language"
        raise GradlabError(
            f"{path}:{BASE}", f"{came}; write one of {', '.join(NAMES)}, whose other texts stay"
        )
    return _over(known(str(base)), raw, str(path))


def _over(base: Language, raw: Mapping[str, Any], source: str) -> Language:
    """A language with some texts in the place of its own."""
    settings = {name: getattr(base, name) for name in _ALLOWED}
    tables: dict[str, Mapping[str, str]] = {SETTINGS: settings, **base.texts}
    faults = [
        fault
        for name, given in raw.items()
        for fault in (
            _faults(name, given, tables[name])
            if name in tables
            else [Fault(_at(name), strict.unknown(name, tables))]
        )
    ]
    settings |= {} if faults else raw.get(SETTINGS, {})
    if not faults and settings["decimal"] == settings["group"]:
        faults.append(Fault(_at(SETTINGS), "decimal and group are the same; numbers could not be read"))
    if faults:
        raise strict.refusal(source, faults)
    texts = {name: {**table, **raw.get(name, {})} for name, table in base.texts.items()}
    if faults := sentence_faults(texts["unrolled"], raw.get("unrolled", {})):
        raise strict.refusal(source, faults)
    return Language(source, **settings, texts=texts)


def sentence_faults(texts: Mapping[str, str], given: Mapping[str, str]) -> list[Fault]:
    """What is wrong with the forms of the sentence of chapter 1, of which some texts are `given`."""
    faults = []
    for side, most in (("source", 1), ("target", WORDS)):
        keys = [f"{side}_one", f"{side}_other"]
        one, other = (texts[key].split() for key in keys)
        apart = sum(pair[0] != pair[1] for pair in zip(one, other, strict=False))
        if not (len(one) == len(other) <= WORDS and 1 <= apart <= most):
            key, beside = keys if keys[0] in given else keys[::-1]
            words = "one word" if most == 1 else "a word or more"
            what = f"must have as many words as {beside}, at most {WORDS}, and differ from it in {words}"
            faults.append(Fault(_at("unrolled", key), what))
    return faults


def _faults(name: str, given: Any, table: Mapping[str, str]) -> list[Fault]:
    """What is wrong in a table."""
    if not isinstance(given, dict):
        return [Fault(_at(name), f"{shown(given)} must be a table")]
    found = []
    for key, text in given.items():
        if key not in table:
            found.append(Fault(_at(name, key), strict.unknown(key, table)))
        elif what := _setting(key, text) if name == SETTINGS else wrong(text, table[key]):
            found.append(Fault(_at(name, key), what))
    return found


def _at(*keys: str) -> str:
    return strict.path("", keys)


def _setting(key: str, value: Any) -> str:
    """What is wrong with the way of writing numbers, or nothing."""
    pattern, allowed = _ALLOWED[key]
    return "" if isinstance(value, str) and pattern.fullmatch(value) else f"{shown(value)} must be {allowed}"


def _named(names: set[str]) -> str:
    return ", ".join(shown(f"{{{name}}}")[1:-1] for name in sorted(names))


def wrong(text: Any, other: str) -> str:
    """What is wrong with a text in the place of another one, or nothing.

    >>> wrong("T = {steps}", "h_{t} of {steps} steps"), wrong("T", "{steps} steps")
    ('', 'does not have {steps}')
    """
    if not isinstance(text, str):
        return f"{shown(text)} must be text in quotes"
    if not text.strip() or len(text) > LONGEST:
        return f"must be 1 to {LONGEST} characters long"
    if escaping.plain(text) != text:
        return f"{shown(text)} holds a line break or a character that cannot be seen; write one plain line"
    places, wanted = (set(PLACE.findall(one)) for one in (text, other))
    if places - wanted:
        return f"has {_named(places - wanted)}, which nothing is put into; known: {_named(wanted) or 'none'}"
    if wanted - places:
        return f"does not have {_named(wanted - places)}"
    if re.search(r"[{}]", PLACE.sub("", _MARKUP.sub("", PLACE.sub("", text)))):
        return f"{shown(text)} has a brace without its other one"
    return ""
