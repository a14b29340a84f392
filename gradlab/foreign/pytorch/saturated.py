"""A step of torch with what saturates replaced: what is zero in its derivative then is zero by definition.

`tanh` that rounds to 1, `sigmoid` that rounds to 0 or 1 and `exp` that underflows have a derivative of 0 in
floating point, and none in truth. While `unsaturated()` is on they stop short of their bounds. What decides
within the same step (a relu, a maximum, a mask) sees the replaced numbers.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

SHORT = 2.0**-10
"""How far from its bound a saturating function stops."""


@contextlib.contextmanager
def unsaturated() -> Iterator[None]:
    """Run torch with functions that saturate stopped short of their bounds."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    aten = torch.ops.aten
    bounds = {
        aten.tanh: (-1 + SHORT, 1 - SHORT),
        aten.sigmoid: (SHORT, 1 - SHORT),
        aten.exp: (SHORT, 1 / SHORT),
        aten.erf: (-1 + SHORT, 1 - SHORT),
    }
    inplace = {aten.tanh_: aten.tanh, aten.sigmoid_: aten.sigmoid, aten.exp_: aten.exp, aten.erf_: aten.erf}

    class Mode(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            packet = op.overloadpacket
            kind = inplace.get(packet, packet)
            found = op(*args, **(kwargs or {}))
            if kind not in bounds:
                return found
            kept = found.clamp(*bounds[kind])
            return found.copy_(kept) if packet in inplace else kept

    with Mode():
        yield
