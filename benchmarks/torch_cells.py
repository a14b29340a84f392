"""Every cell of gradlab in torch, written from its equations; nothing of gradlab's own steps is used.

A state is the list of its leaves, in gradlab's order; parameters keep their names, with tensors as leaves.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, sigmoid, tanh
from torch_network import ACTIVATIONS, Network, State, mixed, sums


def antisymmetric(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        (h,) = s
        r = (p.w_rec - p.w_rec.T - own.gamma * torch.eye(len(h), dtype=h.dtype)) @ h
        z = sigmoid(r + p.w_in[1] @ x + p.b[1]) if own.gate else 1.0
        return [h + own.eps * z * tanh(r + p.w_in[0] @ x + p.b[0])]

    return Network(step)


def cornn(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        y, z = s
        force = tanh(p.w_rec[0] @ y + p.w_rec[1] @ z + p.w_in @ x + p.b) - own.gamma * y
        if own.damping == "implicit":
            z = (z + own.dt * force) / (1 + own.dt * own.epsilon)
        else:
            z = z + own.dt * (force - own.epsilon * z)
        return [y + own.dt * z, z]

    return Network(step, leaves=2)


def coupled_lstm(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        h, c = s
        f, g, o = sums(p, h, x)
        c = sigmoid(f) * c + (1 - sigmoid(f)) * tanh(g)
        return [sigmoid(o) * tanh(c), c]

    return Network(step, leaves=2)


def elman(own: Any) -> Network:
    """`torch.nn.RNNCell` where it has the activation."""
    built_in = {"tanh": torch.rnn_tanh_cell, "relu": torch.rnn_relu_cell}.get(own.activation)

    def step(p: Any, s: State, x: Tensor) -> State:
        if built_in is not None:
            return [built_in(x[None], s[0][None], p.w_in, p.w_rec, p.b, torch.zeros_like(p.b))[0]]
        return [ACTIVATIONS[own.activation](p.w_rec @ s[0] + p.w_in @ x + p.b)]

    return Network(step)


def esn(own: Any) -> Network:
    return Network(lambda p, s, x: [mixed(own.leak, s[0], tanh(p.w_rec @ s[0] + p.w_in @ x + p.b))])


def gru(own: Any) -> Network:
    """`torch.nn.GRUCell` if the reset comes after."""

    def step(p: Any, s: State, x: Tensor) -> State:
        (h,) = s
        if own.reset == "after":
            b = p.b.reshape(-1)
            w_in, w_rec = p.w_in.reshape(len(b), -1), p.w_rec.reshape(len(b), -1)
            return [torch.gru_cell(x[None], h[None], w_in, w_rec, b, torch.zeros_like(b))[0]]
        r, z = (sigmoid(p.w_rec[k] @ h + p.w_in[k] @ x + p.b[k]) for k in (0, 1))
        n = tanh(p.w_rec[2] @ (r * h) + p.w_in[2] @ x + p.b[2])
        return [z * h + (1 - z) * n]

    return Network(step)


def indrnn(own: Any) -> Network:
    f = ACTIVATIONS[own.activation]
    return Network(lambda p, s, x: [f(torch.diag(p.w_rec) @ s[0] + p.w_in @ x + p.b)])


def irnn(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        return [torch.rnn_relu_cell(x[None], s[0][None], p.w_in, p.w_rec, p.b, torch.zeros_like(p.b))[0]]

    return Network(step)


def janet(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        f, n = sums(p, s[0], x)
        return [sigmoid(f) * s[0] + (1 - sigmoid(f - own.beta)) * tanh(n)]

    return Network(step)


def layer_norm(own: Any) -> Network:
    inner = network(own.inner)

    def step(p: Any, s: State, x: Tensor) -> State:
        after = list(inner.step(p.cell, s, x))
        a = after[inner.read]
        after[inner.read] = torch.nn.functional.layer_norm(a, a.shape, p.gain, p.shift, own.epsilon)
        return after

    return inner._replace(step=step, recurrent=lambda p: inner.recurrent(p.cell))


def leaky(own: Any) -> Network:
    f = ACTIVATIONS[own.activation]
    return Network(lambda p, s, x: [mixed(own.leak, s[0], f(p.w_rec @ s[0] + p.w_in @ x + p.b))])


def lru(own: Any) -> Network:
    """In torch's complex numbers."""

    def step(p: Any, s: State, x: Tensor) -> State:
        turn = torch.exp(torch.complex(-torch.exp(p.nu), torch.exp(p.theta)))
        z = turn * torch.complex(*s) + torch.exp(p.gamma) * torch.complex(*(p.w_in @ x))
        return [z.real, z.imag]

    return Network(step, recurrent=lambda p: [p.nu, p.theta], leaves=2)


