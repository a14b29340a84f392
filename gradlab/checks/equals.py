"""Near a number, or exactly a word."""

from gradlab.findings.estimates import Decision, Estimate, Estimates, Margin, Where
from gradlab.findings.estimates import within as lies_within

NEAR = Margin(1e-6)


def equals(estimates: Estimates, where: Where, wanted: float | str, *, within: Margin = NEAR) -> Decision:
    """The value is a given one, at every point: a number to `within`, with its interval, or a regime's word.

    wanted - within <= low,   high <= wanted + within

    Of a regime that the seeds leave UNDECIDED it is inconclusive.
    """

    def judge(one: Estimate) -> Decision:
        if isinstance(wanted, str):
            return _word(one, wanted)
        return lies_within(one, wanted - within, wanted + within)

    return estimates.every(where, judge)


def _word(one: Estimate, wanted: str) -> Decision:
    """A regime, which is a word only where the seeds bear it; one seed bears none."""
    if one.lost:
        return Decision("failed", one, one.lost)
    if one.word == "UNDECIDED":
        return Decision("inconclusive", one, "the seeds do not decide it")
    if one.word == wanted and one.seeds < 2 and one.level != 1:
        return Decision("inconclusive", one, "one seed speaks for no other")
    return Decision("passed" if one.word == wanted else "failed", one)
