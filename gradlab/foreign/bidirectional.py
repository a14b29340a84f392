"""Two step functions of JAX as the directions of one network."""

import dataclasses
from collections.abc import Callable
from typing import Any


def _whole(state: Any) -> Any:
    return state


@dataclasses.dataclass(frozen=True)
class Bidirectional:
    """A network that reads its sequence from both ends, for `gradlab.measure`.

    forward:    f_t = forward(p, f_{t-1}, x_t)
    backward:   b_t = backward(q, b_{t+1}, x_t)
    above, of several layers:   x'_t = [readout(f_t), readout(b_t)]

    `gradlab.measure(Bidirectional(forward, backward), (p, q), (f, b), xs)` gives a row of the axis `cell` for
    each direction, with its lag along it: from the last step back, and from the first step on. Of several
    `layers` params and state are one such pair for each, the lowest first; each layer is measured given what
    those below put into it.

    Reference: Schuster, Paliwal 1997, Bidirectional recurrent neural networks.
    """

    forward: Callable[[Any, Any, Any], Any]
    """A step `(params, state, x) -> state`."""
    backward: Callable[[Any, Any, Any], Any] | None = None
    """Likewise; the same function, with weights of its own, if it is left out."""
    readout: Callable[[Any], Any] = _whole
    """What the layer above reads of a state: an array."""
    layers: int = 1

    @property
    def name(self) -> str:
        """As its rows begin."""
        name = getattr(self.forward, "__name__", "step")
        return "step" if name == "<lambda>" else name
