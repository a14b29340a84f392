"""A callable of torch's tensors, as a model."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.foreign.pytorch.known import is_module, is_tensor
from gradlab.foreign.pytorch.saturated import unsaturated
from gradlab.reaching.models import Array, Format, Model, failed, last, named, require_outputs
from gradlab.reaching.widened import widened


def model(fn: Callable[[Any], Any], xs: Any) -> Model:
    """The model that a callable of tensors is at inputs (T, ...); a module is copied first.

    Raises:
      GradlabError: if it fails, or gives no floating-point tensor.
    """
    import torch

    # Its buffers and its own counters stay as they were.
    own = copy.deepcopy(fn) if is_module(fn) else fn
    given = _inputs(own, xs)
    T = len(given)

    def flat(x: Any) -> Any:
        found = last(own(x), T)
        if not is_tensor(found) or not found.is_floating_point():
            kind = found.dtype if is_tensor(found) else type(found).__name__
            raise GradlabError("fn", f"gives {kind}; a gradient needs tensors of floating-point numbers")
        return found.reshape(-1)

    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            tried = flat(given)
    except GradlabError:
        raise
    except Exception as error:
        form = f"a tensor {str(given.dtype).removeprefix('torch.')}{list(given.shape)}"
        raise failed(error, form) from error
    require_outputs(tried.numel())

    def value(inputs: Array) -> Array:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            # On the generator as it goes on: of dropout, two runs differ.
            torch.manual_seed(_next_seed())
            return _host(flat(torch.as_tensor(inputs, device=given.device).to(given.dtype)))

    def pulled(k: int) -> Array:
        return _sent(flat, given, 2.0**k)

    def unrounded() -> NDArray[np.bool_] | None:
        try:
            with unsaturated():
                found = _sent(flat, given, 1.0)
        except Exception:
            # A fused operation that cannot be run that way.
            return None
        return np.array((found != 0).any(axis=0).reshape(T, -1).any(axis=1), bool)

    def wide() -> Model | None:
        if tried.dtype == torch.float64:
            return None
        try:
            made = model(widened(own), given.double())
        except Exception:
            # It names a narrower format somewhere within.
            return None
        return made if made.format.name == "float64" else None

    return Model(named(fn), _format(tried.dtype), _host(given), value, pulled, unrounded, wide, tried.numel())


_SEEDS = np.random.default_rng(0)


def _next_seed() -> int:
    return int(_SEEDS.integers(2**31))


def _inputs(fn: Any, xs: Any) -> Any:
    """The inputs as a tensor, in the format of the module's parameters where there are some."""
    import torch

    given = xs.detach().clone() if is_tensor(xs) else torch.tensor(np.asarray(xs))
    if is_module(fn):
        first = next((p for p in fn.parameters() if p.is_floating_point()), None)
        return given if first is None else given.to(first.device, first.dtype)
    return given


def _sent(flat: Callable[[Any], Any], given: Any, size: float) -> Array:
    """What a cotangent of that size of each entry of the last output sends into the inputs."""
    import torch

    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        x = given.detach().requires_grad_()
        out = flat(x)
        found = []
        for i in range(out.numel()):
            seed = torch.zeros_like(out)
            seed[i] = size
            sent = None
            if out.requires_grad:
                (sent,) = torch.autograd.grad(out, x, seed, retain_graph=True, allow_unused=True)
            found.append(np.zeros(tuple(x.shape)) if sent is None else _host(sent))
    return np.stack(found)


def _host(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().double().numpy(), np.float64)


def _format(dtype: Any) -> Format:
    import torch

    info = torch.finfo(dtype)
    top = int(np.frexp(float(info.max))[1]) - 1
    return Format(str(dtype).removeprefix("torch."), float(info.eps), float(info.tiny), top)
