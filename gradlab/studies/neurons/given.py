"""A character model that was trained elsewhere: weights of torch's names, as a cell on one-hot characters.

a_t = W_ih E[code_t] + ...  =  (W_ih E^T) onehot_t + ...    with an embedding E (symbols, d) folded into W_ih
logits_t = W_out h_t + b_out
"""

import functools
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gradlab import registry
from gradlab.errors import GradlabError, shown
from gradlab.foreign.pytorch import files, layers
from gradlab.series import text as characters
from gradlab.studies.neurons import corpus
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.networks import Weights

WEIGHTS, HEAD, ALPHABET = "--weights", "--head", "--alphabet"


class Model(NamedTuple):
    """A network as its file has it, in float64."""

    spec: str
    """The cell that it is."""
    hidden: int
    alphabet: str
    numbers: dict[str, NDArray[np.float64]]
    """Of the cell, by the names of its parameters."""
    w_out: NDArray[np.float64]
    b_out: NDArray[np.float64]
    digest: str
    """Of weights and alphabet."""

    def weights(self, dtype: Any) -> Weights:
        """The same as a reading takes it."""
        made = registry.make("cells", self.spec)
        zero = lambda key, n: np.zeros((n, n))
        init = lambda key: made.init(key, len(self.alphabet), self.hidden, 1.0, zero)
        form = jax.eval_shape(init, jax.random.key(0))[0]
        params = form._replace(**self.numbers)
        cast = lambda leaf: jax.numpy.asarray(leaf, dtype)
        return Weights(*jax.tree.map(cast, (params, self.w_out, self.b_out)))


def text(asked: Neurons) -> corpus.Text:
    """What is read: of a network that is trained here in parts, of a given one as a whole.

    Raises:
      GradlabError: as `corpus.read` and `of`, and for a character that the alphabet of the network lacks.
    """
    if not asked.weights:
        return corpus.read(asked.text, asked.corpus)
    return corpus.whole(asked.text, asked.corpus, of(asked).alphabet)


def of(asked: Neurons) -> Model:
    """The network that settings name; its file is read once as long as it stays as it is.

    Raises:
      GradlabError: for files that are missing or not what they should be, weights that are no character
        model of one direction and layer, and an alphabet of another size than what it predicts.
    """
    stamps = []
    for path in (asked.weights, asked.alphabet):
        try:
            found = Path(path).stat() if path else None
        except OSError:
            # Told by whoever reads it.
            found = None
        stamps.append((found.st_mtime_ns, found.st_size, found.st_ino) if found else ())
    return _of(asked.weights, asked.arch, asked.activation, asked.head, asked.alphabet, tuple(stamps))


@functools.lru_cache(maxsize=2)
def _of(file: str, arch: str, activation: str, head: str, alphabet: str, stamps: Any) -> Model:
    del stamps
    path = Path(file)
    weights = files.read(path)
    read = layers.of_options(file, weights, arch, activation)
    _require_plain(file, read)
    out = _head(file, head, read, weights)
    symbols = _alphabet(path, alphabet, len(weights[f"{out}.weight"]), out)
    drive = _one_hot(file, read, weights, out, len(symbols))
    wide = {name.removesuffix("_l0"): w.astype(np.float64) for name, w in read.weights.items()}
    numbers = _numbers(read, drive, wide)
    matrix = weights[f"{out}.weight"].astype(np.float64)
    bias = weights.get(f"{out}.bias", np.zeros(len(matrix))).astype(np.float64)
    found = hashlib.sha256(symbols.encode())
    for values in (*numbers.values(), matrix, bias):
        found.update(f"{values.shape}".encode() + np.ascontiguousarray(values).tobytes())
    return Model(_spec(read), read.units, symbols, numbers, matrix, bias, found.hexdigest()[:32])


