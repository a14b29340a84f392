"""What is wrong with the settings of a file: every fault at its place, and no setting blamed for another."""

from typing import Any

from gradlab.errors import GradlabError
from gradlab.runs.strict import Fault


def each(kind: Any, values: dict[str, Any], must: dict[str, Any], place: dict[str, str]) -> list[Fault]:
    """What is wrong with settings, each tried alone.

    One may look wrong that another of the same file puts right, as `updates` does beside the usual
    `eval_every`: it is a fault only if it is wrong beside all that are not suspected themselves.
    """

    def wrong(some: dict[str, Any]) -> str:
        try:
            kind(**some)
        except GradlabError as error:
            return error.what
        return ""

    alone = [key for key, value in values.items() if wrong(must | {key: value})]
    fine = {key: value for key, value in values.items() if key in must or key not in alone}
    told = {key: wrong(fine | {key: values[key]}) for key in alone}
    return [Fault(place[key], what) for key, what in told.items() if what]


def together(error: GradlabError, command: str, place: dict[str, str]) -> Fault:
    """Of settings that do not go together: at the one that the error names."""
    key = error.where.lstrip("-").replace("-", "_")
    return Fault(place.get(key, f"{command}.{key}"), error.what)
