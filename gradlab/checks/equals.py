"""Near a number, or exactly a word."""

from gradlab.findings.samples import Margin, Sample, Samples, Verdict, Where, decide

NEAR = Margin(1e-6)


def equals(samples: Samples, where: Where, wanted: float | str, *, within: Margin = NEAR) -> Verdict:
    """The value is a given one, at every point: a number to `within`, with its interval, or a regime's word.

    wanted - within <= low,   high <= wanted + within

    A regime that the seeds leave UNDECIDED cannot be judged.
    """

    def judge(sample: Sample) -> Verdict:
        if isinstance(wanted, str):
            return _word(sample, wanted)
        least, most = wanted - within, wanted + within
        inside, outside = least <= sample.low <= sample.high <= most, sample.high < least or sample.low > most
        return decide(sample, inside, outside, sides=2)

    return samples.every(where, judge)


def _word(sample: Sample, wanted: str) -> Verdict:
    """A regime, which is a word only where the seeds bear it; one seed bears none."""
    if sample.lost:
        return Verdict("failed", sample, sample.lost)
    if sample.word == "UNDECIDED":
        return Verdict("cannot judge", sample, "the seeds do not decide it")
    if sample.word == wanted and sample.seeds < 2 and sample.level != 1:
        return Verdict("cannot judge", sample, "one seed speaks for no other")
    return Verdict("passed" if sample.word == wanted else "failed", sample)
