"""A small network in a file of weights, a series, and functions that give networks."""

import numpy as np

N, D, ROWS = 3, 2, 40
COLUMNS = ("a", "b", "c")


def weights(seed=0):
    """An `nn.RNN` under the name `rnn`, and a linear layer `fc` above it, in float64."""
    rng = np.random.default_rng(seed)
    return {
        "rnn.weight_ih_l0": rng.normal(size=(N, D)) / 2,
        "rnn.weight_hh_l0": rng.normal(size=(N, N)) / 2,
        "rnn.bias_ih_l0": rng.normal(size=N) / 4,
        "rnn.bias_hh_l0": rng.normal(size=N) / 4,
        "fc.weight": rng.normal(size=(1, N)),
        "fc.bias": rng.normal(size=1),
    }


def series(rows=ROWS):
    """Two inputs and a target, to six digits, as the file has them."""
    t = np.arange(rows)
    return np.round(np.stack([np.sin(t / 3), np.cos(t / 5), np.sin((t + 1) / 3)], axis=1), 6)


def write(folder):
    """`w.npz` and `s.csv`."""
    np.savez(folder / "w.npz", **weights())
    lines = [",".join(COLUMNS), *(",".join(f"{value:.6f}" for value in row) for row in series())]
    text = "\n".join(lines) + "\n"
    # The two inputs alone: without --columns all of a series are inputs.
    (folder / "s.csv").write_text("\n".join(line.rpartition(",")[0] for line in text.splitlines()) + "\n")
    (folder / "all.csv").write_text(text)


MODULE = """
import jax.numpy as jnp

def step(w, h, x):
    return jnp.tanh(w * h + x)

def make():
    return step, jnp.float32(0.9), jnp.zeros(2, jnp.float32), lambda h: h.sum()

def blind():
    return step, jnp.float32(0.9), jnp.zeros(2, jnp.float32)

def wide():
    return step, jnp.float32(0.9), jnp.zeros(2, jnp.float32), lambda h: h

def broken():
    raise ValueError("no weights\\nhere")

number = 3
def nothing():
    return number
"""
"""A file of functions that give a network, or something else."""
CELLS = """
import equinox
import jax
import numpy as np
from flax import linen, nnx

def of_equinox():
    return equinox.nn.GRUCell(2, 3, key=jax.random.key(0))

def of_nnx():
    return nnx.GRUCell(2, 3, rngs=nnx.Rngs(0))

def of_linen():
    cell = linen.GRUCell(3)
    carry = cell.initialize_carry(jax.random.key(0), (2,))
    return cell, cell.init(jax.random.key(1), carry, np.zeros(2, np.float32))
"""
"""A file of functions that give a cell of a library."""
