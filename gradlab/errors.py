"""Exit codes, and the one exception a user sees."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit status means; `gradlab --help` prints this table."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    INCONCLUSIVE = 4
    STORAGE = 5
    ENVIRONMENT = 6
    RESOURCES = 7
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


MEANING = {
    Exit.OK: "done",
    Exit.FAILED: "a check or claim failed",
    Exit.USAGE: "usage, settings or input file",
    Exit.PARTIAL: "some points failed; the rest is saved",
    Exit.INCONCLUSIVE: "nothing to compare, or too little to judge",
    Exit.STORAGE: "results could not be stored",
    Exit.ENVIRONMENT: "busy folder, missing device or extra",
    Exit.RESOURCES: "would exceed memory or time",
    Exit.BUG: "a bug in gradlab",
    Exit.INTERRUPTED: "interrupted",
    Exit.TERMINATED: "terminated",
}


class GradlabError(Exception):
    """A mistake or a limit that the user can act on; printed as one line, `error: <where>: <what>`.

    `where` names the option or `file:key`; `what` says what came, then what is allowed or what to do.
    """

    def __init__(self, where: str, what: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what
        self.code = code

    def __reduce__(self) -> tuple[type["GradlabError"], tuple[str, str, Exit]]:
        """As it is sent from another process."""
        return type(self), (self.where, self.what, self.code)


class MonitorWarning(UserWarning):
    """What `gradlab.Monitor` has to say of a training; each kind of it once.

    `warnings.simplefilter("error", gradlab.MonitorWarning)` makes the first of them end the training.
    """


def shown(value: object, limit: int = 60) -> str:
    r"""A value as it may appear in a one-line message: control characters escaped, long text shortened.

    >>> shown("a\nb")
    "'a\\nb'"
    """
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def size(count: int) -> str:
    """Bytes for people.

    >>> size(8 * 10**12)
    '8 TB'
    """
    value, unit = float(count), 0
    units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 1000 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {units[unit]}"


def duration(seconds: float) -> str:
    """Time for people.

    >>> duration(3.0), duration(200.0), duration(9000.0)
    ('3 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
