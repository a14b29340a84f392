"""Steps equal to torch's layers, and the proof of it: both are run, and their outputs compared.

rnn     h = f(W_ih x + b_ih + W_hh h + b_hh),    f tanh or relu
lstm    i, f, g, o = W_ih x + b_ih + W_hh h + b_hh
        c = s(f) c + s(i) tanh(g),    h = s(o) tanh(c),    with a projection h = W_hr s(o) tanh(c)
gru     r, z = s(W_ih x + b_ih + W_hh h + b_hh)
        n = tanh(W_in x + b_in + r (W_hn h + b_hn)),    h = (1 - z) n + z h

The same equations run in JAX, where they are measured, and in numpy's float64, where they are compared.

Reference: the equations of torch.nn.RNN, LSTM and GRU in PyTorch's documentation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.foreign.pytorch.known import array
from gradlab.foreign.pytorch.layers import Layers

Tree = Any
COMPARED = 16
"""Steps of the sequence that both are run over: over more, a chaotic network would part them."""
APART = 1e-8
"""How far the outputs of both may differ in float64, of the largest."""


class Maths(NamedTuple):
    """What the equations need beside products and sums."""

    tanh: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    relu: Callable[[Any], Any]
    split: Callable[[Any, int], Any]


class Memory(NamedTuple):
    """The state of an LSTM's layer, in the order that torch has it."""

    h: Any
    c: Any


class Recurrence(NamedTuple):
    """One recurrence of a network, as `gradlab.measure` takes it."""

    name: str
    step: Callable[[Any, Any, Any], Any]
    params: Tree
    state: Tree
    xs: NDArray[Any]
    readout: Callable[[Any], Any]
    """What the layer above, or the loss, sees of its state."""


def _sigmoid(a: NDArray[Any]) -> NDArray[Any]:
    half: NDArray[Any] = 0.5 * (1 + np.tanh(0.5 * a))
    return half


IN_JAX = Maths(jnp.tanh, jax.nn.sigmoid, jax.nn.relu, jnp.split)
IN_NUMPY = Maths(np.tanh, _sigmoid, lambda a: np.maximum(a, 0), np.split)


def one_step(layers: Layers, do: Maths) -> Callable[[Any, Any, Any], Any]:
    """The step of one layer in one direction; the state is h, or of an LSTM h and c."""

    def sums(p: Any, name: str, v: Any) -> Any:
        product = p[f"weight_{name}"] @ v
        return product + p[f"bias_{name}"] if f"bias_{name}" in p else product

    def rnn(p: Any, h: Any, x: Any) -> Any:
        a = sums(p, "ih", x) + sums(p, "hh", h)
        return do.tanh(a) if layers.activation == "tanh" else do.relu(a)

    def lstm(p: Any, state: Any, x: Any) -> Any:
        i, f, g, o = do.split(sums(p, "ih", x) + sums(p, "hh", state.h), 4)
        c = do.sigmoid(f) * state.c + do.sigmoid(i) * do.tanh(g)
        h = do.sigmoid(o) * do.tanh(c)
        return Memory(p["weight_hr"] @ h if "weight_hr" in p else h, c)

    def gru(p: Any, h: Any, x: Any) -> Any:
        (r, z, n), (hr, hz, hn) = do.split(sums(p, "ih", x), 3), do.split(sums(p, "hh", h), 3)
        r, z = do.sigmoid(r + hr), do.sigmoid(z + hz)
        return (1 - z) * do.tanh(n + r * hn) + z * h

    return {"rnn": rnn, "lstm": lstm, "gru": gru}[layers.arch]


def recurrences(layers: Layers, state: Any, xs: NDArray[Any]) -> list[Recurrence]:
    """The recurrences that a network is made of.

    In one direction that is one, all layers in one step, and its parameters have torch's names. In both, no
    step holds the whole network, since the backward direction starts at the last input: each layer and
    direction is a recurrence along its own direction, given what the layers below put into it. Its parameters
    have torch's names without their ends.
    """
    starts = initial(layers, state)
    if len(layers.directions) == 1:
        return [_stack(layers, starts, xs)]
    found, below, one = [], xs, one_step(layers, IN_NUMPY)
    for layer in range(layers.depth):
        outs = []
        for end in layers.directions:
            own = below[::-1] if end else below
            name = f"{layers.arch}.l{layer}" + ("_reverse" if end else "")
            start, params = starts[f"l{layer}{end}"], layers.one(layer, end)
            found.append(Recurrence(name, one_step(layers, IN_JAX), params, start, own.copy(), output))
            ran = _run(one, params, start, own)
            outs.append(ran[::-1] if end else ran)
        below = np.concatenate(outs, axis=-1)
    return found


