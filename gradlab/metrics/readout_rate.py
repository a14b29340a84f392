"""How fast the readout transport shrinks or grows."""

from gradlab.metrics._slope import Slope


class ReadoutRate(Slope):
    """Slope of log10 readout transport per step of lag.

    The median over the slopes of all pairs of lags, of the largest singular value of dreadout_T/dreadout_t:
    negative vanishes. Undefined with fewer than two norms that are known.
    """

    order = 120
    needs = quantity = "readout_transport"
    column = False
    axis = "rate of the readout transport (log10 per step of lag)"
