"""What the tests of comparisons share."""

GAIN = 1.01
"""What recurrent weights are multiplied by, and what must be noticed."""


def only(findings, status):
    return [finding for finding in findings if finding.status == status]
