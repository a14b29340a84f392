"""`gradlab.measure` of what PyTorch has: modules that step, layers over a sequence, files of weights."""

import contextlib
import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab import runtime
from gradlab.errors import GradlabError
from gradlab.foreign.pytorch import known

if TYPE_CHECKING:
    import xarray

    from gradlab.foreign.pytorch.equal import Recurrence
    from gradlab.foreign.pytorch.layers import Layers

RECURRENT = re.compile(r"(.*[._])?weight_hh(_l\d+(_reverse)?)?")
"""What torch calls the recurrent weights."""


def meant(given: object) -> bool:
    """Whether it is for this module: a `torch.nn.Module`, a file of weights, or weights by name."""
    return known.is_module(given) or isinstance(given, str | Path | Mapping)


def measure(
    given: Any,
    xs: Any,
    state: Any,
    *,
    arch: str | None,
    activation: str | None,
    w_rec: Callable[[Any], Any] | None,
    probe: str | Sequence[str],
    **asked: Any,
) -> "xarray.Dataset":
    """What `gradlab.measure` gives of a step, of a module of torch or of weights of one of its layers.

    `nn.RNN`, `LSTM` and `GRU` are read into equal steps, which JAX measures; any other module makes one step,
    and is sent back by torch itself. A bidirectional network has a row of the axis `cell` for each layer and
    direction.
    """
    runtime.configure()
    xs, asked["lengths"] = known.unpacked(xs, asked["lengths"])
    if known.is_module(given):
        import torch

        if arch is not None or activation is not None:
            raise GradlabError("arch", "is for weights without a module; a module says what it is")
        if not isinstance(given, torch.nn.RNNBase):
            return _stepped(given, xs, state, w_rec, probe, asked)
        from gradlab.foreign.pytorch import layers

        return _layered(layers.of_module(given), given, xs, state, w_rec, probe, asked)
    from gradlab.foreign.pytorch import equal, files, layers

    named = isinstance(given, Mapping)
    where = "weights" if named else str(given)
    weights = files.checked(where, given) if named else files.read(Path(given))
    read = layers.of_weights(where, weights, arch, activation)
    # Weights alone need no torch; where it is there, both are run as for a module.
    module = equal.built(read) if importlib.util.find_spec("torch") is not None else None
    return _layered(read, module, xs, state, w_rec, probe, asked)


def _layered(
    layers: "Layers", module: Any, xs: Any, state: Any, w_rec: Any, probe: Any, asked: dict[str, Any]
) -> "xarray.Dataset":
    from gradlab.foreign.pytorch import equal
    from gradlab.studies.sweep import alone, directions, single

    xs, lengths = _sequences(layers, xs, asked.pop("lengths"))
    parts = [equal.recurrences(layers, state, one) for one in xs]
    for one in xs if module is not None else ():
        equal.require_agreement(module, layers, state, one)
    found = []
    directions.require_one_direction(len(parts[0]), asked)
    with _precise(layers.precision):
        for one, *others in zip(*parts, strict=True):
            step, picked = directions.named(one.step, one.name), w_rec or _recurrent
            own = asked if asked["readout"] is not None else asked | {"readout": one.readout}
            inputs = one.xs
            if lengths is not None:
                inputs, own = _padded([one, *others], lengths), own | {"lengths": lengths}
            with single.of_part(one.name):
                found.append(
                    alone.measure(step, one.params, one.state, inputs, w_rec=picked, probe=probe, **own)
                )
    norms = directions.joined(found)
    checked = "its outputs equal torch's" if module is not None else "not compared: torch is not installed"
    norms.attrs |= {"source": f"torch {layers.arch}", "checked": checked}
    norms.attrs["model"] = alone.digest(layers.weights)
    return norms


def _sequences(layers: "Layers", xs: Any, lengths: Any) -> tuple[list[Any], Any]:
    """The inputs of each sequence at its own length, and these lengths; one sequence has none."""
    form = f"(T, {layers.inputs})" if lengths is None else f"(B, T, {layers.inputs})"
    if lengths is None:
        inputs = known.sequence(xs, layers.precision)
        ends: list[Any] = [None]
    else:
        from gradlab.studies.sweep import batches

        with _precise(layers.precision):
            batch = batches.of(known.host(xs), lengths, (), None, False)
        inputs, lengths = known.sequence(batch.xs, layers.precision), batch.lengths
        ends = lengths.tolist()
    if inputs.ndim != len(form.split(",")) or inputs.shape[-1] != layers.inputs:
        one = "one sequence" if lengths is None else "a batch"
        raise GradlabError("xs", f"has shape {inputs.shape}; of {one} for this {layers.arch} it is {form}")
    return [inputs] if lengths is None else [one[:n] for one, n in zip(inputs, ends, strict=True)], lengths


def _padded(parts: "Sequence[Recurrence]", lengths: Any) -> Any:
    """What one recurrence is given by each sequence, as a batch."""
    import numpy as np

    longest = max(lengths)
    ends = [((0, longest - len(one.xs)), (0, 0)) for one in parts]
    return np.stack([np.pad(one.xs, end) for one, end in zip(parts, ends, strict=True)])


def _recurrent(params: Any) -> Any:
    return {name: leaf for name, leaf in params.items() if RECURRENT.fullmatch(name)}


@contextlib.contextmanager
def _precise(precision: str) -> Iterator[None]:
    """JAX in the module's precision, whatever the host has set."""
    import jax

    with jax.enable_x64(True) if precision == "float64" else contextlib.nullcontext():
        yield


def _stepped(
    module: Any, xs: Any, state: Any, w_rec: Any, probe: Any, asked: dict[str, Any]
) -> "xarray.Dataset":
    import torch

    from gradlab.studies.sweep import alone, torch_ragged, torch_steps

    lengths = asked.pop("lengths")
    left_out = {"probe": probe or None, "resets": asked.pop("resets")}
    for name, one in left_out.items():
        if one is not None:
            raise GradlabError(
                name, "is for steps in JAX and for torch's RNN, LSTM and GRU; leave it out here"
            )
    # The random numbers of a training that this is called from are not used up.
    with torch.random.fork_rng(devices=[]):
        if lengths is not None:
            found = torch_ragged.measured(module, xs, state, lengths, w_rec=w_rec or _recurrent, **asked)
        else:
            found = torch_steps.measured(module, xs, state, w_rec=w_rec or _recurrent, **asked)
    return found.assign_attrs(model=alone.digest(dict(module.named_parameters())))
