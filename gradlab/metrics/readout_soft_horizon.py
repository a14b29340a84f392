"""Where the readout transport has fallen by a factor of a thousand."""

from gradlab.metrics._horizon import Fall
from gradlab.profiles import SOFT


class ReadoutSoftHorizon(Fall):
    """Lag by which the readout transport has fallen by 10^3.

    The first lag at which the largest singular value of dreadout_T/dreadout_t is 10^-3 of what it is at
    lag 0, interpolated in log10. Undefined where lag 0 has no norm.
    """

    order = 122
    needs = quantity = "readout_transport"
    decades = SOFT
    column = False
    panel = ""
