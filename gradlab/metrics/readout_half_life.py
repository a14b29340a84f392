"""Where the readout transport has halved."""

from gradlab.metrics._horizon import Fall
from gradlab.profiles import HALF


class ReadoutHalfLife(Fall):
    """Lag by which the readout transport has halved.

    The first lag at which the largest singular value of dreadout_T/dreadout_t is half of what it is at lag 0,
    interpolated in log10. Undefined where lag 0 has no norm.
    """

    order = 121
    needs = quantity = "readout_transport"
    decades = HALF
    column = False
    panel = ""
