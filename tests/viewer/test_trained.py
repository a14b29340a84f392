"""The page of a run that `gradlab neurons` has made: whole, true to its weights, and to its files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import execute, registry
from gradlab.studies import base
from gradlab.studies.neurons.settings import Neurons
from tests.studies.neurons import hand_set
from tests.viewer import made
from tests.viewer.opened import HAPPENED, needed

pytestmark = [needed, pytest.mark.slow]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three cells trained for a moment, read again from their folder."""
    home = tmp_path_factory.mktemp("trained")
    (home / "a.txt").write_text(hand_set.text(30_000))
    asked = Neurons(
        str(home / "a.txt"), cell=("lstm", "gru", "elman"), hidden=24, updates=150, T=16, batch=16,
        lr=(0.02,), scored=2000, shown=1500,
    )  # fmt: skip
    execute.run(asked, folder=home / "run")
    return base.read(home / "run", "neurons")


def exact(run, k, at):
    """log10 |d logit of the most probable / d x| by lag, from the weights in float64 and the first state."""
    about, arrays = run.about["cells"][k], run.norms
    cell, codes = registry.make("cells", about["cell"]), arrays["codes"].values
    symbols = len(run.about["vocabulary"])
    forms = jax.eval_shape(
        lambda key: cell.init(key, symbols, about["hidden"], 1.0, lambda key, n: jnp.eye(n)),
        jax.random.key(0),
    )
    taken = lambda form, kind: form._replace(
        **{name: np.asarray(arrays[f"cell{k}_{kind}_{name}"].values, float) for name in form._fields}
    )
    params, starts = taken(forms[0], "weight"), taken(forms[1], "start")
    out = np.asarray(arrays[f"cell{k}_weight_out"].values, float)[arrays[f"cell{k}_top"].values[at, 0]]

    def logit(xs):
        state = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), starts)
        last = jax.lax.scan(lambda state, x: (cell.step(params, state, x), None), state, xs)[0]
        return out @ cell.readout(last)

    slopes = jax.jit(jax.grad(logit))(jax.nn.one_hot(codes[: at + 1], symbols, dtype=float))
    return np.log10(np.linalg.norm(slopes, axis=1)[::-1][: made.LAGS + 1])


def test_the_gradient_is_that_of_the_trained_cell_to_a_hundredth(opening, run):
    tab = opening(run)
    for k in range(3):
        for at in (250, 1100):
            symbol = int(run.norms[f"cell{k}_top"].values[at, 0])
            logs = tab.run(f"Study.gradient(Study.cells[{k}], {at}, {symbol}).logs.map(String)")
            found, wanted = np.array([float(log) for log in logs]), exact(run, k, at)
            seen = wanted > wanted.max() - 12
            assert np.abs(10 ** (found - wanted) - 1)[seen].max() < 1e-2, (k, at)
    assert not tab.events(*HAPPENED)


def test_what_the_page_computes_is_what_was_measured(opening, run):
    """All states and gates of every cell, to a rounding to int8."""
    tab = opening(run, room=0)
    for k, about in enumerate(run.about["cells"]):
        for part in (*about["leaves"], *about["gates"]):
            array = run.norms[f"cell{k}_{part if part in about['leaves'] else f'gate_{part}'}"]
            found = tab.run(
                f"(cell => {{ const part = cell.parts.find(({{ id }}) => id === {part!r});"
                " Study.need(cell, 0, Study.codes.length, Infinity);"
                " const value = (i, at) => Study.value(cell, part, i, at);"
                " const values = (_, i) => Array.from(Study.codes, (_, at) => value(i, at));"
                f" return part.units.map(values); }})(Study.cells[{k}])"
            )
            steps = np.asarray(found).T / array.attrs["scale"] - array.values
            assert np.abs(steps).max() < 2.01, (k, part)
            assert np.abs(steps).mean() < 0.1, (k, part)
