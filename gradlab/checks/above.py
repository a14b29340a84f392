"""Above a number."""

from gradlab.findings.samples import Samples, Verdict, Where, decide


def above(samples: Samples, where: Where, wanted: float) -> Verdict:
    """The whole interval lies above a number, at every point."""
    return samples.every(where, lambda sample: decide(sample, sample.low > wanted, sample.high <= wanted))
