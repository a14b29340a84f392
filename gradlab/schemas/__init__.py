"""The JSON Schemas of all that is printed with `--json` or written as JSON, one file each.

A document says in its field `schema` which one describes it: `gradlab.table/3` is the file `table-3.json`. A
document that gets other fields gets a higher number, and a file of its own beside the old one.
"""

import json
import re
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The id of every schema, by kind and number.

    >>> "gradlab.findings/2" in names()
    True
    """
    found = [re.fullmatch(r"([a-z-]+)-(\d+)\.json", path.name) for path in _FOLDER.iterdir()]
    numbered = sorted((one[1], int(one[2])) for one in found if one)
    return [f"gradlab.{kind}/{number}" for kind, number in numbered]


def newest(kind: str) -> str:
    """The id that a document of a kind has today; KeyError if no schema describes it.

    >>> newest("findings")
    'gradlab.findings/2'
    """
    return {name.removeprefix("gradlab.").partition("/")[0]: name for name in names()}[kind]


def read(name: str) -> dict[str, Any]:
    """The schema of an id; FileNotFoundError if there is none.

    >>> read("gradlab.findings/2")["title"]
    'What became of the claims and comparisons of a run'
    """
    file = _FOLDER / f"{name.removeprefix('gradlab.').replace('/', '-')}.json"
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found
