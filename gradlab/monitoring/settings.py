"""What the settings of a monitor may be."""

import math
from typing import Any

from gradlab.errors import GradlabError, shown


def require(counts: dict[str, tuple[Any, int]], bounds: dict[str, Any], share: Any) -> None:
    """See that they make sense: counts with the least that each may be, bounds, which may be None, the share.

    Raises:
      GradlabError: for the first that does not (exit 2).
    """
    for name, (value, least) in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise GradlabError(name, f"is {shown(value)}; it is a whole number, {least} or more")
    for name, bound in {**bounds, "share": share}.items():
        if bound is not None and not (_is_number(bound) and 0 < bound < math.inf):
            raise GradlabError(name, f"is {shown(bound)}; it is a number above 0")
    if share > 1:
        raise GradlabError("share", f"is {share:g}; it is a share of the time, at most 1")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
