"""Where a prediction of a finished reading has its reason: `d logit_t / d x_k` back over the characters."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab import registry
from gradlab.errors import GradlabError, shown
from gradlab.recurrence.scaled import log10_norm
from gradlab.studies.neurons import memory
from gradlab.studies.neurons.networks import Alphabet, leaves
from gradlab.studies.neurons.results import Reading
from gradlab.studies.remedies.networks import Setting, Weights
from gradlab.types import Remedy

Tree = Any


def back(run: Reading, cell: int, at: int) -> NDArray[np.float64]:
    """log10 |d logit / d x_{at - lag}| by lag, of what is most probable after character `at`.

    At most `memory.LAGS` characters, or up to the first state of the run's kept ones before that.
    """
    setting, weights, first = network(run, cell)
    anchor = run.about["anchor"]
    begin = max(0, at - memory.LAGS) // anchor
    state = jax.tree.unflatten(
        jax.tree.structure(first),
        [jnp.asarray(run.norms[f"cell{cell}_start_{name}"].values[begin]) for name, _ in leaves(first)],
    )
    codes = run.norms["codes"].values[begin * anchor : at + 1]
    many = jax.tree.map(lambda leaf: leaf[None], state)
    found = log10_norm(memory.program(setting)(weights, many, jnp.asarray(codes[None])))
    return found[0, : memory.LAGS + 1]


def network(run: Reading, cell: int) -> tuple[Setting, Weights, Tree]:
    """A cell of a run with its trained weights, and the form of its state.

    Raises:
      GradlabError: for a cell that is code of one's own: the name in a file is no reason to run it.
    """
    one, symbols = run.cells[cell], len(run.about["vocabulary"])
    if ":" in one["cell"]:
        what = f"{shown(one['cell'])} is code that the run does not hold; cells of gradlab alone are followed"
        raise GradlabError("--gradient", what)
    made = registry.make("cells", one["cell"])
    setting = Setting(Alphabet(symbols), made, Remedy(), 1, one["hidden"], 1)
    zero = lambda key, n: jnp.zeros((n, n))
    params, state = jax.eval_shape(
        lambda key: made.init(key, symbols, one["hidden"], 1.0, zero), jax.random.key(0)
    )
    own = [jnp.asarray(run.norms[f"cell{cell}_weight_{name}"].values) for name, _ in leaves(params)]
    out = (jnp.asarray(run.norms[f"cell{cell}_{name}"].values) for name in ("weight_out", "bias_out"))
    return setting, Weights(jax.tree.unflatten(jax.tree.structure(params), own), *out), state
