"""Where the forward pass overflows."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab.metrics._horizon import Step
from gradlab.profiles import Measured
from gradlab.states import OK, UNDEFINED

if TYPE_CHECKING:
    import xarray


class NonfiniteStep(Step):
    """First step whose state is not finite.

    Undefined where there is none.
    """

    order = 60
    axis = "first step that is not finite"

    def measure(self, norms: "xarray.Dataset") -> Measured:
        step = norms["nonfinite_step"].transpose("cell", "init", "w_rec", "T", "seed").values
        state = np.where(step > 0, OK, UNDEFINED).astype(np.int8)
        return Measured(np.where(step > 0, step, np.nan), state)