def _require_plain(file: str, read: layers.Layers) -> None:
    for count, what in (
        (read.depth, f"has {read.depth} layers"),
        (len(read.directions), "reads from both ends"),
        (1 + ("weight_hr_l0" in read.weights), "has a projection"),
    ):
        if count > 1:
            advice = "one layer that reads forward is opened; gradlab measure takes others"
            raise GradlabError(WEIGHTS, f"{shown(file)} {what}; {advice}")


def _spec(read: layers.Layers) -> str:
    """The cell of gradlab with the same equations."""
    spec = {"rnn": f"elman(activation={read.activation})", "lstm": "lstm", "gru": "gru(reset=after_bias)"}
    return registry.label("cells", spec[read.arch])


def _numbers(
    read: layers.Layers, drive: NDArray[np.float64], wide: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Parameters of the cell: its gates, in torch's order, have an axis of their own."""
    count, N = layers.GATES[read.arch], read.units
    none = np.zeros(count * N)
    of_x, of_h = wide.get("bias_ih", none), wide.get("bias_hh", none)
    made = {"w_in": drive, "w_rec": wide["weight_hh"], "b": of_x + of_h}
    if read.arch == "rnn":
        return made
    if read.arch == "gru":
        # The bias of the candidate that torch adds to W_n h is inside of the product with r.
        made["b"] = np.concatenate([made["b"][: 2 * N], of_x[2 * N :]])
    found = {name: values.reshape(count, N, *values.shape[1:]) for name, values in made.items()}
    return found | ({"b_rec": of_h[2 * N :]} if read.arch == "gru" else {})


def _head(file: str, asked: str, read: layers.Layers, weights: files.Weights) -> str:
    """The name of the linear layer above: the one that is named, or the only one that there can be."""
    fits = _matrices(read, weights, read.out)
    # An embedding has no bias.
    sure = [name for name in fits if f"{name}.bias" in weights]
    some = [asked] if asked in fits else [] if asked else sure if len(sure) == 1 else fits
    if len(some) == 1:
        return some[0]
    has = ", ".join(fits) or f"there is no matrix (symbols, {read.out}) beside the recurrent layer"
    came = f"{shown(asked)} is no linear layer above of {file}" if asked else f"is not clear of {file}"
    raise GradlabError(HEAD, f"{came}; {has}")


def _matrices(read: layers.Layers, weights: files.Weights, columns: int) -> list[str]:
    """Names of matrices beside the recurrent layer with so many columns."""
    return [
        name.removesuffix(".weight")
        for name in read.beside
        if name.endswith(".weight") and weights[name].ndim == 2 and weights[name].shape[1] == columns
    ]


def _alphabet(path: Path, named: str, outputs: int, head: str) -> str:
    where = named or str(path)
    if named:
        symbols = characters.symbols(Path(named))
    else:
        found = files.alphabet(path)
        if found is None:
            what = f"is missing, and {path} holds none; name a file of its symbols in the network's order"
            raise GradlabError(ALPHABET, what)
        symbols = characters.unlike(where, found)
    if len(symbols) != outputs:
        what = f"has {len(symbols)} symbols, and {head} predicts {outputs}; one for each, in their order"
        raise GradlabError(where, what)
    return symbols


def _one_hot(
    file: str, read: layers.Layers, weights: files.Weights, head: str, symbols: int
) -> NDArray[np.float64]:
    """W_ih of one-hot characters, an embedding in front folded into it."""
    own = {f"{head}.weight", f"{head}.bias"}
    rest = [name for name in read.beside if name not in own]
    matrix: NDArray[np.float64] = read.weights["weight_ih_l0"].astype(np.float64)
    form = (symbols, read.inputs)
    if not rest and read.inputs == symbols:
        return matrix
    if len(rest) == 1 and weights[rest[0]].shape == form:
        return matrix @ weights[rest[0]].astype(np.float64).T
    has = f"holds {', '.join(map(shown, rest[:6]))} as well" if rest else f"takes {read.inputs} numbers"
    what = f"an embedding {form} or one-hot characters go in front, and one linear layer comes above"
    raise GradlabError(WEIGHTS, f"{shown(file)} {has}; {what}")
