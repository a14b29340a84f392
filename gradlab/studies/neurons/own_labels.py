"""Labels of the user's own: where a regular expression matches, worked out in a process that can be stopped.

A pattern such as `(a+)+$` may take longer than the universe is old; Python cannot interrupt it from within.
"""

import json
import re
import subprocess
import sys

from gradlab.errors import GradlabError, shown

SECONDS = 10.0
"""For one pattern on one file."""
_CODE = """
import json, re, sys
given = json.load(sys.stdin)
json.dump([one.span() for one in re.finditer(given["pattern"], given["text"], re.MULTILINE)], sys.stdout)
"""


def spans(name: str, pattern: str, text: str) -> list[tuple[int, int]]:
    """Where a pattern matches a text.

    Raises:
      GradlabError: for a pattern that does not compile, or takes too long.
    """
    check(name, pattern)
    given = json.dumps({"pattern": pattern, "text": text})
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _CODE],
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
            encoding="utf-8",
        )
    except subprocess.TimeoutExpired as error:
        what = f"{shown(pattern)} takes more than {SECONDS:g} s; write it without nested repeats"
        raise GradlabError("--label", f"{name}={what}") from error
    except (subprocess.CalledProcessError, OSError) as error:
        raise GradlabError("--label", f"{name}={shown(pattern)} cannot be searched for: {error}") from error
    return [(start, end) for start, end in json.loads(done.stdout)]


def check(name: str, pattern: str) -> None:
    """Refuse a pattern that does not compile, or matches nothing at all everywhere."""
    try:
        re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise GradlabError("--label", f"{name}={shown(pattern)} is no regular expression: {error}") from error
