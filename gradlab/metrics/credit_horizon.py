"""Within which lag the gradient of the recurrent weights is collected."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.metrics._horizon import Horizon
from gradlab.profiles import Measured, stored, with_states
from gradlab.states import BACKWARD_NONFINITE, NOT_COMPUTED, OK

if TYPE_CHECKING:
    import xarray

SHARE = 0.95
"""Of the recurrent weight gradient, that lies within the credit horizon."""


class CreditHorizon(Horizon):
    """Lag within which 95 % of the weight gradient lies.

    The smallest lag k with sum_{lag<=k} |G_lag| >= 95 % of the sum over all lags; G_lag is the part of
    dL/dW_rec from the use of W_rec at that lag. Undefined if all are exactly zero.
    """

    order = 50
    limits = (1.0, 0.02)
    heading = "credit"
    legend = "95 % of the recurrent weight gradient comes from within"
    note = "credit horizon: 95 % of the recurrent weight gradient comes from within"
    phrase = "95 % of the recurrent weight gradient comes from lags 0 to {:g}"
    panel = "credit horizon\n(95 % of the weight gradient)"
    caption = "95 % of the weight gradient comes from within so many steps"
    bigger_is_better = True

    def measure(self, norms: "xarray.Dataset") -> Measured:
        return collected(*stored(norms, "weight_gradient"))


def collected(log_norm: NDArray[np.float64], state: NDArray[Any]) -> Measured:
    """The credit horizon of profiles (..., lag); terms are scaled before they leave the log domain."""
    logs = np.where(state == OK, log_norm, -np.inf)
    top = logs.max(axis=-1, keepdims=True)
    total = np.cumsum(10.0 ** (logs - np.where(np.isfinite(top), top, 0.0)), axis=-1)
    reached = np.argmax(total >= SHARE * total[..., -1:], axis=-1)
    whole = np.isfinite(top[..., 0]) & ~((state == BACKWARD_NONFINITE) | (state == NOT_COMPUTED)).any(axis=-1)
    return with_states(np.where(whole, reached, np.nan), state)
