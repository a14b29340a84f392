"""A network whose first unit is set by hand: its memory changes sign at every quotation mark."""

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry
from gradlab.studies.neurons.networks import Alphabet
from gradlab.studies.remedies.networks import Setting, Weights
from gradlab.types import Remedy

UNITS = 6


def setting(symbols, units=UNITS, cell="lstm"):
    return Setting(Alphabet(symbols), registry.make("cells", cell), Remedy(), 8, units, 4, "adam")


def drawn(made, seed=0):
    """Weights and first state of a network as it is drawn."""
    normal = lambda key, n: jax.random.normal(key, (n, n)) / np.sqrt(n)
    symbols, units = made.task.symbols, made.hidden
    params, state = made.cell.init(jax.random.key(seed), symbols, units, 1.0, normal)
    w_out = 0.3 * jax.random.normal(jax.random.key(seed + 1), (symbols, units))
    cast = lambda leaf: leaf.astype(jnp.float32)
    return jax.tree.map(cast, Weights(params, w_out, jnp.zeros(symbols))), jax.tree.map(cast, state)


def quotes(vocabulary):
    """The network: gates i, f, g, o. At a quotation mark c' = tanh(2 - 10 h), elsewhere c' = c."""
    made = setting(len(vocabulary))
    weights, state = drawn(made)
    mark = vocabulary.index('"')
    w_in, w_rec, b = (np.array(leaf) for leaf in weights.cell)
    w_in, w_rec = 3.0 * w_in, w_rec.copy()
    w_in[:, 0], w_rec[:, 0], b[:, 0] = 0.0, 0.0, 0.0
    b[:, 0] = (-20.0, 20.0, 2.0, 20.0)
    w_in[0, 0, mark], w_in[1, 0, mark], w_rec[2, 0, 0] = 40.0, -40.0, -10.0
    cell = type(weights.cell)(*(jnp.asarray(leaf, jnp.float32) for leaf in (w_in, w_rec, b)))
    return made, weights._replace(cell=cell), state


def text(characters, seed=0):
    """Words, some of them quoted."""
    rng = np.random.default_rng(seed)
    words, inside = [], False
    while sum(map(len, words)) < characters:
        if rng.random() < 0.08:
            words.append('"')
            inside = not inside
        words.append(["he", "said", "no", "go there", "yes."][rng.integers(5)])
        words.append("\n" if rng.random() < 0.1 and not inside else " ")
    return "".join(words)[:characters]
