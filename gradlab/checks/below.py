"""Below a number."""

from gradlab.findings.samples import Samples, Verdict, Where, decide


def below(samples: Samples, where: Where, wanted: float) -> Verdict:
    """The whole interval lies below a number, at every point."""
    return samples.every(where, lambda sample: decide(sample, sample.high < wanted, sample.low >= wanted))
