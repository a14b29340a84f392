"""Where the derivative of a finite forward pass overflows."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab.metrics._horizon import Step
from gradlab.profiles import Measured, stored
from gradlab.states import BACKWARD_NONFINITE, OK, UNDEFINED

if TYPE_CHECKING:
    import xarray


class BackwardNonfiniteStep(Step):
    """Last step whose derivative is not finite, the first that the backward pass meets.

    Going back, lag T - step + 1 is the first without a norm. Undefined where there is none.
    """

    order = 70
    axis = "last step whose derivative is not finite"

    def measure(self, norms: "xarray.Dataset") -> Measured:
        lost = stored(norms, "transport", "state")[1] == BACKWARD_NONFINITE
        step = norms["T"].values[:, None] + 1 - np.argmax(lost, axis=-1)
        some = lost.any(axis=-1)
        code = np.where(some, OK, UNDEFINED).astype(np.int8)
        return Measured(np.where(some, step, np.nan).astype(np.float64), code)
