"""Where the transport of a part has halved."""

from gradlab.metrics._horizon import Fall
from gradlab.profiles import HALF


class PartHalfLife(Fall):
    """Lag by which the transport of a part has halved.

    The first lag at which the largest singular value of dpart_T/dpart_t is half of what it is at lag 0,
    interpolated in log10. Undefined where lag 0 has no norm.
    Of the whole state it is that of the transport.
    """

    order = 131
    needs = quantity = "part_transport"
    by_part = True
    decades = HALF
    column = False
    panel = ""
