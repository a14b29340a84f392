"""A laboratory for vanishing and exploding gradients in recurrent networks.

`measure` follows the gradient of any step function back through time without losing it to underflow,
`plot` draws the result and `verdict` says it in a sentence. `surrogate` marks a step whose backward pass
differs from its derivative on purpose. The command is `gradlab`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlab.recurrence.surrogates import surrogate as surrogate
    from gradlab.studies.sweep.alone import measure as measure
    from gradlab.studies.sweep.alone import plot as plot
    from gradlab.studies.sweep.rows import verdict as verdict

__version__ = "0.1.0"
__all__ = ["__version__", "measure", "plot", "surrogate", "verdict"]

_HOMES = {
    "measure": "gradlab.studies.sweep.alone",
    "plot": "gradlab.studies.sweep.alone",
    "surrogate": "gradlab.recurrence.surrogates",
    "verdict": "gradlab.studies.sweep.rows",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gradlab' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
