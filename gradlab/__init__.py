"""A laboratory for vanishing and exploding gradients in recurrent networks.

`measure` follows the gradient of any step function back through time without losing it to underflow,
`plot` draws the result, `verdict` says it in a sentence and `verify` tells whether the gradient is right.
`Monitor` watches a network while it trains.
`reach` says how far back the last output of any model feels its inputs, and why it does not.
`sweep`, `train`, `neurons` and `run` do what the commands do, and `load` reads what these have kept.
`Bidirectional` makes two steps the directions of one network, for `measure`.
`surrogate` marks a step whose backward pass differs from its derivative on purpose. The command is `gradlab`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlab.api.calls import load as load
    from gradlab.api.calls import neurons as neurons
    from gradlab.api.calls import plot as plot
    from gradlab.api.calls import run as run
    from gradlab.api.calls import sweep as sweep
    from gradlab.api.calls import train as train
    from gradlab.api.run import Run as Run
    from gradlab.errors import MonitorWarning as MonitorWarning
    from gradlab.foreign.bidirectional import Bidirectional as Bidirectional
    from gradlab.gradcheck.verify import verify as verify
    from gradlab.monitoring.monitor import Monitor as Monitor
    from gradlab.reaching.reach import reach as reach
    from gradlab.recurrence.surrogates import surrogate as surrogate
    from gradlab.studies.sweep.alone import measure as measure
    from gradlab.studies.sweep.sentences import verdict as verdict

__version__ = "0.1.0"

_HOMES = {
    "Bidirectional": "gradlab.foreign.bidirectional",
    "Monitor": "gradlab.monitoring.monitor",
    "MonitorWarning": "gradlab.errors",
    "Run": "gradlab.api.run",
    "load": "gradlab.api.calls",
    "measure": "gradlab.studies.sweep.alone",
    "neurons": "gradlab.api.calls",
    "plot": "gradlab.api.calls",
    "reach": "gradlab.reaching.reach",
    "run": "gradlab.api.calls",
    "surrogate": "gradlab.recurrence.surrogates",
    "sweep": "gradlab.api.calls",
    "train": "gradlab.api.calls",
    "verdict": "gradlab.studies.sweep.sentences",
    "verify": "gradlab.gradcheck.verify",
}
__all__ = ["Run", "__version__", "load", "measure", "plot", "run", "surrogate", "sweep", "train", "verdict"]
__all__ += ["Bidirectional", "Monitor", "MonitorWarning", "neurons", "reach", "verify"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gradlab' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