def _stack(layers: Layers, starts: dict[str, Any], xs: NDArray[Any]) -> Recurrence:
    """All layers as one step; of one layer alone the state is that layer's own."""
    one = one_step(layers, IN_JAX)

    def step(params: Any, state: Any, x: Any) -> Any:
        after = {}
        for layer in range(layers.depth):
            after[f"l{layer}"] = one(layers._replace(weights=params).one(layer), state[f"l{layer}"], x)
            x = output(after[f"l{layer}"])
        return after

    if layers.depth > 1:
        top = f"l{layers.depth - 1}"
        return Recurrence(layers.arch, step, layers.weights, starts, xs, lambda state: output(state[top]))
    alone = lambda params, state, x: step(params, {"l0": state}, x)["l0"]
    return Recurrence(layers.arch, alone, layers.weights, starts["l0"], xs, output)


def output(state: Any) -> Any:
    """What a layer gives of its state: h."""
    return state.h if isinstance(state, Memory) else state


def initial(layers: Layers, state: Any) -> dict[str, Any]:
    """The initial states by layer and direction: zeros, or from torch's `h_0` or `(h_0, c_0)`.

    Raises:
      GradlabError: for other shapes than (layers * directions, size).
    """
    ends = [f"l{layer}{end}" for layer in range(layers.depth) for end in layers.directions]
    sizes = {"h": layers.out} | ({"c": layers.units} if layers.arch == "lstm" else {})
    given = list(state) if isinstance(state, tuple | list) else [state] * (state is not None)
    if given and len(given) != len(sizes):
        raise GradlabError("state", f"has {len(given)} parts; {layers.arch} takes {' and '.join(sizes)}")
    parts = {}
    for i, (part, size) in enumerate(sizes.items()):
        form = (len(ends), size)
        value = array(f"state {part}", given[i]) if given else np.zeros(form)
        if value.shape != form:
            raise GradlabError(f"state {part}", f"has shape {value.shape}; here it is {form}")
        parts[part] = value.astype(layers.precision)
    if layers.arch == "lstm":
        return {end: Memory(parts["h"][i], parts["c"][i]) for i, end in enumerate(ends)}
    return {end: parts["h"][i] for i, end in enumerate(ends)}


def _run(step: Any, params: Any, state: Any, xs: NDArray[Any]) -> NDArray[Any]:
    ran = []
    with np.errstate(over="ignore", invalid="ignore"):
        for x in xs:
            state = step(params, state, x)
            ran.append(output(state))
    return np.stack(ran)


def require_agreement(module: Any, layers: Layers, state: Any, xs: NDArray[Any]) -> None:
    """Run torch's module and the equal steps over the first inputs, both in float64.

    Raises:
      GradlabError: if their outputs differ: hooks, a forward of its own, or weights that are not those.
    """
    import copy

    import torch

    some = np.asarray(xs[:COMPARED], np.float64)
    wide = layers._replace(weights={name: w.astype(np.float64) for name, w in layers.weights.items()})
    starts, own, below = initial(wide, state), one_step(wide, IN_NUMPY), some
    for layer in range(wide.depth):
        outs = []
        for end in wide.directions:
            turn = slice(None, None, -1) if end else slice(None)
            outs.append(_run(own, wide.one(layer, end), starts[f"l{layer}{end}"], below[turn])[turn])
        below = np.concatenate(outs, axis=-1)
    double = copy.deepcopy(module).to("cpu", torch.float64)
    double.batch_first = False
    start = None if state is None else _torch_state(state)
    with torch.no_grad():
        theirs = double(torch.as_tensor(some), start)[0].numpy()
    apart = float(np.max(np.abs(theirs - below))) if theirs.shape == below.shape else float("inf")
    if not apart <= APART * max(float(np.max(np.abs(below))), 1e-300):
        what = f"gives other outputs than torch's {layers.arch} with its weights (apart by {apart:.1e})"
        raise GradlabError("module", f"{what}; has it hooks or a forward of its own? gradlab.reach takes any")


def built(layers: Layers) -> Any:
    """Torch's module of these weights."""
    import torch

    makers = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    more: dict[str, Any] = {"nonlinearity": layers.activation} if layers.arch == "rnn" else {}
    if "weight_hr_l0" in layers.weights:
        more["proj_size"] = layers.out
    module = makers[layers.arch](
        layers.inputs,
        layers.units,
        layers.depth,
        bias="bias_ih_l0" in layers.weights,
        bidirectional=len(layers.directions) > 1,
        dtype=getattr(torch, layers.precision),
        **more,
    )
    module.load_state_dict({name: torch.tensor(w) for name, w in layers.weights.items()})
    return module


def _torch_state(state: Any) -> Any:
    import torch

    def wide(leaf: Any) -> Any:
        return torch.as_tensor(array("state", leaf).astype(np.float64))

    return tuple(map(wide, state)) if isinstance(state, tuple | list) else wide(state)
