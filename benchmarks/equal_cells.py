"""gradlab's elman, lstm and gru beside torch's cells with equal weights, in float64: states and gradients.

Run: python benchmarks/equal_cells.py
"""

import jax
import jax.numpy as jnp
import numpy as np
import torch

from gradlab import registry

D, N, T, LIMIT = 3, 16, 100, 1e-12
CELLS = {"elman": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru(reset=after)": torch.nn.GRUCell}
ORDER = {"elman": None, "lstm": "ifgo", "gru(reset=after)": "rzn"}


def ours(spec, cell, params, state, xs):
    """The last hidden state, and the gradient of its sum for the recurrent weights and the inputs."""

    def last(w_rec, xs):
        end = jax.lax.scan(lambda s, x: (cell.step(params._replace(w_rec=w_rec), s, x), None), state, xs)[0]
        return end.h.sum(), end.h

    (_, h), grads = jax.jit(jax.value_and_grad(last, argnums=(0, 1), has_aux=True))(params.w_rec, xs)
    return np.asarray(h), arranged(spec, cell, np.asarray(grads[0])), np.asarray(grads[1])


def theirs(spec, cell, params, xs):
    """The same of torch's cell."""
    made = CELLS[spec](D, N, dtype=torch.float64)
    with torch.no_grad():
        made.weight_hh.copy_(torch.tensor(arranged(spec, cell, np.asarray(params.w_rec))))
        made.weight_ih.copy_(torch.tensor(arranged(spec, cell, np.asarray(params.w_in))))
        made.bias_ih.copy_(torch.tensor(arranged(spec, cell, np.asarray(params.b))))
        made.bias_hh.zero_()
    given = torch.tensor(np.array(xs), requires_grad=True)
    state = None
    for x in given:
        state = made(x[None], None if state is None else state)
    h = (state[0] if isinstance(state, tuple) else state)[0]
    h.sum().backward()
    return h.detach().numpy(), made.weight_hh.grad.numpy(), given.grad.numpy()


def arranged(spec, cell, leaf):
    """A stack of gates in torch's order, one below the other."""
    if ORDER[spec] is None:
        return leaf
    return np.concatenate([leaf[cell.gates.index(gate)] for gate in ORDER[spec]])


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    for spec in CELLS:
        cell, start = registry.make("cells", spec), registry.make("initializers", "orthogonal")
        params, state = cell.init(jax.random.key(0), D, N, 1.0, start)
        xs = jax.random.normal(jax.random.key(1), (T, D), jnp.float64)
        pairs = zip(ours(spec, cell, params, state, xs), theirs(spec, cell, params, xs), strict=True)
        worst = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)
        print(f"{spec:<18} largest difference {worst:.1e} of the largest entry, T={T}, N={N}")
        assert worst < LIMIT, spec


if __name__ == "__main__":
    main()
