"""Where the transport of a part has fallen by a factor of a thousand."""

from gradlab.metrics._horizon import Fall
from gradlab.profiles import SOFT


class PartSoftHorizon(Fall):
    """Lag by which the transport of a part has fallen by 10^3.

    The first lag at which the largest singular value of dpart_T/dpart_t is 10^-3 of what it is at lag 0,
    interpolated in log10. Undefined where lag 0 has no norm.
    Of the whole state it is that of the transport.
    """

    order = 132
    needs = quantity = "part_transport"
    by_part = True
    decades = SOFT
    column = False
    panel = ""
