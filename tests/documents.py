"""JSON documents held to their schemas: those that commands print, and those that they write."""

import contextlib
import functools
import json
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from gradlab import schemas

WRITTEN = ("*.json", "*/*.json")
"""Where commands write documents, below a folder that they are given."""


@functools.cache
def validator(name):
    return Draft202012Validator(schemas.read(name))


def fault(document):
    """What is wrong with a document, or with one in its data, in words with its place; None if nothing is."""
    if "$schema" in document:
        Draft202012Validator.check_schema(document)
        return None
    name = document.get("schema")
    if name not in schemas.names():
        return f"{name!r} is the id of no schema"
    found = best_match(validator(name).iter_errors(document))
    if found is not None:
        return f"{name}: {found.json_path}: {found.message[:500]}"
    data = document.get("data")
    within = [one for one in data.values() if isinstance(one, dict)] if isinstance(data, dict) else []
    return next(filter(None, (fault(one) for one in within if "schema" in one)), None)


def strict(text):
    """The one strict JSON document that `text` is: no NaN, no Infinity, nothing after it."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def hold(text):
    """The document that `text` is, which is as its schema says."""
    found = strict(text)
    wrong = fault(found)
    assert wrong is None, wrong
    return found


def hold_file(path):
    """A file that a command has written is as its schema says; other programs' formats have none of ours."""
    text = path.read_text()
    if '"schema": "gradlab.' in text or path.name in ("run.json", "findings.json"):
        hold(text)


def files(words):
    """JSON files at the places that words may name and in folders there: what tells one from a later one."""
    found = {}
    for place in map(Path, {*words, "results"}):
        with contextlib.suppress(OSError, ValueError):
            several = [place] if place.is_file() else [path for glob in WRITTEN for path in place.glob(glob)]
            for path in several:
                if path.suffix == ".json" and path.is_file():
                    facts = path.stat()
                    found[path] = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
    return found