def lstm(own: Any) -> Network:
    """`torch.nn.LSTMCell` if no part is taken away."""
    whole = own.gates == ("i", "f", "g", "o") and own.input_activation and own.output_activation
    linked = own.full_gate_recurrence

    def built_in(p: Any, s: State, x: Tensor) -> State:
        h, c = s
        b = p.b.reshape(-1)
        w_in, w_rec = p.w_in.reshape(len(b), -1), p.w_rec.reshape(len(b), -1)
        h, c = torch.lstm_cell(x[None], (h[None], c[None]), w_in, w_rec, b, torch.zeros_like(b))
        return [h[0], c[0]]

    def step(p: Any, s: State, x: Tensor) -> State:
        h, c, *before = s
        a = dict(zip(own.gates, sums(p, h, x), strict=True))
        g = a.pop("g")
        for k, gate in enumerate(a if linked else ()):
            a[gate] = a[gate] + sum(p.w_gates[k, j] @ before[0][j] for j in range(len(a)))
        opened = {gate: sigmoid(a[gate]) for gate in a}
        g = tanh(g) if own.input_activation else g
        c = opened.get("f", 1.0) * c + opened.get("i", 1.0) * g
        h = opened.get("o", 1.0) * (tanh(c) if own.output_activation else c)
        return [h, c, torch.stack(list(opened.values()))] if linked else [h, c]

    if linked:
        return Network(step, recurrent=lambda p: [p.w_rec, p.w_gates], leaves=3)
    return Network(built_in if whole else step, leaves=2)


def lstm97(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        h, c = s
        i, g, o = sums(p, h, x)
        if own.squash == "logistic":
            c = c + sigmoid(i) * (4 * sigmoid(g) - 2)
            return [sigmoid(o) * (2 * sigmoid(c) - 1), c]
        c = c + sigmoid(i) * tanh(g)
        return [sigmoid(o) * tanh(c), c]

    return Network(step, leaves=2)


def mgu(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        (h,) = s
        f = sigmoid(p.w_rec[0] @ h + p.w_in[0] @ x + p.b[0])
        n = tanh(p.w_rec[1] @ (f * h) + p.w_in[1] @ x + p.b[1])
        return [(1 - f) * h + f * n]

    return Network(step)


def min_gru(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        z, n = p.w_in @ x + p.b
        return [mixed(1 - sigmoid(z), s[0], n)]

    return Network(step, recurrent=lambda p: [p.w_in[0], p.b[0]])


def min_lstm(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        f, i, g = p.w_in @ x + p.b
        f, i = sigmoid(f), sigmoid(i)
        return [f / (f + i) * s[0] + i / (f + i) * g]

    return Network(step, recurrent=lambda p: [p.w_in[:2], p.b[:2]])


def minimal(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        e = ACTIVATIONS[own.embedding](p.w_in @ x)
        return [mixed(1 - sigmoid(p.w_rec[0] @ s[0] + p.w_embedded[0] @ e + p.b[0]), s[0], e)]

    return Network(step)


def orthogonal(own: Any) -> Network:
    """The reflections as matrices."""

    def step(p: Any, s: State, x: Tensor) -> State:
        w, one = p.w_rec, torch.eye(p.w_rec.shape[0], dtype=x.dtype)
        for v in p.mirrors.flip(0):
            w = w @ (one - 2 * torch.outer(v, v) / (v @ v))
        a = w @ s[0] + p.w_in @ x
        if own.activation == "modrelu":
            return [torch.sign(a) * torch.relu(torch.abs(a) + p.b)]
        return [ACTIVATIONS[own.activation](a + p.b)]

    return Network(step)


def peephole_lstm(own: Any) -> Network:
    def step(p: Any, s: State, x: Tensor) -> State:
        h, c = s
        i, f, g, o = sums(p, h, x)
        c = sigmoid(f + p.peep[1] * c) * c + sigmoid(i + p.peep[0] * c) * tanh(g)
        return [sigmoid(o + p.peep[2] * c) * tanh(c), c]

    return Network(step, leaves=2)


def residual(own: Any) -> Network:
    inner = network(own.inner)

    def step(p: Any, s: State, x: Tensor) -> State:
        cell, past = list(s[: inner.leaves]), s[inner.leaves :]
        # h_{t-1}, h_{t-2} .. h_{t-skip}
        read = torch.cat([cell[inner.read][None], *past])
        if own.join == "before":
            cell[inner.read] = cell[inner.read] + own.strength * read[-1]
        after = list(inner.step(p, cell, x))
        if own.join == "after":
            after[inner.read] = after[inner.read] + own.strength * read[-1]
        return [*after, read[:-1]] if past else after

    return inner._replace(step=step, leaves=inner.leaves + (own.skip > 1))


def stacked(own: Any) -> Network:
    one = network(own.layer)

    def step(p: Any, s: State, x: Tensor) -> State:
        after: State = []
        for k in range(own.layers):
            after += one.step(p[k], s[k * one.leaves : (k + 1) * one.leaves], x)
            x = after[k * one.leaves + one.read]
        return after

    def recurrent(p: Any) -> list[Tensor]:
        return [weights for layer in p for weights in one.recurrent(layer)]

    return Network(step, recurrent, own.layers * one.leaves, (own.layers - 1) * one.leaves + one.read)


CELLS: dict[str, Callable[[Any], Network]] = {
    make.__name__: make
    for make in (
        *(antisymmetric, cornn, coupled_lstm, elman, esn, gru, indrnn, irnn, janet, layer_norm, leaky),
        *(lru, lstm, lstm97, mgu, min_gru, min_lstm, minimal, orthogonal, peephole_lstm, residual, stacked),
    )
}


def network(cell: Any) -> Network:
    """The cell that has these settings, by the name of its file.

    Raises:
      KeyError: for a cell that is not written here.
    """
    return CELLS[type(cell).__module__.rpartition(".")[2]](cell)
