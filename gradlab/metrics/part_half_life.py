"""Where the transport of a part has halved."""

from typing import TYPE_CHECKING

from gradlab.metrics._horizon import Fall
from gradlab.profiles import HALF, Measured

if TYPE_CHECKING:
    import xarray


class PartHalfLife(Fall):
    """Lag by which the transport of a part has halved.

    The first lag at which the largest singular value of dpart_T/dpart_t is half of what it is at lag 0,
    interpolated in log10. Undefined where lag 0 has no norm.
    Of the whole state it is that of the transport.
    """

    order = 131
    needs = quantity = "part_transport"
    decades = HALF
    column = False
    panel = ""

    def of_part(self, norms: "xarray.Dataset", part: str) -> Measured | None:
        return self._of(norms, part)
