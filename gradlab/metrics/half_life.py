"""Where the transport has halved."""

from gradlab.metrics._horizon import Fall
from gradlab.profiles import HALF


class HalfLife(Fall):
    """Lag by which the transport has halved.

    The first lag at which its norm is half of what it is at lag 0, interpolated in log10.
    """

    order = 20
    decades = HALF
    heading = "half"
    title = "half-life"
    legend = "lags by which it has fallen| by 2"
    note = "lag by which the transport has fallen by 2"
    phrase = "it halves within {:.3g} steps"
    absent = "it does not fall to half within {T} steps"
    panel = "half-life\n(lag for a factor 2)"
