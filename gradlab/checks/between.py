"""Between two numbers."""

from gradlab.findings.samples import Sample, Samples, Verdict, Where, decide


def between(samples: Samples, where: Where, wanted: tuple[float, float]) -> Verdict:
    """The whole interval lies between two numbers, ends included, at every point."""
    least, most = wanted

    def judge(sample: Sample) -> Verdict:
        inside, outside = least <= sample.low <= sample.high <= most, sample.high < least or sample.low > most
        return decide(sample, inside, outside, sides=2)

    return samples.every(where, judge)
