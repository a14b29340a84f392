"""Where the transport has fallen by a factor of a thousand."""

from gradlab.metrics._horizon import Fall
from gradlab.profiles import SOFT


class SoftHorizon(Fall):
    """Lag by which the transport has fallen by 10^3.

    The first lag at which its norm is 10^-3 of what it is at lag 0, interpolated in log10.
    """

    order = 30
    decades = SOFT
    heading = "soft"
    legend = "lags by which it has fallen| by 10^3"
    note = "soft horizon: lag by which it has fallen by 10^3"
    phrase = "falls by 10^3 within {:.3g}"
    panel = "soft horizon\n(lag for a factor 1000)"
