"""Reading what the package prints: clauses by their form, numbers by their digits, lists by their names.

A clause whose form is not known is an error, so that a new sentence has to be taught to the tests.
"""

import math
import re
from pathlib import Path

from gradlab.report.sources import Progress, Source

NUM = r"[-+−]?(?:\d+(?:\.\d+)?(?:e[-+−]?\d+)?|∞|infinite|inf)"


def value(text):
    """A printed number."""
    text = text.replace("−", "-").replace("∞", "inf").replace("infinite", "inf")
    return float(text)


def source(run):
    """A run as a report reads it."""
    return Source("run", Path("run"), run.about, run, Progress(1, 0, 1))


def is_printed(text, number):
    """Whether a printed number is that number, to the digits that are printed."""
    shown = value(text)
    if not math.isfinite(shown) or not math.isfinite(number):
        return shown == number
    mantissa, _, exponent = text.replace("−", "-").lstrip("+-").partition("e")
    last = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    if "." not in mantissa and not exponent:
        # A whole number may have lost digits to the left of its point: 4 significant ones at the least.
        last = max(1.0, 10.0 ** (len(mantissa) - 4)) if abs(number - round(number)) > 1e-9 else 1.0
    return abs(shown - number) <= 0.5 * last * (1 + 1e-6) + 1e-9 * abs(number)


def one_of(names):
    """A pattern for one of these names, the longer ones first."""
    return "(?:" + "|".join(re.escape(name) for name in sorted(set(names), key=len, reverse=True)) + ")"


def list_of(pattern):
    """A pattern for `a`, `a and b`, `a, b and c`, and `a, b and 4 more`."""
    return rf"{pattern}(?:, {pattern})*(?: and (?:{pattern}|\d+ more))?"


def named(text, names):
    """The names of a list, and how many more there are."""
    more = re.search(r" and (\d+) more$", text)
    found = re.findall(one_of(names), text[: more.start()] if more else text)
    assert found, f"no name in {text!r}"
    assert len(set(found)) == len(found), f"a name twice in {text!r}"
    return found, int(more[1]) if more else 0


class Forms:
    """The forms that a kind of clause may have, each with what it asserts."""

    def __init__(self, **words):
        self.words, self.known = {"num": NUM, **words}, []
        self.used = set()

    def form(self, pattern):
        """Decorator: `pattern` is a regular expression in which <<name>> stands for one of the words."""
        whole = re.compile(re.sub(r"<<(\w+)>>", lambda found: self.words[found[1]], pattern))

        def add(check):
            self.known.append((pattern, whole, check))
            return check

        return add

    def hold(self, clause):
        """Find the form of a clause and check what it says."""
        for pattern, whole, check in self.known:
            if found := whole.fullmatch(clause):
                self.used.add(pattern)
                check(**found.groupdict())
                return
        raise AssertionError(f"a sentence of a form that no test knows: {clause!r}")
