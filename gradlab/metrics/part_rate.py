"""How fast the transport of a part shrinks or grows."""

from gradlab.metrics._slope import Slope


class PartRate(Slope):
    """Slope of log10 transport of a part per step of lag.

    The median over the slopes of all pairs of lags, of the largest singular value of dpart_T/dpart_t:
    negative vanishes. Undefined with fewer than two norms that are known.
    Of the whole state it is that of the transport.
    """

    order = 130
    needs = quantity = "part_transport"
    by_part = True
    column = False
    axis = "rate of the transport of a part (log10 per step of lag)"
