"""Every member of a kind, spelled and made, and the contracts that it is held to; names none of them."""

import inspect
from collections import Counter
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from gradlab import registry
from gradlab.errors import Exit, GradlabError
from gradlab.studies.sweep.program import PROBES


def specs(kind):
    """Every member as it comes, and with each value that a setting of a few named values can take."""
    found = []
    for name in registry.names(kind):
        factory = registry.member(kind, name)
        hints = get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
        found.append(name)
        for setting in registry.settings(factory):
            if get_origin(hints[setting]) is Literal:
                found += [f"{name}({setting}={value})" for value in get_args(hints[setting])]
            if hints[setting] is bool:
                found += [f"{name}({setting}={value})" for value in ("true", "false")]
    return sorted({registry.label(kind, spec) for spec in found})


def further_probes():
    """The probes that a sweep runs only if asked."""
    return [name for name in registry.names("probes") if name not in PROBES]


def checks(kind, listed):
    """The contracts of every member, by a name for each; `listed` lists those of one."""
    return {f"{spec}-{check!r}": check for spec in specs(kind) for check in listed(spec)}


def held(check):
    """Call a check; skips where what its member needs is not installed."""
    try:
        check()
    except GradlabError as error:
        if error.code is not Exit.ENVIRONMENT:
            raise
        pytest.skip(str(error))


def counted(checks):
    """How many members each contract is held against."""
    return Counter(repr(check) for check in checks.values())


def told(checks, contract):
    """What is said of a member that breaks that contract."""
    (check,) = (check for check in checks if repr(check) == contract)
    with pytest.raises(AssertionError) as caught:
        check()
    return str(caught.value)
