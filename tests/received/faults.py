"""What tests of faulty files share: how a fault is planted in `run.json`, and what is said of any."""

import json

from tests.cli.calling import contents, gradlab


def refused(place, said):
    """Every reader says it, in one line, and changes nothing."""
    before = contents(place)
    for words in (("show", place), ("check", place), ("report", place, "-o", place.parent / "x.html")):
        found = gradlab(*words)
        assert (found.code, found.out) == (2, "")
        assert found.err.startswith(f"error: {place}/{said}"), found.err
        assert found.err.count("\n") == 1
        assert found.err.removesuffix("\n").isprintable()
    assert contents(place) == before


def told(place, *at, value):
    """`run.json` with another value at a place; `...` as the value removes it."""
    file = place / "run.json"
    about = json.loads(file.read_text())
    inner = about
    for key in at[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    file.write_text(json.dumps(about))
    return place


def shortly(value):
    """A test's name: the beginning of what it is given; None where that has no name that stays."""
    return None if callable(value) else str(value)[:30]
