"""How far back the weight gradient says something of the target that so many sequences can tell."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab.metrics._horizon import Horizon
from gradlab.profiles import Measured, stored, with_states
from gradlab.resampling import rare
from gradlab.states import OK

if TYPE_CHECKING:
    import xarray


class StatisticalHorizon(Horizon):
    """Largest lag whose target-dependent gradient stands out of its noise.

    Lags are tested in their order, from 0, each at 5 %, and the first that is not told from noise ends it: so
    5 % stays 5 % for all of them together. Undefined where lag 0 is not told from noise. A lag that shows
    nothing hides those beyond it; `target_signal` tells of each, at 5 % of its own.
    """

    order = 120
    needs = "target_chance"
    limits = (1.0, 0.02)
    heading = "stat"
    legend = "lag up to which the gradient's dependence on the target stands out of its noise"
    note = "statistical horizon: up to here the gradient's dependence on the target stands out of its noise"
    panel = ""
    bigger_is_better = True

    def measure(self, norms: "xarray.Dataset") -> Measured:
        chance, state = stored(norms, self.needs)
        told = np.logical_and.accumulate((state == OK) & rare(chance), axis=-1)
        last = told.sum(axis=-1) - 1.0
        return with_states(np.where(last >= 0, last, np.nan), state)
