"""Near a number, or exactly a word."""

from gradlab.samples import Sample, Samples, Verdict, Where, decide


def equals(samples: Samples, where: Where, wanted: float | str, *, within: float = 1e-6) -> Verdict:
    """The value is a given one, at every point: a number to `within`, with its interval, or a regime's word.

    wanted - within <= low,   high <= wanted + within
    """

    def judge(sample: Sample) -> Verdict:
        if isinstance(wanted, str):
            return decide(sample, sample.word == wanted, sample.word != wanted)
        least, most = wanted - within, wanted + within
        return decide(
            sample, least <= sample.low <= sample.high <= most, sample.high < least or sample.low > most
        )

    return samples.every(where, judge)
